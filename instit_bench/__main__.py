"""``python -m instit_bench``."""

from instit_bench.cli.main import main

if __name__ == "__main__":
    main()

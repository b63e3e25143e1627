"""``instit-bench``, also as ``python -m instit_bench``."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # beneath signal, which takes time to import
import gc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> NoReturn:
    """Run the command line; Ctrl-C ends it without Python's own traceback."""
    # A signal that is ignored, as in a shell's background, stays ignored.
    interruptible = _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler
    if interruptible:  # nothing has begun: while modules are loaded, the process just ends
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    from instit_bench.cli.main import main as run

    try:
        if interruptible:
            _signal.signal(_signal.SIGINT, _signal.default_int_handler)
        run()
    finally:
        if interruptible:  # nothing is left to do but the interpreter's own end
            _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
        gc.freeze()  # all memory goes at once; to look through it for garbage takes time


if __name__ == "__main__":
    main()

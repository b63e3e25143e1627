"""How an error of this package ends lmms-eval."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from instit_bench.errors import InstitBenchError


@contextmanager
def exit_on_error() -> Iterator[None]:
    """End the process with one line and the error's exit code.

    lmms-eval itself would print a traceback and exit with 0.
    """
    try:
        yield
    except InstitBenchError as error:
        sys.stderr.write(f"\ninstit-bench: error: {error}\n")
        sys.exit(error.exit_code)

"""What every command prints with: results on standard output, all else on standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

from instit_bench.display import one_line

if TYPE_CHECKING:
    from rich.console import Console


def stdout() -> Console:
    """Results: tables and numbers, never cut to a width when piped."""
    from rich.console import Console

    wide = None if sys.stdout is not None and sys.stdout.isatty() else 200
    return Console(highlight=False, width=wide, soft_wrap=False)


def stderr() -> Console:
    """Progress, notes and warnings."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def note(message: str) -> None:
    """One line about what is going on."""
    sys.stderr.write(f"{one_line(message)}\n")
    sys.stderr.flush()


def fail(message: str, code: int) -> NoReturn:
    """One clear line, and out."""
    sys.stderr.write(f"instit-bench: error: {one_line(message)}\n")
    sys.exit(code)

"""What every command prints with: results on standard output, all else on standard error."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

from instit_bench.display import one_line

if TYPE_CHECKING:
    from rich.console import Console


_UNFOLDED = 1000  # characters: wider than any table of ours


def stdout() -> Console:
    """Results: tables and numbers, as wide as the terminal.

    In a pipe or file they are as wide as ``COLUMNS`` says, or else as their content needs.
    """
    from rich.console import Console

    terminal = sys.stdout is not None and sys.stdout.isatty()
    columns = os.environ.get("COLUMNS", "")
    wide = None if terminal or columns.isdecimal() else _UNFOLDED
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

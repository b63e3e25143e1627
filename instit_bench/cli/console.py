"""What every command prints with: results on standard output, all else on standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

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
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()


def fail(message: str, code: int) -> NoReturn:
    """One clear line, and out."""
    # An endpoint's or a file's words may hold control characters, which a terminal would obey.
    line = "".join(c if c.isprintable() else "?" for c in " ".join(message.split()))
    sys.stderr.write(f"instit-bench: error: {line}\n")
    sys.exit(code)

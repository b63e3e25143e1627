"""Make text from data, models and files safe to show on a terminal and in Markdown."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence

_MARKUP = re.compile(r"[\\|<>\[\]*_`~&$!]")
# What Markdown renderers activate by themselves: mentions, references and bare URLs.
_LIVE = re.compile(r"@|#(?=\d)|:(?=//)|\bwww(?=\.)", re.IGNORECASE)


def one_line(text: str) -> str:
    """Return the text on one line; characters that a terminal, log or XML obeys become ``?``."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 call``, ``2,000 calls``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def path_text(path: str | os.PathLike[str]) -> str:
    """Return a path or file name as printable text; its bytes may not be valid UTF-8."""
    return os.fsencode(path).decode(errors="replace")


def markdown_text(text: str) -> str:
    """Escape the text so that Markdown shows it literally, within a line or a table cell."""
    escaped = _MARKUP.sub(r"\\\g<0>", one_line(text))
    return _LIVE.sub(r"\g<0>&#8203;", escaped)  # a zero-width space


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """Return a Markdown table; the first ``left`` columns contain text, the others numbers."""
    rule = ["---"] * left + ["---:"] * (len(header) - left)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *rows))

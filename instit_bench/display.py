"""Text from data, models and files, made safe to show: on a terminal and in Markdown."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence

_MARKUP = re.compile(r"[\\|<>\[\]*_`~&$!]")
# What Markdown's hosts bring to life by themselves: mentions, references and bare addresses.
_LIVE = re.compile(r"@|#(?=\d)|:(?=//)|\bwww(?=\.)", re.IGNORECASE)


def one_line(text: str) -> str:
    """The text on one line; what a terminal, a log or XML would obey or refuse becomes ``?``."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))


def path_text(path: str | os.PathLike[str]) -> str:
    """A path or a file's name as text that can be written; its bytes may be no UTF-8."""
    return os.fsencode(path).decode(errors="replace")


def markdown_text(text: str) -> str:
    """The text as Markdown shows it letter by letter, inside a line or a table's cell."""
    escaped = _MARKUP.sub(r"\\\g<0>", one_line(text))
    return _LIVE.sub(r"\g<0>&#8203;", escaped)  # a space of no width


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """A table of ready Markdown; the first ``left`` columns hold words, the others numbers."""
    rule = ["---"] * left + ["---:"] * (len(header) - left)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *rows))

"""The examples of a Markdown page: their commands, expected output and requirements.

The fenced blocks of a page run in one folder, from top to bottom:

- ``bash`` and ``console`` run in bash. In ``console``, lines that begin with ``$`` are commands,
and
  each is followed by its output.
- ``python`` runs in a separate Python process.
- ``text`` right after a block must occur somewhere in that block's output.
- A block whose first line is a comment with a file name, or with a file name in a comment above it,
  is written to that file.

In expected output, a line ``…`` stands for any lines, and ``…`` within a line for any text. A
comment above a block gives instructions that readers need not see::

    <!-- not run: needs a GPU -->
    <!-- needs: ../shared/data/inst_it, seen from the checkout; without it the block is skipped -->
    <!-- setup: instit-bench run --model first --backend baseline --data demo -->
    <!-- instead: the same command without installing the package, which CI has already done -->
    <!-- exit code: 3 -->
    <!-- file: colours/colours.json -->
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

_COMMENT = re.compile(
    r"<!--\s*(not run|needs|setup|instead|exit code|file):\s*(.*?)\s*-->", re.DOTALL
)
_FILE = re.compile(r"^(?:#|//)\s+([\w./-]+\.\w+|\w+/\w+)$")
RUN = ("bash", "console", "python")


@dataclass(frozen=True)
class Example:
    """One block that runs. ``printed`` is its expected output, if the page shows any."""

    line: int
    language: str
    code: str
    setup: tuple[str, ...] = ()
    not_run: str | None = None
    needs: str | None = None
    exit_code: int = 0
    printed: str | None = None
    writes: str | None = None


def examples(page: Path) -> list[Example]:
    """Return the page's examples in order."""
    found: list[Example] = []
    comments: list[tuple[str, str]] = []
    follows = False
    for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
        if token.type == "html_block":
            comments += _COMMENT.findall(token.content)
        elif token.type == "fence":
            example = _example(token.info.strip(), token.content, token.map[0] + 1, comments)
            if token.info.strip() == "text" and follows and not comments:
                found[-1] = _with_printed(found[-1], token.content)
            elif example is not None:
                found.append(example)
            follows, comments = example is not None and example.writes is None, []
        elif token.type == "paragraph_open":
            # Text may separate a block from its output, but a new section may not.
            comments = []
        elif token.type == "heading_open":
            follows, comments = False, []
    return found


def _example(
    language: str, code: str, line: int, comments: Sequence[tuple[str, str]]
) -> Example | None:
    said = {kind: text for kind, text in comments if kind != "setup"}
    setup = tuple(text for kind, text in comments if kind == "setup")
    not_run, exit_code = said.get("not run"), int(said.get("exit code", 0))
    named = _FILE.match(code.partition("\n")[0])
    if file := named[1] if named else said.get("file"):
        return Example(line, language, code, setup, not_run, writes=file)
    if language in RUN:
        if instead := said.get("instead"):
            # The console block then has one command and must still print the expected output.
            printed = "".join(printed for _, printed in commands(code))
            code = f"$ {instead}\n{printed}" if language == "console" else instead
        return Example(line, language, code, setup, not_run, said.get("needs"), exit_code)
    return None


def _with_printed(example: Example, printed: str) -> Example:
    return Example(**{**vars(example), "printed": printed})


def commands(console: str) -> Iterator[tuple[str, str]]:
    """Return each command of a console block with its expected output.

    A line that ends with a backslash continues on the next line.
    """
    for block in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
        command = re.match(r"(?:[^\n]*\\\n)*[^\n]*", block)
        assert command is not None
        yield command[0], block[command.end() :].strip("\n")


def is_printed(expected: str, actual: str, *, whole: bool) -> bool:
    """Return whether ``actual`` is the expected output or, if not ``whole``, contains it."""
    pattern = "".join(_pattern(line.rstrip()) for line in expected.strip("\n").split("\n"))
    text = "".join(f"{line.rstrip()}\n" for line in actual.strip("\n").split("\n"))
    if whole:
        return re.fullmatch(pattern, text) is not None
    return re.search(rf"^{pattern}", text, re.MULTILINE) is not None


def _pattern(line: str) -> str:
    if line.strip() == "…":
        return r"(?:[^\n]*\n)*?"
    return r"[^\n]*".join(map(re.escape, line.split("…"))) + "\n"

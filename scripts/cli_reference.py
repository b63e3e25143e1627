"""Generate docs/cli.md from the commands' help: ``python scripts/cli_reference.py``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from instit_bench.cli.main import app

DOCS = Path(__file__).resolve().parents[1] / "docs" / "cli.md"
_WIDTH = 78
HEAD = """# Command line

Results go to standard output; progress, notes and errors go to standard error. This page is
generated from `--help` by `python scripts/cli_reference.py`.

`run`, `score` and `judge` take the same judging options. `run` also reads its options from a YAML
file with `--config`; options on the command line override the file. An option that takes one value
must not be given twice.

| exit code | meaning |
|---|---|
| 0 | success |
| 1 | failure: too many errors, an unavailable endpoint, damaged data, or a regression |
| 2 | wrong usage or bad input; the message names the file, record and field, and what to do |
| 3 | not comparable (model, prompts or data differ), coverage too low, or budget reached |
| 130 | interrupted (Ctrl-C or SIGTERM); run the same command again to resume |
"""


def helps(command: Any, path: str, parent: Any = None) -> Iterator[tuple[str, str]]:
    """Yield each command's path and its help at a fixed width, groups before their commands."""
    context = command.context_class(
        command,
        info_name=path.rsplit(maxsplit=1)[-1],
        parent=parent,
        terminal_width=_WIDTH,
        **command.context_settings,
    )
    yield path, "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    for name, inner in getattr(command, "commands", {}).items():
        yield from helps(inner, f"{path} {name}", context)


def page() -> str:
    """Return the whole page as Markdown."""
    found = helps(typer.main.get_command(app), "instit-bench")
    return "\n".join([HEAD, *(f"## `{path}`\n\n```text\n{text}\n```\n" for path, text in found)])


if __name__ == "__main__":
    DOCS.write_text(page(), encoding="utf-8")

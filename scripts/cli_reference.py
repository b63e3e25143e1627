"""Write docs/cli.md from the commands' own help: ``python scripts/cli_reference.py``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from instit_bench.cli.main import app

DOCS = Path(__file__).resolve().parents[1] / "docs" / "cli.md"
_WIDTH = 78
HEAD = """# Command line

Every command prints its results on standard output and everything else on standard error. This
page is made from the commands' own `--help` by `python scripts/cli_reference.py`.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | the run or a check failed: too many errors, the endpoint is gone, data are damaged |
| 2 | wrong usage or bad input: one line says which file, record and field, and what to do |
| 3 | not comparable (what must be alike differs: model, prompts, data), or coverage too low |
| 130 | interrupted by Ctrl-C or SIGTERM; the same command goes on |
"""


def helps(command: Any, path: str, parent: Any = None) -> Iterator[tuple[str, str]]:
    """Each command's path and help at a fixed width, a group's before its commands'."""
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
    """The whole page."""
    found = helps(typer.main.get_command(app), "instit-bench")
    return "\n".join([HEAD, *(f"## `{path}`\n\n```text\n{text}\n```\n" for path, text in found)])


if __name__ == "__main__":
    DOCS.write_text(page(), encoding="utf-8")

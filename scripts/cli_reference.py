"""Generate docs/cli.md from the commands' help: ``python scripts/cli_reference.py``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from instit_bench.cli.main import app

DOCS = Path(__file__).resolve().parents[1] / "docs" / "cli.md"
_WIDTH = 78
HEAD = r"""# Command line

Results go to standard output; progress, notes and errors go to standard error. This page is
generated from `--help` by `python scripts/cli_reference.py`.

`run`, `score` and `judge` take the same judging options. `run` also reads its options from a YAML
file with `--config`; options on the command line override the file. An option that takes one value
must not be given twice.

Each option can also be set in the environment. Options of `run`, and those that mean the same in
several commands, are `INSTIT_BENCH_` and their name: `INSTIT_BENCH_BASE_URL`,
`INSTIT_BENCH_DATA`, `INSTIT_BENCH_QUIET`. All others carry their command:
`INSTIT_BENCH_REPORT_OUTPUT`, `INSTIT_BENCH_RUN_FRESH`. A switch is `true` or `false`; a
repeatable option has one value per line. The command line takes precedence over the environment,
and the environment over `--config`. A variable that begins with `INSTIT_BENCH_` but stands for no
option is reported.

A file `.env` in the working directory (not in folders above it) may hold such variables, and
`*_API_KEY`, `*_TOKEN` and `OPENAI_BASE_URL`, as `NAME=value`; other lines in it are ignored. What
the environment sets takes precedence. Each command names what it took, never a value. Do not run
the program in a folder whose `.env` you would not trust: it can send your key to another address.
`INSTIT_BENCH_INCLUDE_PATH`, which runs code, is refused there.

Messages can be fewer (`--quiet`), more (`--verbose`), or also in a file (`--log-file`).
`instit-bench --install-completion` lets the shell complete commands, options, tasks, backends and
run folders.

| exit code | meaning |
|---|---|
| 0 | success |
| 1 | failure: too many errors, an unavailable endpoint, damaged data, or a regression |
| 2 | wrong usage or bad input; the message names the file, record and field, and what to do |
| 3 | not comparable (model, prompts or data differ), coverage too low, or budget reached |
| 130 | interrupted (Ctrl-C, SIGTERM or SIGHUP); run the same command again to resume |
| 141 | nobody reads the output any more, as in `… \| head` |
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

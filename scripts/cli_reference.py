"""Write docs/cli.md from the commands' own help: ``python scripts/cli_reference.py``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs" / "cli.md"
COMMANDS = (
    (),
    ("run",),
    ("score",),
    ("export",),
    ("leaderboard",),
    ("report",),
    ("compare",),
    ("check",),
    ("baseline",),
    ("baseline", "save"),
    ("judge",),
    ("judge", "run"),
    ("judge", "collect"),
    ("judge", "estimate"),
    ("judge", "cache"),
    ("tasks",),
    ("tasks", "list"),
    ("tasks", "show"),
    ("tasks", "path"),
    ("data",),
    ("data", "list"),
    ("data", "download"),
    ("data", "verify"),
)
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


def help_of(command: tuple[str, ...]) -> str:
    """A command's help at a fixed width."""
    done = subprocess.run(
        [sys.executable, "-m", "instit_bench", *command, "--help"],
        env=os.environ | {"COLUMNS": "96", "TERMINAL_WIDTH": "96", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    text = done.stdout.replace("python -m instit_bench", "instit-bench").strip()
    return "\n".join(line.rstrip() for line in text.splitlines())


def page() -> str:
    """The whole page."""
    sections = [
        f"## `{' '.join(('instit-bench', *command))}`\n\n```text\n{help_of(command)}\n```\n"
        for command in COMMANDS
    ]
    return "\n".join([HEAD, *sections])


if __name__ == "__main__":
    DOCS.write_text(page(), encoding="utf-8")

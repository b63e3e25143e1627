"""The last line of a run: what to do next."""

from __future__ import annotations

import shlex
from pathlib import Path

from instit_bench.runs.loaded import Run
from instit_bench.scorers.judge.contract import OFFICIAL_JUDGE
from instit_bench.types import State


def next_line(run: Run) -> str:
    """Return the commands that suggest themselves, the most useful one first."""
    folder = str(run.path)
    commands = []
    if any(task.states.get(State.NOT_JUDGED) for task in run.results.tasks.values()):
        commands.append(["judge", folder, "--judge", OFFICIAL_JUDGE])
    commands.append(["report", folder])
    if other := _newest_beside(run.path):
        commands.append(["compare", str(other), folder])
    return "next: " + ", or ".join(shlex.join(["instit-bench", *words]) for words in commands)


def _newest_beside(run: Path) -> Path | None:
    """Return the run beside this one, with a task of it, whose results were written last."""
    tasks = _tasks(run)
    written = {
        path.parent: path.stat().st_mtime
        for path in run.parent.glob("*/results.json")
        if path.parent.name != run.name and tasks & _tasks(path.parent)
    }
    return max(written, key=lambda path: written[path], default=None)


def _tasks(run: Path) -> set[str]:
    return {path.name for path in run.glob("samples/*.jsonl")}

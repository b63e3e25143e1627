"""The last line of a run: what to do next."""

from __future__ import annotations

import shlex
from pathlib import Path

from instit_bench.runs.loaded import Run
from instit_bench.runs.results import RunResults
from instit_bench.scorers.judge.contract import OFFICIAL_JUDGE
from instit_bench.types import State


def next_line(run: Run) -> str:
    """Return the commands that suggest themselves, the most useful one first."""
    folder = str(run.path)
    commands = []
    if any(task.states.get(State.NOT_JUDGED) for task in run.results.tasks.values()):
        commands.append(["judge", folder, "--judge", OFFICIAL_JUDGE])
    if run.manifest.status == "settled" and run.manifest.looks is not None:
        commands.append(["check", folder, "--adaptive", "--baseline", run.manifest.looks.baseline])
    commands.append(["report", folder])
    if other := _newest_beside(run):
        commands.append(["compare", str(other), folder])
    return "next: " + ", or ".join(shlex.join(["instit-bench", *words]) for words in commands)


def _newest_beside(run: Run) -> Path | None:
    """Return the run beside this one that it can be compared with whose results are the newest.

    That is one on the same data with verdicts on a task of this run.
    """
    written = {
        path.parent: path.stat().st_mtime
        for path in run.path.parent.glob("*/results.json")
        if path.parent.name != run.path.name and _shares_verdicts(path, run.results)
    }
    return max(written, key=lambda path: written[path], default=None)


def _shares_verdicts(file: Path, results: RunResults) -> bool:
    try:
        other = RunResults.model_validate_json(file.read_bytes())
    except (OSError, ValueError):
        return False
    shared = results.tasks.keys() & other.tasks.keys()
    return other.data == results.data and any(other.tasks[name].n_counted for name in shared)

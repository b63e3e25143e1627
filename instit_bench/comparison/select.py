"""A part of what is compared or checked: ``--tasks``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from instit_bench.comparison.scored_run import ScoredRun, TaskScores
from instit_bench.errors import InputError
from instit_bench.validation import did_you_mean


def of_tasks(runs: Sequence[ScoredRun], patterns: Collection[str]) -> list[ScoredRun]:
    """Return the runs with these tasks alone, or unchanged without any pattern.

    A pattern is a task's name, which may have ``*``, ``?`` and ``[…]``.

    Raises:
        InputError: No run has a task that matches a pattern.
    """
    if not patterns:
        return list(runs)
    known = list(dict.fromkeys(task for run in runs for task in run.tasks))
    for pattern in patterns:
        if not any(fnmatchcase(task, pattern) for task in known):
            hint = did_you_mean(pattern, known) or f"; known: {', '.join(known)}"
            raise InputError(f"--tasks {pattern}: no run has such a task{hint}")
    return [replace(run, tasks=_matching(run.tasks, patterns)) for run in runs]


def _matching(tasks: Mapping[str, TaskScores], patterns: Collection[str]) -> dict[str, TaskScores]:
    return {
        name: task
        for name, task in tasks.items()
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    }

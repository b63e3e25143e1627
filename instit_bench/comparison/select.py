"""A part of what is compared or checked: ``--tasks``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from instit_bench.comparison.scored_run import ScoredRun
from instit_bench.errors import InputError
from instit_bench.validation import did_you_mean


def of_tasks(runs: Sequence[ScoredRun], patterns: Collection[str]) -> list[ScoredRun]:
    """Return the runs with these tasks alone, or unchanged without any pattern.

    Raises:
        InputError: No run has a task that matches a pattern.
    """
    if not patterns:
        return list(runs)
    chosen = matching((task for run in runs for task in run.tasks), patterns)
    return [
        replace(run, tasks={name: task for name, task in run.tasks.items() if name in chosen})
        for run in runs
    ]


def matching(tasks: Iterable[str], patterns: Collection[str]) -> list[str]:
    """Return the tasks that match any of the patterns, each once; all of them without patterns.

    A pattern is a task's name, which may have ``*``, ``?`` and ``[…]``.

    Raises:
        InputError: No task matches a pattern.
    """
    known = list(dict.fromkeys(tasks))
    for pattern in patterns:
        if not any(fnmatchcase(task, pattern) for task in known):
            hint = did_you_mean(pattern, known) or f"; known: {', '.join(known)}"
            raise InputError(f"--tasks {pattern}: no run has such a task{hint}")
    return [
        name
        for name in known
        if not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)
    ]

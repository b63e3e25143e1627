"""All scorers by name: this package's own and those of installed packages."""

from __future__ import annotations

from typing import NoReturn

from instit_bench.errors import InputError
from instit_bench.plugins import Registry
from instit_bench.scorers.base import ScoredTask, ScorerSpec, ScorerTask


def _choice() -> ScorerSpec:
    from instit_bench.scorers.choice.spec import CHOICE

    return CHOICE


def _tool_call() -> ScorerSpec:
    from instit_bench.scorers.tool_call.spec import TOOL_CALL

    return TOOL_CALL


def _open_ended() -> ScorerSpec:
    from instit_bench.scorers.judge.spec import OPEN_ENDED

    return OPEN_ENDED


def _marked_text() -> ScorerSpec:
    from instit_bench.scorers.judge.marked_text import MARKED_TEXT

    return MARKED_TEXT


def _mark_changes() -> ScorerSpec:
    from instit_bench.scorers.mark_changes import MARK_CHANGES

    return MARK_CHANGES


def _process_results() -> ScorerSpec:
    from instit_bench.scorers.process_results import PROCESS_RESULTS

    return PROCESS_RESULTS


SCORERS = Registry(
    "instit_bench.scorers",
    ScorerSpec,
    "scorer",
    {
        "choice": _choice,
        "tool_call": _tool_call,
        "open_ended": _open_ended,
        "marked_text": _marked_text,
        "mark_changes": _mark_changes,
        "process_results": _process_results,
    },
)


def spec_of(task: ScoredTask) -> ScorerSpec:
    """Return the spec of a stored task's scorer.

    If the scorer is not installed, only the task's metrics are known: the first is the
    headline, and every question is of one kind.

    Raises:
        InputError: The scorer is installed but cannot be loaded.
    """
    known = task.scorer in SCORERS
    spec = SCORERS.load(task.scorer) if known else ScorerSpec(task.scorer, _not_installed)
    return spec.of(task.metrics)


def runs_plugin_code(scorer: str) -> bool:
    """Whether a scorer, by its name, runs code that is not this package's own."""
    return scorer == "process_results" or scorer not in SCORERS.built_in


def _not_installed(task: ScorerTask) -> NoReturn:
    raise InputError(f"{task.path}: the scorer of task {task.name} is not installed")

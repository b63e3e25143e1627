"""Right or wrong: which metrics head a task's table, and which one decides over a sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# Scorer -> the official metric, then the strict one where there is one.
_HEADLINES: Mapping[str, tuple[str, ...]] = {
    "choice": ("official_accuracy", "accuracy"),
    "tool_call": ("sr", "strict_sr"),
    "open_ended": ("official_score",),
}
_RIGHT_FROM = 0.5  # of a judge's score, 0..1; right-or-wrong metrics are 0 or 1


def headline_metrics(scorer: str, metrics: Sequence[str]) -> tuple[str, ...]:
    """The metrics that head a task's table: official, then strict; else the task's first."""
    known = tuple(name for name in _HEADLINES.get(scorer, ()) if name in metrics)
    return known or tuple(metrics[:1])


def is_right(scorer: str, metrics: Sequence[str], scores: Mapping[str, float]) -> bool | None:
    """Whether a sample counts as right: by the last headline metric, half a point or more.

    ``None`` where the sample has no value for it: an error is neither right nor wrong.
    """
    deciding = headline_metrics(scorer, metrics)[-1:]
    value = scores.get(deciding[0]) if deciding else None
    return None if value is None else value >= _RIGHT_FROM

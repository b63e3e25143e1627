"""Right or wrong: which metrics head a task's table, and which one decides over a sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# Scorer -> its metrics that head a table: the official one, then the strict one. Open-ended
# answers have no strict score; a lexical one stands in where no other judge has spoken.
_HEADLINES: Mapping[str, tuple[str, str]] = {
    "choice": ("official_accuracy", "accuracy"),
    "tool_call": ("sr", "strict_sr"),
    "open_ended": ("official_score", "lexical_score"),
}
_RIGHT_FROM = 0.5  # of a judge's score, 0..1; right-or-wrong metrics are 0 or 1


def headline_metrics(scorer: str, metrics: Sequence[str]) -> tuple[str, ...]:
    """Those of ``metrics`` that head a task's table; of a plugin's own scorer the first.

    Name the metrics that have values: a diagnostic never stands in for a headline without one.
    """
    if scorer not in _HEADLINES:
        return tuple(metrics[:1])
    return tuple(name for name in _HEADLINES[scorer] if name in metrics)


def deciding_metric(scorer: str, metrics: Sequence[str]) -> str | None:
    """The one that decides over a sample: the strict metric, of open-ended answers the official."""
    heads = headline_metrics(scorer, metrics)
    if not heads:
        return None
    return heads[0] if scorer == "open_ended" else heads[-1]


def is_right(metric: str | None, scores: Mapping[str, float]) -> bool | None:
    """Whether a sample counts as right by its deciding metric: half a point or more.

    ``None`` where the sample has no value for it: an error is neither right nor wrong.
    """
    value = None if metric is None else scores.get(metric)
    return None if value is None else value >= _RIGHT_FROM

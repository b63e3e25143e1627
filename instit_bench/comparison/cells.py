"""A comparison in words, shared by the terminal and Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from instit_bench.comparison.compare import MetricComparison, RunComparison, TaskComparison
from instit_bench.comparison.scored_run import ScoredRun
from instit_bench.display import one_line
from instit_bench.errors import NotComparableError

COLUMNS = ("A", "B", "difference", "95 % interval", "p", "verdict", "n")
NOT_COMPARABLE = "NOT COMPARABLE"


def metric_cells(found: MetricComparison) -> tuple[str, ...]:
    """Return a metric's row, under ``COLUMNS``: fractions 0..1, and p after Holm's correction."""
    test = found.test
    interval = "-" if test.ci95 is None else f"{test.ci95[0]:+.4f} to {test.ci95[1]:+.4f}"
    return (
        f"{test.a:.4f}",
        f"{test.b:.4f}",
        f"{test.difference:+.4f}",
        interval,
        "-" if found.p is None else f"{found.p:.2g}",
        found.conclusion,
        str(test.n),
    )


def run_title(run: ScoredRun) -> str:
    """Return a run's name, and its model unless the name contains it."""
    return one_line(run.name if run.name == run.model else f"{run.name} ({run.model})")


def notes(comparison: RunComparison) -> Iterator[str]:
    """Yield what a reader must know besides the table, one line each."""
    for letter, run in (("A", comparison.a), ("B", comparison.b)):
        if run.stopped:
            yield f"{letter} {run.stopped}"
    for task in comparison.tasks:
        yield from _about(task)
    for task in comparison.refused:
        for mismatch in task.mismatches:
            yield f"not compared: {mismatch}"
    for letter, only in (("A", comparison.only_a), ("B", comparison.only_b)):
        if only:
            yield one_line(f"only {letter} has {', '.join(only)}")


def _about(task: TaskComparison) -> Iterator[str]:
    for caveat in task.caveats:
        yield one_line(f"{task.task}: {caveat}")
    if not task.metrics and not task.absent:
        yield one_line(f"{task.task}: no headline metric has a value; were its answers judged?")
    for metric in task.absent:
        yield one_line(f"{task.task}: {metric}: no sample has a value in both runs")
    for found in task.metrics:
        if found.test.n < found.n_total:
            yield one_line(f"{task.task}: {found.metric}: {_left_out(found)}")
        if found.bootstrap_ci95:
            low, high = found.bootstrap_ci95
            interval = f"{low:+.4f} to {high:+.4f}"
            yield one_line(f"{task.task}: {found.metric}: by bootstrap {interval}")


def no_common_task(comparison: RunComparison) -> str:
    """Return why there is nothing to compare."""
    only_a, only_b = ", ".join(comparison.only_a), ", ".join(comparison.only_b)
    pair = f"{comparison.a.source} and {comparison.b.source}"
    return f"{pair} have no task in common: {only_a} against {only_b}"


def require_something(comparison: RunComparison) -> None:
    """Refuse a comparison of nothing.

    Raises:
        NotComparableError: There is no common task, or none in which prompts, data and protocol
            agree.
    """
    if not comparison.tasks and not comparison.refused:
        raise NotComparableError(no_common_task(comparison))
    if not comparison.tasks:
        raise NotComparableError(_refusal(comparison, comparison.refused))


def require_everything(comparisons: Sequence[RunComparison]) -> None:
    """Say at the end which tasks were not compared.

    Raises:
        NotComparableError: There are such tasks.
    """
    refused = [_refusal(one, one.refused) for one in comparisons if one.refused]
    if refused:
        raise NotComparableError(f"{'; '.join(refused)}; the other tasks are compared above")


def _refusal(comparison: RunComparison, tasks: Sequence[TaskComparison]) -> str:
    differences = "; ".join(str(mismatch) for task in tasks for mismatch in task.mismatches)
    return (
        f"{comparison.a.source} and {comparison.b.source} are not comparable: {differences} "
        "(use --allow-mismatch to compare them anyway)"
    )


def require_comparable(comparison: RunComparison, allow_mismatch: bool) -> None:
    """Refuse a comparison that would mislead.

    Raises:
        NotComparableError: There is no common task, or prompts, data or protocol differ.
    """
    if not comparison.tasks:
        raise NotComparableError(no_common_task(comparison))
    if comparison.mismatches and not allow_mismatch:
        raise NotComparableError(_refusal(comparison, comparison.tasks))


def flip_counts(task: TaskComparison) -> str:
    """Return the number of flipped samples, on one line."""
    to_wrong = sum(len(group.to_wrong) for group in task.flips)
    to_right = sum(len(group.to_right) for group in task.flips)
    return f"{to_wrong} right to wrong, {to_right} wrong to right"


def first_of(ids: Sequence[str], limit: int | None) -> tuple[Sequence[str], str]:
    """Return the ids to show, and a phrase for the others."""
    if limit is None or len(ids) <= limit:
        return ids, ""
    return ids[:limit], f" and {len(ids) - limit} more" if limit else f"{len(ids)} samples"


def _left_out(found: MetricComparison) -> str:
    sides = [
        f"{letter}: {_counts(reasons)}"
        for letter, reasons in zip("AB", found.left_out, strict=True)
        if reasons
    ]
    count = f"{found.n_total - found.test.n} of {found.n_total} samples left out"
    return f"{count} ({'; '.join(sides)})"


def _counts(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in reasons.items())

"""What a suite showed: a row per run, and each run paired with the baseline's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from instit_bench.comparison.baseline_file import load_scored_run
from instit_bench.comparison.compare import MetricComparison, RunComparison, compare_runs
from instit_bench.comparison.scored_run import ScoredRun
from instit_bench.errors import InputError
from instit_bench.leaderboard.rows import Row, row_of
from instit_bench.runs.loaded import load_results
from instit_bench.suites.execute import Outcome
from instit_bench.suites.plan import PlannedRun, Suite


@dataclass(frozen=True, slots=True)
class Verdict:
    """One run's official metric of one task against the baseline's.

    Where it is ``None``, no sample has a value in both runs, or ``why_not`` says what differs.
    """

    task: str
    found: MetricComparison | None
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Paired:
    """A run against the run that it is compared with, task by task."""

    label: str
    against: str
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """A row per run, in the suite's order, and the verdicts on those that have a baseline."""

    rows: tuple[Row, ...]
    paired: tuple[Paired, ...]


def summarise(suite: Suite, outcomes: Sequence[Outcome]) -> Summary:
    """Read the runs' folders; a run that failed has what is there of it.

    Raises:
        InputError: A file of a run is broken.
    """
    failed = {outcome.run.label for outcome in outcomes if outcome.code}
    rows = tuple(_row(run, run.label in failed) for run in suite.runs)
    scored: dict[str, ScoredRun | None] = {}
    pairs = ((run, suite.baseline_of(run)) for run in suite.runs)
    paired = (_paired(run, base, scored) for run, base in pairs if base is not None)
    return Summary(rows, tuple(found for found in paired if found is not None))


def _row(run: PlannedRun, failed: bool) -> Row:
    label = f"{run.label} (failed)" if failed else run.label
    if not run.directory.exists:
        return Row(label, source="")
    return replace(row_of(load_results(run.directory.path), source=""), model=label)


def _paired(
    run: PlannedRun, base: PlannedRun, scored: dict[str, ScoredRun | None]
) -> Paired | None:
    for one in (base, run):
        if one.label not in scored:
            scored[one.label] = _scored(one)
    a, b = scored[base.label], scored[run.label]
    if a is None or b is None:
        return None
    comparison = compare_runs(a, b)
    return Paired(run.label, base.label, tuple(_verdicts(comparison)))


def _scored(run: PlannedRun) -> ScoredRun | None:
    """The run's scores, unless it never began."""
    try:
        return load_scored_run(run.directory.path)
    except InputError:
        if run.directory.exists:
            raise
        return None


def _verdicts(comparison: RunComparison) -> list[Verdict]:
    """The official headline metric of each task; a mismatch says that there is no comparison."""
    found = []
    for task in comparison.tasks:
        if task.mismatches:
            found.append(Verdict(task.task, None, f"not comparable: {task.mismatches[0]}"))
        else:
            found.append(Verdict(task.task, next(iter(task.metrics), None)))
    return found

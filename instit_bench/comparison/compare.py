"""Compare two runs: what changed, and how certain it is (docs/statistics.md)."""

from __future__ import annotations

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from instit_bench.comparison.comparable import Mismatch, caveats, mismatches
from instit_bench.comparison.flips import FlipGroup, flip_groups
from instit_bench.comparison.pairs import Pairs
from instit_bench.comparison.scored_run import ScoredRun, TaskScores
from instit_bench.scorers.base import ScorerSpec
from instit_bench.scorers.registry import spec_of
from instit_bench.stats.bootstrap import cluster_bootstrap
from instit_bench.stats.correction import holm
from instit_bench.stats.paired import Conclusion, PairedTest, conclusion, paired_test
from instit_bench.types import State

# Which metrics of a task to compare: from its name, its scorer and the metrics with a value.
MetricSelector = Callable[[str, ScorerSpec, Sequence[str]], Sequence[str]]


@dataclass(frozen=True, slots=True)
class MetricComparison:
    """One metric of one task on the samples with a value in both runs.

    ``p`` is corrected by Holm over the tasks. ``left_out`` says why samples are missing: a count
    per state (or ``no value``), in A and in B. ``bootstrap_ci95`` is the difference's, if
    requested.
    """

    metric: str
    lower_is_better: bool
    test: PairedTest
    n_total: int
    left_out: tuple[Mapping[str, int], Mapping[str, int]]
    bootstrap_ci95: tuple[float, float] | None = None
    p: float | None = None
    conclusion: Conclusion = "no difference shown"


@dataclass(frozen=True, slots=True)
class TaskComparison:
    """One task: its metrics, its flips, and what speaks against comparing it.

    ``absent`` lists requested metrics for which no sample has a value in both runs.
    """

    task: str
    metrics: tuple[MetricComparison, ...]
    absent: tuple[str, ...]
    flips: tuple[FlipGroup, ...]
    mismatches: tuple[Mismatch, ...]
    caveats: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunComparison:
    """Run B against run A, task by task; ``only_a`` and ``only_b`` are tasks of one run only.

    ``refused`` are tasks of both that may not be compared, if they were taken out of ``tasks``.
    """

    a: ScoredRun
    b: ScoredRun
    tasks: tuple[TaskComparison, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    refused: tuple[TaskComparison, ...] = ()

    def of_comparable_tasks(self) -> RunComparison:
        """Return the comparison of the tasks without a mismatch; p is corrected for these alone."""
        tasks = [task for task in self.tasks if not task.mismatches]
        return replace(
            self,
            tasks=tuple(_corrected(tasks, {t.task: spec_of(self.a.tasks[t.task]) for t in tasks})),
            refused=tuple(task for task in self.tasks if task.mismatches),
        )

    @property
    def mismatches(self) -> list[Mismatch]:
        """The mismatches of all tasks."""
        return [mismatch for task in self.tasks for mismatch in task.mismatches]


def headline(_task: str, scorer: ScorerSpec, metrics: Sequence[str]) -> Sequence[str]:
    """Select a task's headline metrics."""
    return scorer.headlines(metrics)


def everything(_task: str, _scorer: ScorerSpec, metrics: Sequence[str]) -> Sequence[str]:
    """Select all metrics."""
    return metrics


def compare_runs(
    a: ScoredRun,
    b: ScoredRun,
    select: MetricSelector = headline,
    *,
    seed: int = 0,
    bootstrap: bool = False,
) -> RunComparison:
    """Compare the common tasks; whether they may be compared is reported, not decided."""
    shared = [name for name in a.tasks if name in b.tasks]
    tasks = [
        _compare_task(name, a.tasks[name], b.tasks[name], select, seed=seed, bootstrap=bootstrap)
        for name in shared
    ]
    return RunComparison(
        a,
        b,
        tuple(_corrected(tasks, {name: spec_of(a.tasks[name]) for name in shared})),
        tuple(name for name in a.tasks if name not in b.tasks),
        tuple(name for name in b.tasks if name not in a.tasks),
    )


def _compare_task(
    name: str, a: TaskScores, b: TaskScores, select: MetricSelector, *, seed: int, bootstrap: bool
) -> TaskComparison:
    valued = _valued(a, b)
    chosen = select(name, spec_of(a), valued)
    pairs = Pairs.of(a.samples, b.samples)
    compared = {
        metric: _compare_metric(metric, a, b, pairs, seed=seed, bootstrap=bootstrap)
        for metric in chosen
    }
    return TaskComparison(
        task=name,
        metrics=tuple(found for found in compared.values() if found is not None),
        absent=tuple(metric for metric, found in compared.items() if found is None),
        flips=flip_groups(a, b, pairs, valued),
        mismatches=tuple(mismatches(name, a, b, pairs, chosen)),
        caveats=tuple(caveats(a, b)),
    )


def _valued(a: TaskScores, b: TaskScores) -> list[str]:
    """Return the metrics for which any sample has a value, in the task's order."""
    having = a.samples.scores.keys() | b.samples.scores.keys()
    return [metric for metric in dict.fromkeys([*a.metrics, *b.metrics]) if metric in having]


def _compare_metric(
    metric: str, a: TaskScores, b: TaskScores, pairs: Pairs, *, seed: int, bootstrap: bool
) -> MetricComparison | None:
    before, after = a.samples.scores.get(metric), b.samples.scores.get(metric)
    if before is None or after is None:
        return None
    values_a, values_b, clusters = array("d"), array("d"), list[str]()
    for n, m in pairs:
        if not (math.isnan(before[n]) or math.isnan(after[m])):
            values_a.append(before[n])
            values_b.append(after[m])
            clusters.append(a.samples.clusters[n])
    if not clusters:
        return None
    everyone = len(a.samples) + len(b.samples) - len(pairs)
    n_total = max(everyone, a.n_total, b.n_total)
    differences = [y - x for x, y in zip(values_a, values_b, strict=True)] if bootstrap else []
    return MetricComparison(
        metric=metric,
        lower_is_better=metric in b.lower_is_better,
        test=paired_test(values_a, values_b, clusters, seed=seed),
        n_total=n_total,
        left_out=(_left_out(before, a, n_total), _left_out(after, b, n_total)),
        bootstrap_ci95=cluster_bootstrap(differences, clusters, seed=seed) if bootstrap else None,
    )


def _left_out(column: Sequence[float], task: TaskScores, n_total: int) -> dict[str, int]:
    """Return why samples have no value in this column; unlisted ones were never run."""
    reasons = Counter({State.NOT_RUN.value: n_total - len(task.samples)})
    for value, state in zip(column, task.samples.states, strict=True):
        if math.isnan(value):
            reasons["no value" if state is State.SCORED else state.value] += 1
    return dict(+reasons)


def family_of(metric: str, heads: Sequence[str]) -> str:
    """Return the family in which Holm's correction puts a metric of a task with these headlines."""
    return f"headline {heads.index(metric)}" if metric in heads else metric


def _corrected(
    tasks: Sequence[TaskComparison], scorers: Mapping[str, ScorerSpec]
) -> Iterable[TaskComparison]:
    """Correct the p values for testing several tasks, and draw conclusions from them.

    The official headline metrics of all tasks are one family, the strict ones another, and every
    other metric forms a family with the same metric of other tasks.
    """
    families = defaultdict[str, list[tuple[str, MetricComparison]]](list)
    for task in tasks:
        names = [found.metric for found in task.metrics]
        heads = scorers[task.task].headlines(names)
        for found in task.metrics:
            families[family_of(found.metric, heads)].append((task.task, found))
    adjusted = {}
    for members in families.values():
        corrected = holm([found.test.p for _, found in members])
        for (task_name, found), p in zip(members, corrected, strict=True):
            said = conclusion(found.test, p, lower_is_better=found.lower_is_better)
            adjusted[task_name, found.metric] = replace(found, p=p, conclusion=said)
    for task in tasks:
        yield replace(
            task, metrics=tuple(adjusted[task.task, found.metric] for found in task.metrics)
        )

"""Explain the difference between two runs: every changed sample, and a sum per cause."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from instit_bench.comparison.explain.causes import CAUSES, TIE, Cause, find_cause
from instit_bench.comparison.explain.inputs import compare_inputs
from instit_bench.comparison.explain.settings import Difference, SettingsPair, settings_pair
from instit_bench.comparison.pairs import Pairs
from instit_bench.comparison.select import matching
from instit_bench.display import path_text
from instit_bench.errors import NotComparableError
from instit_bench.runs.loaded import Run, RunTask
from instit_bench.runs.verdicts import LEXICAL_SCORE, OFFICIAL_SCORE
from instit_bench.scorers.base import value_is_right
from instit_bench.scorers.registry import spec_of


@dataclass(frozen=True, slots=True)
class ExplainedSample:
    """A sample whose value changed from A to B; ``points`` is its part of the difference."""

    id: str
    a: float
    b: float
    points: float
    causes: tuple[Cause, ...]
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CauseTotal:
    """What one cause, or several that cannot be told apart, make of a task's difference."""

    causes: tuple[Cause, ...]
    to_wrong: int
    to_right: int
    changed: int
    points: float


@dataclass(frozen=True, slots=True)
class Noticed:
    """In how many samples with a value in both runs something differs, changed score or not.

    ``unknown`` counts those whose prompt or media a run has not kept.
    """

    prompt: int = 0
    media: int = 0
    prediction: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class TaskExplanation:
    """One task: values are fractions 0..1, points hundredths of them, ``difference`` is B minus A.

    ``n`` samples have a value in both runs; ``unpaired`` have one in a single run and are not
    explained.
    """

    task: str
    metric: str
    lower_is_better: bool
    n: int
    unpaired: int
    a: float
    b: float
    samples: tuple[ExplainedSample, ...]
    totals: tuple[CauseTotal, ...]
    noticed: Noticed
    settings: tuple[Difference, ...]

    @property
    def difference(self) -> float:
        """B minus A, in points."""
        return 100 * (self.b - self.a)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Two runs by name, and the tasks that both have; ``skipped`` says why others are left out."""

    a: str
    b: str
    tasks: tuple[TaskExplanation, ...]
    skipped: tuple[str, ...] = ()


def explain_runs(
    a: Run, b: Run, tasks: Sequence[str] = (), metric: str | None = None, tie: float = TIE
) -> Explanation:
    """Explain the shared tasks (those that match a pattern in ``tasks``, if any).

    ``metric`` is explained; by default the metric that decides whether a sample is right.

    Raises:
        InputError: A journal is broken, no run has such a task, or no task such a metric.
        NotComparableError: The runs share no task with a value in both.
    """
    chosen = matching([*a.tasks, *b.tasks], tasks)
    shared = [name for name in chosen if name in a.tasks and name in b.tasks]
    skipped = [f"only {x} has {name}" for name, x in _only(a, b, chosen)]
    found = []
    for name in shared:
        explained = _explain_task(a, b, name, metric, tie)
        if isinstance(explained, str):
            skipped.append(explained)
        else:
            found.append(explained)
    names = path_text(a.path.resolve().name), path_text(b.path.resolve().name)
    if not found:
        reasons = "; ".join(skipped) or "they share no task"
        raise NotComparableError(f"{names[0]} and {names[1]}: nothing to explain: {reasons}")
    return Explanation(*names, tuple(found), tuple(skipped))


def _only(a: Run, b: Run, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        if name not in a.tasks or name not in b.tasks:
            yield name, "B" if name in b.tasks else "A"


def _explain_task(
    a: Run, b: Run, name: str, metric: str | None, tie: float
) -> TaskExplanation | str:
    """Explain one task, or say why it cannot be."""
    task_a, task_b = a.tasks[name], b.tasks[name]
    before, after = task_a.scores, task_b.scores
    valued = [m for m in task_b.metrics if m in before.scores and m in after.scores]
    chosen = metric or spec_of(task_b.entry).deciding(valued) or next(iter(valued), None)
    if chosen is None:
        return f"{name}: no metric has a value in both runs"
    if chosen not in valued:
        known = f"those that have: {', '.join(valued)}" if valued else "nor has any other"
        return f"{name}: metric {chosen!r} has no value in both runs; {known}"
    x, y = before.scores[chosen], after.scores[chosen]
    shared = [(before.ids[n], x[n], y[m]) for n, m in Pairs.of(before, after)]
    paired = [(was, now) for _, was, now in shared if not math.isnan(was + now)]
    if not paired:
        return f"{name}: {chosen}: no sample has a value in both runs"
    by_judges = a.manifest.judging_of(name) and b.manifest.judging_of(name)
    judged = chosen if by_judges and chosen in (OFFICIAL_SCORE, LEXICAL_SCORE) else None
    settings = settings_pair(task_a, task_b, a.manifest, b.manifest)
    settings = replace(settings, judged=judged)
    samples, noticed = _walk(task_a, task_b, shared, settings, len(paired), tie)
    lower = chosen in task_b.entry.lower_is_better
    n_values = sum(not math.isnan(value) for value in (*x, *y))
    return TaskExplanation(
        task=name,
        metric=chosen,
        lower_is_better=lower,
        n=len(paired),
        unpaired=n_values - 2 * len(paired),
        a=math.fsum(was for was, _ in paired) / len(paired),
        b=math.fsum(now for _, now in paired) / len(paired),
        samples=tuple(samples),
        totals=tuple(_totals(samples, lower)),
        noticed=noticed,
        settings=settings.differences,
    )


def _walk(
    a: RunTask,
    b: RunTask,
    shared: Iterable[tuple[str, float, float]],
    settings: SettingsPair,
    count: int,
    tie: float,
) -> tuple[list[ExplainedSample], Noticed]:
    """Go once through the records of the shared samples."""
    samples, prompt, media, prediction, unknown = [], 0, 0, 0, 0
    for sample, was, now in shared:
        if math.isnan(was + now):
            continue
        of_a, of_b = a.records[sample], b.records[sample]
        inputs = compare_inputs(of_a, of_b, settings)
        prompt += bool(inputs.prompt)
        media += bool(inputs.media)
        prediction += of_a.prediction != of_b.prediction
        unknown += bool(inputs.unknown)
        if was == now:
            continue
        found = find_cause(of_a, of_b, settings, inputs, tie)
        points = 100 * (now - was) / count
        samples.append(ExplainedSample(sample, was, now, points, found.causes, found.evidence))
    return samples, Noticed(prompt, media, prediction, unknown)


def _totals(samples: Iterable[ExplainedSample], lower: bool) -> list[CauseTotal]:
    """Sum up by causes, in their order; what is unknown comes last."""
    groups = defaultdict[tuple[Cause, ...], list[ExplainedSample]](list)
    for sample in samples:
        groups[sample.causes].append(sample)
    order = sorted(groups, key=lambda causes: [CAUSES.index(cause) for cause in causes])
    return [
        CauseTotal(
            causes,
            to_wrong=sum(_flipped(sample.a, sample.b, lower) for sample in groups[causes]),
            to_right=sum(_flipped(sample.b, sample.a, lower) for sample in groups[causes]),
            changed=len(groups[causes]),
            points=math.fsum(sample.points for sample in groups[causes]),
        )
        for causes in order
    ]


def _flipped(before: float, after: float, lower: bool) -> bool:
    """Whether a sample went from right to wrong."""
    return bool(value_is_right(before, lower)) and value_is_right(after, lower) is False

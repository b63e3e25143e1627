"""What the head of a report says of one run on one task: official and strict, and their notes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from instit_bench.report.loaded import LoadedRun, task_names
from instit_bench.runs.card_text import card_note
from instit_bench.runs.record import SampleRecord
from instit_bench.runs.results import TaskResult
from instit_bench.scorers.base import ScorerSpec

_FINE = "scored"  # the state that goes without saying


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric in percent (0..100), ``None`` without a value.

    ``role`` is ``official`` or ``strict``; of a metric that is neither, its name.
    """

    metric: str
    value: float | None
    ci95: tuple[float, float] | None
    n: int
    lower_is_better: bool = False
    role: str = ""


@dataclass(frozen=True, slots=True)
class Headline:
    """One run on one task. ``differences`` says why official and strict differ, with counts."""

    task: str
    run: str
    figures: tuple[Figure | None, Figure | None]
    n_counted: int
    n_total: int
    states: tuple[tuple[str, int], ...]
    marks: tuple[str, ...]
    differences: tuple[tuple[str, int], ...]
    notes: tuple[str, ...]

    @property
    def coverage(self) -> float:
        """The share of samples that count, 0..1."""
        return self.n_counted / self.n_total if self.n_total else 0.0

    @property
    def troubles(self) -> str:
        """The states other than ``scored``, with counts."""
        return ", ".join(f"{count} {state}" for state, count in self.states if state != _FINE)

    @property
    def n_different(self) -> int:
        """The number of samples on which the two views differ."""
        return sum(count for _, count in self.differences)


def headlines(runs: Sequence[LoadedRun]) -> list[Headline]:
    """Return every task of every run: by task, then by run."""
    return [
        _headline(task, run)
        for task in task_names(runs)
        for run in runs
        if task in run.results.tasks
    ]


def _headline(task: str, run: LoadedRun) -> Headline:
    result, scorer = run.results.tasks[task], run.scorer(task)
    return Headline(
        task=task,
        run=run.label,
        figures=_figures(scorer, result, run.deciding(task)),
        n_counted=result.n_counted,
        n_total=result.n_total,
        states=tuple((state, count) for state, count in result.states.items() if count),
        marks=tuple(result.marks),
        differences=tuple(_difference_groups(run.samples(task), scorer)),
        notes=(*_card_notes(result), *_extraction_notes(result), *result.notes),
    )


def _card_notes(result: TaskResult) -> Iterator[str]:
    """Yield how far the judge is from humans, and the score that they would give."""
    if (note := card_note(result)) is not None:
        yield note


def _extraction_notes(result: TaskResult) -> Iterator[str]:
    """Yield what a judge made of the predictions that the strict view could not read."""
    found = result.extraction
    if found is None:
        return
    figure = figure_of(found.metric, result)
    value = "–" if figure.value is None else f"{figure.value:.1f} % (n {figure.n})"
    yield (
        f"{found.metric} {value}: not official, and not part of the strict figure. {found.judge} "
        f"read {found.unparsed} unparsed predictions: {found.letters} letters, {found.none} "
        f"without a choice, {found.errors} faults of the judge, {found.unasked} not asked"
    )


def _difference_groups(
    records: Iterable[SampleRecord], scorer: ScorerSpec
) -> list[tuple[str, int]]:
    """Return why official and strict differ, and on how many samples, most frequent first."""
    differing = (record for record in records if record.details.get("difference"))
    return Counter(map(scorer.why_different, differing)).most_common()


def _figures(
    scorer: ScorerSpec, result: TaskResult, strict: str | None
) -> tuple[Figure | None, Figure | None]:
    """Return official and strict; a lexical score is not official and takes the place of strict."""
    names = scorer.headlines(result.metrics)
    official = names[0] if names else None
    second = strict if strict != official else None
    return (
        None if official is None else figure_of(official, result, "official"),
        None
        if second is None
        else figure_of(second, result, "strict" if second == scorer.strict else second),
    )


def figure_of(name: str, result: TaskResult, role: str = "") -> Figure:
    """Return one of a task's metrics in percent."""
    found = result.metrics[name]
    return Figure(
        metric=name,
        value=None if found.value is None else 100 * found.value,
        ci95=None if found.ci95 is None else (100 * found.ci95[0], 100 * found.ci95[1]),
        n=found.n,
        lower_is_better=name in result.lower_is_better,
        role=role,
    )

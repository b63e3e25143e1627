"""The table at the top of a report: each task's official figure beside its strict one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from instit_bench.report.loaded import LoadedRun, task_names
from instit_bench.runs.record import SampleRecord
from instit_bench.runs.results import TaskResult
from instit_bench.scorers.base import ScorerSpec


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric as a table shows it, in percent; ``metric`` says which direction is better."""

    metric: str
    value: str
    interval: str
    n: int


@dataclass(frozen=True, slots=True)
class Headline:
    """One run on one task. ``differences`` says why official and strict differ, with counts."""

    task: str
    run: str
    figures: tuple[Figure | None, Figure | None]
    coverage: str
    states: str
    marks: tuple[str, ...]
    differences: tuple[tuple[str, int], ...]
    notes: tuple[str, ...]

    @property
    def n_different(self) -> int:
        """The number of samples on which the two views differ."""
        return sum(count for _, count in self.differences)


def headlines(runs: Sequence[LoadedRun]) -> list[Headline]:
    """Return the table's rows: by task, then by run."""
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
        coverage=f"{result.n_counted} of {result.n_total} ({_percent(result.coverage)} %)",
        states=", ".join(f"{count} {state}" for state, count in result.states.items() if count),
        marks=tuple(result.marks),
        differences=tuple(_difference_groups(run.samples(task), scorer)),
        notes=(*_extraction_notes(result), *result.notes),
    )


def _extraction_notes(result: TaskResult) -> Iterator[str]:
    """Yield what a judge made of the predictions that the strict view could not read."""
    found = result.extraction
    if found is None:
        return
    figure = _figure(found.metric, result)
    value = f"{figure.value} % (n {figure.n})" if figure else "–"
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
    return _figure(official, result), _figure(strict if strict != official else None, result)


def _figure(name: str | None, result: TaskResult) -> Figure | None:
    if name is None:
        return None
    found = result.metrics[name]
    interval = ""
    if found.ci95 is not None:
        interval = f"{_percent(found.ci95[0])} to {_percent(found.ci95[1])}"
    shown = f"{name} (lower is better)" if name in result.lower_is_better else name
    return Figure(shown, "–" if found.value is None else _percent(found.value), interval, found.n)


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f}"

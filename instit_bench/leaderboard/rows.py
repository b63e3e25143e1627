"""Leaderboard rows: one per model, official numbers in percent."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from instit_bench.errors import InputError
from instit_bench.resources import shipped
from instit_bench.runs.card_text import card_notes
from instit_bench.runs.judge_card import JudgeCard
from instit_bench.runs.results import RunResults, TaskResult
from instit_bench.textfile import read_text


@dataclass(frozen=True, slots=True)
class Column:
    """A column's task, official metric, and name for readers."""

    task: str
    metric: str
    benchmark: str
    title: str
    meaning: str
    lower_is_better: bool = False

    @property
    def official(self) -> bool:
        """Whether it is a benchmark's or a task's own metric, as its scorer or judge gave it."""
        return self.benchmark not in _NOT_OFFICIAL


_INST_IT, _GPT4TOOLS = "Inst-IT Bench", "GPT4Tools"
_OTHER, _EXTRACTED = "Other tasks", "With extracted letters (not official)"
_CORRECTED = "Corrected by human scores (not official)"
_NOT_OFFICIAL = (_EXTRACTED, _CORRECTED)
_ORDER = (_OTHER, *_NOT_OFFICIAL)
_ABOUT_A_JUDGE = ("lexical", "other-judge", "own-judge-prompt")
# The columns of published rows; runs of other tasks add columns.
COLUMNS: Mapping[str, Column] = {
    "inst_it_image_oe": Column(
        task="inst_it_image_oe",
        metric="official_score",
        benchmark=_INST_IT,
        title="Image OE",
        meaning="open-ended questions on images, mean score by the judge",
    ),
    "inst_it_image_mc": Column(
        task="inst_it_image_mc",
        metric="official_accuracy",
        benchmark=_INST_IT,
        title="Image MC",
        meaning="multiple-choice questions on images, accuracy",
    ),
    "inst_it_video_oe": Column(
        task="inst_it_video_oe",
        metric="official_score",
        benchmark=_INST_IT,
        title="Video OE",
        meaning="open-ended questions on videos, mean score by the judge",
    ),
    "inst_it_video_mc": Column(
        task="inst_it_video_mc",
        metric="official_accuracy",
        benchmark=_INST_IT,
        title="Video MC",
        meaning="multiple-choice questions on videos, accuracy",
    ),
    "gpt4tools_seen_sr": Column(
        task="gpt4tools_seen",
        metric="sr",
        benchmark=_GPT4TOOLS,
        title="Seen",
        meaning="success rate with the tools of the training set",
    ),
    "gpt4tools_unseen_sr": Column(
        task="gpt4tools_unseen",
        metric="sr",
        benchmark=_GPT4TOOLS,
        title="Unseen",
        meaning="success rate with novel tools",
    ),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One number in percent (0..100), and its marks.

    ``generated`` has the digests of the tool catalogues from which its items were generated.
    """

    value: float | None = None
    n: int | None = None
    coverage: float | None = None
    ci95: tuple[float, float] | None = None
    marks: tuple[str, ...] = ()
    generated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One model's numbers, by column; a missing column means that there is no number.

    ``own`` contains the columns that are not in ``COLUMNS``: those of other tasks, and of metrics
    with letters that a judge extracted or that human scores corrected. ``url`` is the https URL of
    a published row's source, if there is one. ``notes`` say how far judges are from humans.
    """

    model: str
    source: str
    cells: Mapping[str, Cell] = field(default_factory=dict)
    published: bool = False
    url: str = ""
    own: Mapping[str, Column] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def columns_of(rows: Sequence[Row]) -> dict[str, Column]:
    """Return the columns with a value in any row: the benchmarks' in their order, then others.

    Columns of one benchmark, or of one kind, are neighbours; those of a kind follow the tasks of
    the benchmarks, and then the order in which runs have them.
    """
    held = {name for row in rows for name in row.cells}
    own = {name: column for row in rows for name, column in row.own.items()}
    known = {name: column for name, column in COLUMNS.items() if name in held}
    tasks = list(dict.fromkeys(column.task for column in COLUMNS.values()))

    def place(column: Column) -> tuple[int, int]:
        of_task = tasks.index(column.task) if column.task in tasks else len(tasks)
        return _ORDER.index(column.benchmark), of_task

    return known | dict(sorted(own.items(), key=lambda item: place(item[1])))


def mean_of(row: Row, columns: Mapping[str, Column]) -> float | None:
    """Return the mean of two or more official percentages, if the row has all of them.

    Extracted letters, corrected scores and metrics that count mistakes are left out.
    """
    counted = [n for n, column in columns.items() if column.official and not column.lower_is_better]
    values = [row.cells[name].value for name in counted if name in row.cells]
    numbers = [value for value in values if value is not None]
    if len(numbers) < len(counted) or len(counted) < 2:
        return None
    return sum(numbers) / len(numbers)


def row_of(results: RunResults, source: str) -> Row:
    """Return a run's row."""
    shown = {column.task for column in COLUMNS.values()}
    own = {
        f"{task}_{result.headline}": _own_column(task, result)
        for task, result in results.tasks.items()
        if task not in shown and result.headline is not None
    }
    cells = {}
    for name, column in {**COLUMNS, **own}.items():
        result = results.tasks.get(column.task)
        if result is not None and column.metric in result.metrics:
            cells[name] = _run_cell(result, column.metric)
    for task, result in results.tasks.items():
        if result.extraction is not None:
            metric = result.extraction.metric
            own[name := f"{task}_{metric}"] = _extracted_column(task, metric)
            cells[name] = _run_cell(result, metric, "extracted")
        if (card := result.corrected) is not None:
            own[name := f"{task}_corrected"] = _corrected_column(task, card.metric)
            cells[name] = _corrected_cell(result, card)
    return Row(results.model, source, cells, own=own, notes=tuple(card_notes(results.tasks)))


def _corrected_column(task: str, metric: str) -> Column:
    known = next((c.title for c in COLUMNS.values() if c.task == task), task)
    meaning = f"{metric} of task {task}, corrected by human scores of drawn samples"
    return Column(task, metric, _CORRECTED, known, meaning)


def _corrected_cell(result: TaskResult, card: JudgeCard) -> Cell:
    found, low_high = card.corrected, card.corrected.ci95
    return Cell(
        value=None if found.value is None else 100 * found.value,
        n=card.n_judged,
        coverage=result.coverage,
        ci95=None if low_high is None else (100 * low_high[0], 100 * low_high[1]),
        marks=(*(mark for mark in result.marks if mark not in _ABOUT_A_JUDGE), "corrected"),
    )


def _extracted_column(task: str, metric: str) -> Column:
    known = next((c.title for c in COLUMNS.values() if c.task == task), task)
    meaning = f"{metric} of task {task}: strict, with the letters that a judge extracted"
    return Column(task, metric, _EXTRACTED, known, meaning)


def _own_column(task: str, result: TaskResult) -> Column:
    metric = str(result.headline)
    lower = metric in result.lower_is_better
    meaning = f"{metric} of task {task}" + (", lower is better" if lower else "")
    return Column(task, metric, _OTHER, task, meaning, lower)


def _run_cell(result: TaskResult, metric: str, *marks: str) -> Cell:
    found = result.metrics[metric]
    low_high = found.ci95
    return Cell(
        value=None if found.value is None else 100 * found.value,
        n=found.n,
        coverage=result.coverage,
        ci95=None if low_high is None else (100 * low_high[0], 100 * low_high[1]),
        marks=(*result.marks, *marks),
        generated=tuple(result.generated),
    )


def published_rows() -> list[Row]:
    """Read the rows of ``results/published/*.csv``, with their sources, in the benchmarks' order.

    Raises:
        InputError: A published file is not valid.
    """
    rows = [row for path in sorted(shipped("published").glob("*.csv")) for row in _read(path)]
    return sorted(rows, key=_benchmark_order)


def _benchmark_order(row: Row) -> int:
    benchmarks = [column.benchmark for column in COLUMNS.values()]
    places = [benchmarks.index(COLUMNS[name].benchmark) for name in row.cells]
    return min(places, default=len(benchmarks))


def _read(path: Path) -> Iterator[Row]:
    with io.StringIO(read_text(path), newline="") as file:
        for number, record in enumerate(csv.DictReader(file), start=2):
            where = f"{path}: line {number}"
            cells = {name: _cell(record[name], name, where) for name in COLUMNS if record.get(name)}
            url = record["url"]
            if url and not url.startswith("https://"):
                raise InputError(f"{where}: field 'url' must start with https://, not {url!r}")
            yield Row(_published_name(record), record["source"], cells, published=True, url=url)


def _cell(text: str, column: str, where: str) -> Cell:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 100:
        raise InputError(f"{where}: field '{column}' must be a number from 0 to 100, not {text!r}")
    return Cell(value)


def _published_name(record: Mapping[str, str]) -> str:
    """Return the model's name, with its language model unless the name contains it."""
    model, llm = record["model"], record["llm"]
    return model if llm == "-" or llm in model else f"{model} ({llm})"

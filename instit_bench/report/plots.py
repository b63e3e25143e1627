"""The plots of a report, and the numbers in them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from instit_bench.report.board import Board
from instit_bench.report.charts import differences, histogram, intervals, radar, trend
from instit_bench.report.confusion import matrix
from instit_bench.report.loaded import LoadedRun, task_names
from instit_bench.report.paired import Paired
from instit_bench.report.shapes import Chart
from instit_bench.runs.record import SampleRecord
from instit_bench.stats.intervals import mean_metric
from instit_bench.types import Metric

_BINS = 10  # of positions in a video
_LAST_FRAME = 60  # later ones share a bin
_TENTHS = tuple(f"{tenth / 10:.1f}" for tenth in range(11))
_MOST_GROUPS = 40  # rows of a plot
_LEAST_AXES = 3  # a radar with fewer is a line

# A sample's group: its position among the others, and its name; ``None`` for no group.
Group = Callable[[SampleRecord], tuple[int, str] | None]


def plots(runs: Sequence[LoadedRun], found: Board) -> list[Chart]:
    """Return all plots that the runs have numbers for."""
    charts = [*_differences(runs, found), *_overview(runs), *_radar(runs)]
    for task in task_names(runs):
        having = [run for run in runs if task in run.results.tasks]
        charts += _by_kind(task, having)
        charts += _by_position(task, having)
        charts += _judge_scores(task, having)
        for run in having:
            charts += _matrices(task, run, alone=len(having) == 1)
    return charts


def _differences(runs: Sequence[LoadedRun], found: Board) -> Iterator[Chart]:
    """Plot the leading figure of each task against each baseline."""
    for base in found.baselines:
        rows: dict[str, dict[int, Paired]] = {}
        for row in found.rows:
            for task, cell in zip(found.tasks, row.cells, strict=True):
                shown = cell and (cell.official or cell.strict)
                if shown and base in shown.against and not shown.against[base].why:
                    rows.setdefault(task, {})[row.index] = shown.against[base]
        if rows:
            label = found.rows[base].label
            yield differences(
                f"Differences to {label}",
                "Official figures minus the baseline's in points, on the samples of both, with "
                "95 % intervals; p is corrected over the tasks. Filled dots are differences shown.",
                {task: rows[task] for task in found.tasks if task in rows},
                _labels(runs),
                label,
            )


def _overview(runs: Sequence[LoadedRun]) -> Iterator[Chart]:
    tasks = task_names(runs)
    if len(tasks) > 1:
        yield intervals(
            "Runs by task",
            "Strict figures (a judge's score for open-ended tasks) with their 95 % intervals.",
            {task: [_task_metric(task, run) for run in runs] for task in tasks},
            _labels(runs),
        )


def _radar(runs: Sequence[LoadedRun]) -> Iterator[Chart]:
    higher = [task for task in task_names(runs) if not _counts_mistakes(task, runs)]
    axes = {task: [_task_metric(task, run) for run in runs] for task in higher}
    axes = {task: of for task, of in axes.items() if sum(m.value is not None for m in of) > 1}
    if len(axes) >= _LEAST_AXES:
        yield radar(
            "Runs across tasks",
            "Strict figures (a judge's score for open-ended tasks); further out is better.",
            axes,
            _labels(runs),
        )


def _counts_mistakes(task: str, runs: Sequence[LoadedRun]) -> bool:
    """Whether lower is better for a run's deciding metric of the task."""
    return any(
        run.deciding(task) in run.manifest.tasks[task].lower_is_better
        for run in runs
        if task in run.manifest.tasks
    )


def _task_metric(task: str, run: LoadedRun) -> Metric:
    if task not in run.results.tasks or (name := run.deciding(task)) is None:
        return Metric(None, None, None, 0)
    return run.results.tasks[task].metrics[name]


def _by_kind(task: str, runs: Sequence[LoadedRun]) -> Iterator[Chart]:
    kind, media = runs[0].scorer(task).question_kind, runs[0].manifest.tasks[task].media
    if chart := _grouped(
        f"{task} by kind of question",
        task,
        runs,
        lambda record: (0, kind(record, media)),
    ):
        yield chart


def _by_position(task: str, runs: Sequence[LoadedRun]) -> Iterator[Chart]:
    first_moment = runs[0].scorer(task).first_moment
    if runs[0].manifest.tasks[task].media != "video" or first_moment is None:
        return
    moments = [first_moment(record) for run in runs for record in run.samples(task)]
    last = min(max((m for m in moments if m is not None), default=0), _LAST_FRAME)
    width = max(1, math.ceil(last / _BINS))
    title = f"{task} by position in the video"
    group: Group = lambda record: _bin(first_moment(record), width)  # noqa: E731 - one line
    if chart := _grouped(title, task, runs, group, trend):
        yield chart


def _bin(moment: int | None, width: int) -> tuple[int, str] | None:
    """Return the frames around a question's first moment, or ``None`` if it names none."""
    if moment is None:
        return None
    if moment > _LAST_FRAME:
        return _LAST_FRAME + 1, f"> {_LAST_FRAME}"
    first = (max(moment, 1) - 1) // width * width + 1
    return first, f"<{first}>" if width == 1 else f"<{first}–{first + width - 1}>"


def _judge_scores(task: str, runs: Sequence[LoadedRun]) -> Iterator[Chart]:
    if not runs[0].scorer(task).needs_judge:
        return
    counts = [_tenths(run.samples(task), run.deciding(task)) for run in runs]
    if any(map(any, counts)):
        metric = runs[0].deciding(task)
        yield histogram(
            f"{task}: scores of the judge",
            f"Samples by {metric}, to the nearest tenth; bars are shares of a run's samples.",
            _TENTHS,
            counts,
            _labels(runs),
        )


def _tenths(records: Sequence[SampleRecord], metric: str | None) -> list[int]:
    counts = [0] * len(_TENTHS)
    for record in records:
        if metric is not None and metric in record.scores:
            counts[math.floor(10 * record.scores[metric] + 0.5)] += 1
    return counts


def _matrices(task: str, run: LoadedRun, *, alone: bool) -> Iterator[Chart]:
    tables = run.results.tasks[task].tables
    for found in run.scorer(task).matrices:
        if counts := tables.get(found.table):
            title = f"{task}: {found.title}" + ("" if alone else f", {run.label}")
            yield matrix(title, found.description, counts)


def _grouped(
    title: str,
    task: str,
    runs: Sequence[LoadedRun],
    group: Group,
    draw: Callable[..., Chart] = intervals,
) -> Chart | None:
    """Plot the deciding metric's mean in each group; nothing if no sample has a group and a value.

    Of very many groups, such as tools invented by data, the largest are shown.
    """
    values: dict[tuple[int, str], list[tuple[list[float], list[str]]]] = {}
    for series, run in enumerate(runs):
        metric = run.deciding(task)
        for record in run.samples(task):
            key = group(record)
            if key is None or metric is None or metric not in record.scores:
                continue
            columns = values.setdefault(key, [([], []) for _ in runs])
            columns[series][0].append(record.scores[metric])
            columns[series][1].append(record.cluster or record.id)
    if not values:
        return None
    largest = sorted(values, key=lambda key: -sum(len(scores) for scores, _ in values[key]))
    rows = {
        key[1]: [mean_metric(scores, clusters) for scores, clusters in values[key]]
        for key in sorted(largest[:_MOST_GROUPS])
    }
    description = f"Mean {runs[0].deciding(task)} with its 95 % interval and number of samples."
    if _counts_mistakes(task, runs):
        description += " Lower is better."
    if len(values) > _MOST_GROUPS:
        description += f" The {_MOST_GROUPS} largest of {len(values)} groups."
    return draw(title, description, rows, _labels(runs))


def _labels(runs: Sequence[LoadedRun]) -> list[str]:
    return [run.label for run in runs]

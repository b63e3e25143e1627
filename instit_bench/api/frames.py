"""Stored runs and comparisons as pandas frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from instit_bench.comparison.check import CheckReport
from instit_bench.comparison.compare import RunComparison
from instit_bench.errors import InputError
from instit_bench.runs.loaded import Run, RunTask
from instit_bench.runs.record import SampleRecord
from instit_bench.runs.results import RunResults
from instit_bench.types import Usage

if TYPE_CHECKING:
    import pandas as pd

_METRICS = (
    *("task", "metric", "value", "stderr", "ci95_low", "ci95_high"),
    *("n", "n_total", "coverage", "lower_is_better"),
)
_TOKENS = tuple(entry.name for entry in fields(Usage))
_OF_A_RECORD = tuple(
    name for name in SampleRecord.model_fields if name not in ("scores", "usage", "state")
)
_DIFFERENCES = (
    *("a", "b", "task", "metric", "value_a", "value_b", "difference", "ci95_low", "ci95_high"),
    *("p", "conclusion", "n", "wins", "losses", "lower_is_better"),
)


def metrics_frame(results: RunResults) -> pd.DataFrame:
    """Return one row per task and metric; values are fractions 0..1."""
    import pandas as pd

    rows = []
    for name, task in results.tasks.items():
        for metric, result in task.metrics.items():
            interval = result.ci95 or (None, None)
            counts = (result.n, task.n_total, task.coverage, metric in task.lower_is_better)
            rows.append((name, metric, result.value, result.stderr, *interval, *counts))
    frame = pd.DataFrame(rows, columns=list(_METRICS))
    numbers = ("value", "stderr", "ci95_low", "ci95_high")
    return frame.astype(dict.fromkeys(numbers, "float64"))


def samples_frame(
    runs: Mapping[str, Run], columns: Sequence[str] | None = None, *, named: bool = True
) -> pd.DataFrame:
    """Return one row per sample of these runs, by name; all of their columns or only some.

    A metric that no sample has a value for is a column too, so that what reads the frame need not
    ask first. Of one task's samples at a time only the chosen columns are kept.

    Raises:
        InputError: A journal is broken, or there is no such column.
    """
    import pandas as pd

    of_runs = ("run", "model") if named else ()
    fixed = [*of_runs, "task", "id", "state", *_OF_A_RECORD[1:], *_TOKENS]
    metrics = dict.fromkeys(
        _column(metric)
        for run in runs.values()
        for task in run.tasks.values()
        for metric in task.metrics
    )
    known = [*fixed, *metrics]
    chosen = known if columns is None else list(columns)
    if unknown := [name for name in chosen if name not in known]:
        raise InputError(f"column {unknown[0]!r}: choose from {', '.join(known)}")
    rows = [
        tuple(row.get(name) for name in chosen)
        for label, run in runs.items()
        for task in run.one_by_one()
        for row in _rows(label, run, task)
    ]
    frame = pd.DataFrame(rows, columns=chosen)
    kinds = dict.fromkeys(_TOKENS, "Int64") | dict.fromkeys(("latency_s", *metrics), "float64")
    return frame.astype({name: kind for name, kind in kinds.items() if name in chosen})


def _rows(label: str, run: Run, task: RunTask) -> Iterator[dict[str, Any]]:
    for record, _ in task.selected():
        row = {name: getattr(record, name) for name in _OF_A_RECORD}
        row |= {"run": label, "model": run.manifest.identity.model, "task": task.name}
        row |= asdict(record.usage)
        row |= {_column(metric): value for metric, value in record.scores.items()}
        yield row | {"state": record.state.value}


def _column(metric: str) -> str:
    """Return the column of a metric: its name, unless another column has it."""
    taken = {"run", "model", "task", "state", *_OF_A_RECORD, *_TOKENS}
    return f"{metric}_score" if metric in taken else metric


def differences_frame(comparisons: Iterable[RunComparison]) -> pd.DataFrame:
    """Return one row per task and metric: ``difference`` is B minus A, in fractions."""
    import pandas as pd

    rows = []
    for found in comparisons:
        for task in found.tasks:
            for metric in task.metrics:
                test = metric.test
                interval = test.ci95 or (None, None)
                numbers = (test.a, test.b, test.difference, *interval, metric.p)
                counts = (metric.conclusion, test.n, test.wins, test.losses, metric.lower_is_better)
                names = (found.a.name, found.b.name, task.task, metric.metric)
                rows.append((*names, *numbers, *counts))
    frame = pd.DataFrame(rows, columns=list(_DIFFERENCES))
    return frame.astype(dict.fromkeys(_DIFFERENCES[4:10], "float64"))


def flips_frame(comparisons: Iterable[RunComparison]) -> pd.DataFrame:
    """Return one row per sample that is right in one run and wrong in the other."""
    import pandas as pd

    rows = [
        (found.a.name, found.b.name, task.task, group.kind, sample, change)
        for found in comparisons
        for task in found.tasks
        for group in task.flips
        for ids, change in ((group.to_wrong, "to wrong"), (group.to_right, "to right"))
        for sample in ids
    ]
    return pd.DataFrame(rows, columns=["a", "b", "task", "kind", "id", "change"])


def findings_frame(report: CheckReport) -> pd.DataFrame:
    """Return one row per rule."""
    import pandas as pd

    rows = [
        (found.task, found.rule, found.limit, found.status, found.text) for found in report.findings
    ]
    return pd.DataFrame(rows, columns=["task", "rule", "limit", "status", "text"])

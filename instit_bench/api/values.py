"""What the functions return: values with frames, a short ``repr`` and a table in notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from instit_bench.api import frames, html
from instit_bench.comparison.check import CheckReport
from instit_bench.comparison.compare import RunComparison
from instit_bench.display import counted, path_text
from instit_bench.errors import Problem
from instit_bench.leaderboard.rows import Row, columns_of
from instit_bench.runs.loaded import Run
from instit_bench.runs.results import RunResults
from instit_bench.types import Metric

if TYPE_CHECKING:
    import pandas as pd


class RunFrames:
    """A stored run, finished or not.

    ``metrics`` has one row per task and metric (``task, metric, value, stderr, ci95_low, ci95_high,
    n, n_total, coverage, lower_is_better``), ``samples`` one row per sample (``task, id, state,
    prediction, target, extracted, method, error, …`` and one column per metric, which is named
    ``<metric>_score`` if another column has its name); values are fractions 0..1, and missing where
    there is none. ``problem`` says in one line what went wrong
    with the run, if anything did. Frames are made when they are asked for, and kept.
    """

    def __init__(self, run: Run, problem: Problem | None = None) -> None:
        self._run = run
        self._problem = problem

    @property
    def path(self) -> Path:
        """The run folder."""
        return self._run.path

    @property
    def name(self) -> str:
        """The folder's name."""
        return path_text(self.path.resolve().name)

    @property
    def model(self) -> str:
        """The model's name."""
        return self._run.manifest.identity.model

    @property
    def status(self) -> str:
        """``running``, ``interrupted``, ``failed`` or ``finished``."""
        return self._run.manifest.status

    @property
    def tasks(self) -> list[str]:
        """The names of the run's tasks."""
        return list(self._run.tasks)

    @property
    def problem(self) -> str | None:
        """What went wrong, in one line."""
        return self._problem.message if self._problem else None

    def raise_for_problem(self) -> RunFrames:
        """Return the run itself.

        Raises:
            InstitBenchError: There is a problem, such as too many failed samples.
        """
        if self._problem:
            raise self._problem.error()
        return self

    @cached_property
    def results(self) -> RunResults:
        """The content of ``results.json``."""
        return self._run.results

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """One row per task and metric."""
        return frames.metrics_frame(self.results)

    @cached_property
    def samples(self) -> pd.DataFrame:
        """One row per sample."""
        return frames.samples_frame({self.name: self._run}, named=False)

    def __repr__(self) -> str:
        total = sum(task.n_total for task in self.results.tasks.values())
        scored = sum(task.n_counted for task in self.results.tasks.values())
        sizes = f"{counted(len(self.tasks), 'task')}, {scored:,} of {counted(total, 'sample')}"
        return f"<RunFrames {self.name!r}: {self.model}, {self.status}, {sizes} scored>"

    def _repr_html_(self) -> str:
        rows = []
        for name, task in self.results.tasks.items():
            shown = [(m, found) for m, found in task.metrics.items() if found.n]
            for metric, found in shown or [("", Metric(None, None, None, 0))]:
                rows.append((name, metric, *_numbers(found), f"{task.n_counted}/{task.n_total}"))
        header = ("task", "metric", "%", "95 % interval", "n", "coverage")
        caption = f"{self.name}: {self.model}, {self.status}"
        problem = html.paragraph(self.problem) if self.problem else ""
        return html.table(caption, header, rows, left=2) + problem


def _numbers(found: Metric) -> tuple[str, str, str]:
    low_high = "–" if found.ci95 is None else "–".join(f"{100 * end:.1f}" for end in found.ci95)
    return (percent(found.value), low_high, f"{found.n:,}")


def percent(value: float | None) -> str:
    """Return a fraction in percent with one decimal."""
    return "–" if value is None else f"{100 * value:.1f}"


class Comparison:
    """One or more runs against a reference, sample by sample.

    ``differences`` has one row per task and metric, ``flips`` one per sample that is right in one
    run and wrong in the other; ``comparisons`` are the values behind them.
    """

    def __init__(self, comparisons: Sequence[RunComparison]) -> None:
        self.comparisons = tuple(comparisons)

    @cached_property
    def differences(self) -> pd.DataFrame:
        """One row per task and metric; ``difference`` is B minus A, ``p`` corrected by Holm."""
        return frames.differences_frame(self.comparisons)

    @cached_property
    def flips(self) -> pd.DataFrame:
        """One row per flipped sample: ``a, b, task, kind, id, change``."""
        return frames.flips_frame(self.comparisons)

    @property
    def mismatches(self) -> list[str]:
        """What speaks against the comparison, if ``allow_mismatch`` was given."""
        return [str(found) for one in self.comparisons for found in one.mismatches]

    def __repr__(self) -> str:
        names = ", ".join(one.b.name for one in self.comparisons)
        tasks = counted(len({t.task for one in self.comparisons for t in one.tasks}), "task")
        return f"<Comparison of {names} with {self.comparisons[0].a.name}: {tasks}>"

    def _repr_html_(self) -> str:
        rows = []
        for one in self.comparisons:
            for task in one.tasks:
                for m in task.metrics:
                    test = m.test
                    interval = test.ci95 and "–".join(f"{100 * end:+.1f}" for end in test.ci95)
                    p = "–" if m.p is None else f"{m.p:.2g}"
                    figures = (percent(test.a), percent(test.b), f"{100 * test.difference:+.1f}")
                    names = (one.b.name, task.task, m.metric, m.conclusion)
                    rows.append((*names, *figures, interval or "–", p, f"{test.n:,}"))
        reference = self.comparisons[0].a.name
        header = ("run", "task", "metric", "conclusion", reference, "run", "difference")
        parts = [
            html.table(
                f"compared with {reference}, in percent",
                (*header, "95 % interval", "p", "n"),
                rows,
                left=4,
            )
        ]
        return "".join([*parts, *map(html.paragraph, self.mismatches)])


class Check:
    """The outcome of a check against a baseline, as a CI job sees it.

    ``exit_code`` is 0 (passed), 1 (a regression) or 3 (something cannot be compared).
    """

    def __init__(self, report: CheckReport) -> None:
        self.report = report

    @property
    def passed(self) -> bool:
        """Whether every rule passed."""
        return self.exit_code == 0

    @property
    def exit_code(self) -> int:
        """The exit code of ``instit-bench check``."""
        return self.report.exit_code

    @cached_property
    def findings(self) -> pd.DataFrame:
        """One row per rule: ``task, rule, limit, status, text``."""
        return frames.findings_frame(self.report)

    def __repr__(self) -> str:
        return f"<Check: {self.report.conclusion}>"

    def _repr_html_(self) -> str:
        rows = [(f.task, f.rule, f.limit, f.status, f.text) for f in self.report.findings]
        header = ("task", "rule", "limit", "status", "found")
        return html.table(self.report.conclusion, header, rows, left=len(header))


class Leaderboard:
    """One row per model; ``frame`` has the numbers in percent, with n, coverage and marks."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = tuple(rows)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The table that ``leaderboard --csv`` writes, with full precision."""
        from instit_bench.leaderboard.table import frame

        return frame(self.rows)

    def __repr__(self) -> str:
        sizes = f"{counted(len(self.rows), 'row')}, {counted(len(columns_of(self.rows)), 'column')}"
        return f"<Leaderboard: {sizes}>"

    def _repr_html_(self) -> str:
        from instit_bench.leaderboard.show import cell_text, explained_marks

        columns = columns_of(self.rows)
        header = ("model", "source", *columns)
        rows = [
            (row.model, row.source, *(cell_text(row.cells.get(name)) for name in columns))
            for row in self.rows
        ]
        board = html.table("official metrics, percent", header, rows, left=2)
        return "".join([board, *map(html.paragraph, explained_marks(self.rows))])


class ReportPage:
    """A report that was written; in a notebook it shows as a link."""

    def __init__(self, path: Path, n_samples: int, n_images: int) -> None:
        self.path = path
        self.n_samples = n_samples
        self.n_images = n_images

    def __repr__(self) -> str:
        sizes = f"{counted(self.n_samples, 'sample')}, {counted(self.n_images, 'image')}"
        return f"<ReportPage {path_text(self.path)}: {sizes}>"

    def _repr_html_(self) -> str:
        return html.link(quote(path_text(self.path)), path_text(self.path))

"""Tables of results on the screen."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from instit_bench.cli.console import stdout
from instit_bench.leaderboard.rows import row_of
from instit_bench.leaderboard.show import board_table, explained_marks
from instit_bench.runs.results import MetricResult, RunResults

_STATES_SHOWN = ("unparsed", "truncated", "infer_error", "judge_error", "not_run")


def print_results(results: RunResults) -> None:
    """A run's metrics, then its leaderboard row."""
    console = stdout()
    console.print(_metrics_table(results))
    row = row_of(results, source="run")
    console.print(board_table([row]))
    for line in explained_marks([row]):
        console.print(line)
    for name, task in results.tasks.items():
        for note in task.notes:
            console.print(escape(f"{name}: {note}"))


def _metrics_table(results: RunResults) -> Table:
    table = Table(title=escape(f"{results.model} ({results.backend})"), title_justify="left")
    table.add_column("task", no_wrap=True)
    table.add_column("metric", no_wrap=True)
    for column in ("value", "95 % interval", "n", "coverage"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("not scored")
    for name, task in results.tasks.items():
        states = ", ".join(f"{task.states[s]} {s}" for s in _STATES_SHOWN if task.states.get(s))
        for index, (metric, result) in enumerate(task.metrics.items()):
            first = index == 0
            table.add_row(
                name if first else "",
                metric,
                _value(result),
                _interval(result),
                str(result.n),
                f"{task.n_scored}/{task.n_total}" if first else "",
                states if first else "",
            )
        table.add_section()
    return table


def _value(result: MetricResult) -> str:
    return "-" if result.value is None else f"{result.value:.4f}"


def _interval(result: MetricResult) -> str:
    return "-" if result.ci95 is None else f"{result.ci95[0]:.4f}-{result.ci95[1]:.4f}"

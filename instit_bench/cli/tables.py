"""Tables of results on the screen."""

from __future__ import annotations

from rich import box
from rich.markup import escape
from rich.table import Table

from instit_bench.cli.console import stdout
from instit_bench.display import one_line
from instit_bench.leaderboard.rows import row_of
from instit_bench.leaderboard.show import board, explained_marks
from instit_bench.runs.results import EngineResult, RunResults
from instit_bench.types import Metric

_STATES_SHOWN = (
    *("unparsed", "truncated", "infer_error", "judge_error", "not_judged", "not_scored"),
    "not_run",
)

_SAID = {"not_judged": "answered, not judged", "not_scored": "answered, not scored"}


def print_results(results: RunResults) -> None:
    """A run's metrics, then its leaderboard row."""
    console = stdout()
    console.print(_metrics_table(results))
    row = row_of(results, source="")
    console.print(board([row], console.width))
    for line in explained_marks([row]):
        console.print(line)
    for name, task in results.tasks.items():
        for note in task.notes:
            console.print(_shown(f"{name}: {note}"))


def print_metrics(results: RunResults) -> None:
    """A run's metrics alone."""
    stdout().print(_metrics_table(results))


def engine_summary(engine: EngineResult) -> tuple[str, str]:
    """Two lines: the tokens, and where the time went."""
    return (
        f"tokens: {engine.prompt_tokens:,} prompt, {engine.cached_tokens:,} of them from the "
        f"cache; {engine.generated_tokens:,} generated, {engine.generated_tokens_per_s or 0:,} "
        "per second",
        f"seconds: {engine.seconds_starting:.1f} starting, "
        f"{engine.seconds_waiting:.1f} waiting, {engine.seconds_working:.1f} working",
    )


def _metrics_table(results: RunResults) -> Table:
    """Each task's line, its metrics indented below; fits 80 characters."""
    title = _shown(f"{results.model} ({results.backend})")
    table = Table(title=title, title_justify="left", box=box.SIMPLE)
    table.add_column("task, metric", no_wrap=True)
    for column in ("value", "95 % interval", "n"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("coverage", overflow="fold")
    for name, task in results.tasks.items():
        shown = [(task.states.get(state), state) for state in _STATES_SHOWN]
        states = ", ".join(f"{n} {_SAID.get(state, state)}" for n, state in shown if n)
        coverage = f"{task.n_counted}/{task.n_total}" + (f" ({states})" if states else "")
        table.add_row(_shown(name), "", "", "", coverage)
        for index, (metric, result) in enumerate(task.metrics.items()):
            if result.n == 0 and index > 0:
                continue  # a diagnostic that no sample has
            table.add_row(
                f"  {_shown(metric)}", _value(result), _interval(result), str(result.n), ""
            )
    return table


def _shown(text: str) -> str:
    """A text from outside, which must neither control the terminal nor be taken as markup."""
    return escape(one_line(text))


def _value(result: Metric) -> str:
    return "-" if result.value is None else f"{result.value:.4f}"


def _interval(result: Metric) -> str:
    return "-" if result.ci95 is None else f"{result.ci95[0]:.4f}-{result.ci95[1]:.4f}"

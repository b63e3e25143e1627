"""``instit-bench suite``, and ``run`` with several models."""

from __future__ import annotations

import shlex
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instit_bench.cli.console import fail, note
from instit_bench.cli.options import DryRun

if TYPE_CHECKING:
    from instit_bench.suites.execute import Outcome
    from instit_bench.suites.plan import PlannedRun, Suite
    from instit_bench.suites.summary import Summary
    from instit_bench.suites.worker import Event

_EVERY_S = 10.0


def suite_command(
    file: Annotated[Path, typer.Argument(help="Suite file (YAML, see docs/suites.md).")],
    only: Annotated[
        list[str] | None,
        typer.Option(help="Run only these entries of the suite, such as 'local*'; repeatable."),
    ] = None,
    tasks: Annotated[
        list[str] | None,
        typer.Option(help="Tasks of all runs, instead of the file's; repeatable."),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Data of all runs, instead of the file's.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help="Samples per task of all runs, instead of the file's.", min=1)
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder for the runs (default: results/<name of the file>).")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start all runs over; keep the existing ones aside.")
    ] = False,
    dry_run: DryRun = False,
) -> int:
    """Evaluate several models as a suite file says, and compare them. Run again to resume."""
    from instit_bench.suites.plan import plan_suite

    given = {
        "tasks": tasks,
        "data": data,
        "limit": limit,
        "output": None if output is None else str(output),
        "existing": "fresh" if fresh else None,
    }
    overrides = {name: value for name, value in given.items() if value not in (None, [])}
    suite = plan_suite(file, overrides, only or ())
    return show_plan(suite) if dry_run else carry_out(suite)


def show_plan(suite: Suite) -> int:
    """Print what all runs of a suite would do; nothing is sent or written."""
    from instit_bench.cli.dry_run import show_suite_dry_run
    from instit_bench.errors import InputError
    from instit_bench.evaluation.preview import preview

    previews = []
    for run in suite.runs:
        try:
            previews.append((run.label, preview(run.config)))
        except InputError as error:
            raise InputError(f"{run.label}: {error}") from error
    return show_suite_dry_run(previews, suite.parallel)


def carry_out(suite: Suite) -> int:
    """Run all of a suite, show what came of it, and exit with the code of the worst run."""
    from instit_bench.suites.summary import summarise

    outcomes = ask_all(suite)
    _show(summarise(suite, outcomes))
    return conclude(outcomes)


def ask_all(suite: Suite) -> list[Outcome]:
    """Run all of a suite, with its progress as lines."""
    from instit_bench.suites.execute import run_suite

    return run_suite(suite, _Lines(suite))


def conclude(outcomes: Sequence[Outcome]) -> int:
    """Say what to do next, and exit with the code of the worst run."""
    from instit_bench.suites.execute import worst_code

    bad = [outcome for outcome in outcomes if outcome.code]
    began = [outcome.run for outcome in outcomes if outcome.run.directory.exists]
    if began:
        folders = shlex.join(str(run.directory.path) for run in began)
        note(f"next: instit-bench report {folders}")
    for outcome in bad:
        note(f"{outcome.run.label}: exit code {outcome.code}: {outcome.message}", warning=True)
    if bad:
        named = ", ".join(outcome.run.label for outcome in bad)
        fail(
            f"{len(bad)} of {len(outcomes)} runs did not succeed: {named}; "
            "the same command resumes them and skips what is done",
            worst_code(outcomes),
        )
    return 0


class _Lines:
    """A suite's progress as lines: when a run starts and ends, and now and then how far all are."""

    def __init__(self, suite: Suite) -> None:
        self._places = {run.label: place for place, run in enumerate(suite.runs, start=1)}
        self._totals: dict[str, Counter[str]] = {}
        self._done: dict[str, Counter[str]] = {}
        self._errors: Counter[str] = Counter()
        self._new: Counter[str] = Counter()
        self._printed = time.monotonic()

    def started(self, run: PlannedRun) -> None:
        """One line."""
        self._totals[run.label], self._done[run.label] = Counter(), Counter()
        note(f"{self._name(run)}: {run.directory.path}")

    def event(self, run: PlannedRun, event: Event) -> None:
        """Count steps; a line that the run tells is shown with its name."""
        if event.kind == "status":
            note(f"{run.label}: {event.text}", warning=event.text.startswith("warning"))
        elif event.kind == "lane":
            self._totals[run.label][event.text] = event.total
            self._done[run.label][event.text] = event.done
        elif event.kind == "step":
            if event.outcome == "void":
                self._totals[run.label][event.text] -= 1
                return
            self._done[run.label][event.text] += 1
            self._new[run.label] += event.outcome != "known"
            self._errors[run.label] += event.outcome == "failed"
            if time.monotonic() - self._printed >= _EVERY_S:
                self._printed = time.monotonic()
                note("; ".join(f"{label} {self._count(label)}" for label in self._totals))

    def ended(self, outcome: Outcome) -> None:
        """One line; what went wrong is told at the end, too."""
        label = outcome.run.label
        if label not in self._totals:
            note(f"{self._name(outcome.run)}: {outcome.message}")
            return
        how = "finished" if self._new[label] else "was finished before"
        if outcome.code:
            how = f"failed: {outcome.message}"
        count, seconds = self._count(label), f"{outcome.seconds:.0f} s"
        note(f"{self._name(outcome.run)}: {count}, {seconds}, {how}")
        del self._totals[label]

    def _name(self, run: PlannedRun) -> str:
        return f"[{self._places[run.label]}/{len(self._places)}] {run.label}"

    def _count(self, label: str) -> str:
        errors = f", {self._errors[label]} errors" if self._errors[label] else ""
        return f"{self._done[label].total():,}/{self._totals[label].total():,}{errors}"


def _show(summary: Summary) -> None:
    from instit_bench.cli.console import stdout
    from instit_bench.leaderboard.show import board, explained_marks
    from instit_bench.suites.show import left_out, verdicts_table

    console = stdout()
    console.print(board(summary.rows, console.width))
    if summary.paired:
        console.print(verdicts_table(summary.paired))
        for line in left_out(summary.paired):
            console.print(line, markup=False)
    for line in explained_marks(summary.rows):
        console.print(line)

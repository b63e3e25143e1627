"""``instit-bench run``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instit_bench.cli.console import fail, note

if TYPE_CHECKING:
    from instit_bench.evaluation.runner import RunOutcome

SETTINGS = "instit_bench.evaluation.config:RunConfig"
_GROUPS_SHOWN = 8


def run_command(
    ctx: typer.Context,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume an existing run; fail if there is none.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start over; keep the existing run aside.")
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option(metavar="<path>", help="YAML file of settings; options override it."),
    ] = None,
) -> int:
    """Evaluate a model, score it and print its leaderboard row. Run again to resume."""
    from instit_bench.evaluation.config import make_config

    given: dict[str, Any] = ctx.obj
    if resume and fresh:
        fail("--resume and --fresh cannot be combined", 2)
    if resume or fresh:
        given["existing"] = "resume" if resume else "fresh"
    return evaluate(make_config(config, given))


def evaluate(config: Any) -> int:
    """Run, print the outcome, and say how it went in the exit code."""
    from instit_bench.cli.progress import make_reporter
    from instit_bench.cli.tables import engine_summary, print_results
    from instit_bench.evaluation.runner import run

    outcome = run(config, make_reporter())
    results = outcome.run.results
    print_results(results)
    if results.engine:
        for line in engine_summary(results.engine):
            note(line)
    for line in outcome.warnings:
        note(line)
    if len(outcome.failures) > 1 or not outcome.problem:  # else the problem says it all
        for group in outcome.failures[:_GROUPS_SHOWN]:
            note(group.told)
    note(f"results: {outcome.run.directory.results_path}")
    return _conclude(outcome, config.min_coverage)


def _conclude(outcome: RunOutcome, min_coverage: float) -> int:
    if outcome.status == "interrupted":
        fail("interrupted; finished samples are kept; run the same command again to resume", 130)
    if outcome.problem:
        raise outcome.problem.error()
    for name, task in outcome.run.results.tasks.items():
        if task.coverage < min_coverage:
            fail(
                f"{name}: coverage {task.coverage:.4f} ({task.n_scored} of {task.n_total}) is "
                f"below --min-coverage {min_coverage}",
                3,
            )
    return 0

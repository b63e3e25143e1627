"""``instit-bench run``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from instit_bench.cli.console import fail, note
from instit_bench.cli.options import ConfigFile, DryRun

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
    config: ConfigFile = None,
    dry_run: DryRun = False,
) -> int:
    """Evaluate a model, score it and print its leaderboard row. Run again to resume.

    Several models run as a suite, which ends with one table; the first is the baseline.
    """
    from instit_bench.evaluation.config import make_config, read_settings

    given: dict[str, Any] = ctx.obj
    if resume and fresh:
        fail("--resume and --fresh cannot be combined", 2)
    if resume or fresh:
        given["existing"] = "resume" if resume else "fresh"
    models = given.pop("model", [])
    if len(models) > 1:
        return _several(models, (read_settings(config) if config else {}) | given, dry_run)
    settings = make_config(config, given | ({"model": models[0]} if models else {}))
    if dry_run:
        from instit_bench.cli.dry_run import show_dry_run
        from instit_bench.evaluation.preview import preview

        return show_dry_run(preview(settings))
    return evaluate(settings)


def _several(models: list[str], settings: dict[str, Any], dry_run: bool) -> int:
    from instit_bench.cli.suite import carry_out, show_plan
    from instit_bench.suites.plan import suite_of_models

    suite = suite_of_models(models, settings)
    return show_plan(suite) if dry_run else carry_out(suite)


def evaluate(config: Any) -> int:
    """Run, print the outcome, and say how it went in the exit code."""
    from instit_bench.cli.next_steps import next_line
    from instit_bench.cli.progress import make_reporter
    from instit_bench.cli.tables import engine_summary, print_results
    from instit_bench.evaluation.runner import run

    gate = None
    if config.until_verdict:  # its statistics load numpy, which no other run needs
        from instit_bench.comparison.gate import gate_of

        gate = gate_of(config)
    outcome = run(config, make_reporter(), gate)
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
    if problem := outcome.conclusion(config.min_coverage):
        raise problem.error()
    note(next_line(outcome.run))
    return 0

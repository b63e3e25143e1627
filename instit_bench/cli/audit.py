"""``instit-bench audit``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from instit_bench.cli.console import fail, note
from instit_bench.cli.options import ConfigFile, DryRun
from instit_bench.validation import names_in

if TYPE_CHECKING:
    from instit_bench.audit.panels import Panel
    from instit_bench.audit.plan import Audit
    from instit_bench.audit.results import AuditResult

SETTINGS = "instit_bench.evaluation.config:RunConfig"


def audit_command(
    ctx: typer.Context,
    checks: Annotated[
        list[str] | None,
        typer.Option(
            help="Only these checks, comma-separated, such as blind,permuted-options; repeatable "
            "(default: all that apply; see docs/audit.md)."
        ),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start all runs over; keep the existing ones aside.")
    ] = False,
    config: ConfigFile = None,
    dry_run: DryRun = False,
) -> int:
    """Ask a model the same questions under interventions, and compare. Run again to resume.

    Writes audit.html, audit.md and audit.json beside the runs, which are ordinary runs.
    """
    from instit_bench.audit.plan import plan_audit
    from instit_bench.cli.suite import show_plan
    from instit_bench.evaluation.config import read_settings

    given: dict[str, Any] = (read_settings(config) if config else {}) | ctx.obj
    models = given.get("model", [])
    if isinstance(models, list):
        if len(models) > 1:
            fail("--model: an audit takes one model", 2)
        given["model"] = models[0] if models else None
    if fresh:
        given["existing"] = "fresh"
    given = {name: value for name, value in given.items() if value is not None}
    audit = plan_audit(given, names_in(checks), offline=dry_run)
    _note_skipped(audit)
    return show_plan(audit.suite) if dry_run else _carry_out(audit)


def _carry_out(audit: Audit) -> int:
    from instit_bench.audit.page import write_results
    from instit_bench.audit.panels import panels
    from instit_bench.audit.results import audit_result
    from instit_bench.cli.suite import ask_all, conclude

    outcomes = ask_all(audit.suite)
    result = audit_result(audit)
    if result is not None:
        _show(result, panels(result))
        for path in write_results(result):
            note(f"results: {path}")
    return conclude(outcomes)


def _note_skipped(audit: Audit) -> None:
    for line in audit.notes:
        note(f"warning: {line}")
    for planned in audit.checks:
        reasons: dict[str, list[str]] = {}
        for task, why in planned.skipped.items():
            reasons.setdefault(why, []).append(task)
        for why, tasks in reasons.items():
            note(f"{planned.check.name} skips {', '.join(tasks)}: {why}")


def _show(result: AuditResult, shown: tuple[Panel, ...]) -> None:
    from instit_bench.cli.console import stdout

    console = stdout()

    def line(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    for panel in shown:
        if panel.answers:
            line(panel.question)
        for answer in panel.answers:
            line(f"  {answer.task}: {answer.told}")
    for gap in result.gaps:
        note(gap, warning=True)

"""``instit-bench tasks list|show|new|check|path``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from instit_bench.cli.console import note
from instit_bench.cli.options import App, IncludePath

app = App(help="Inspect, write and check task plugins.")


@app.command("list")
def list_command(include_path: IncludePath = None) -> int:
    """List all tasks and groups."""
    from rich.table import Table

    from instit_bench.cli.console import stdout
    from instit_bench.tasks.registry import load_registry

    registry = load_registry(include_path or ())
    table = Table()
    for column in ("name", "scorer", "media", "headline metric", "description"):
        table.add_column(column, no_wrap=column != "description")
    for name, task in sorted(registry.tasks.items()):
        metadata = task.config.metadata
        headline = task.metric_names[0]
        table.add_row(name, metadata.scorer, metadata.media, headline, metadata.description)
    table.add_section()
    for name, group in sorted(registry.groups.items()):
        table.add_row(name, "group", "", "", ", ".join(group.task))
    stdout().print(table)
    return 0


@app.command("show")
def show_command(
    name: Annotated[str, typer.Argument(help="Name of the task.")],
    data: Annotated[
        str,
        typer.Option(
            help="hub, demo, or a path to a folder or file.",
            envvar="INSTIT_BENCH_DATA",
            show_envvar=False,
        ),
    ] = "demo",
    include_path: IncludePath = None,
    prompt_style: Annotated[str, typer.Option(help="Prompt style, as for run.")] = "chat",
) -> int:
    """Show a task's configuration and its first sample as sent to a model."""
    from instit_bench.cli.console import stdout
    from instit_bench.cli.task_page import task_page
    from instit_bench.evaluation.config import make_config
    from instit_bench.evaluation.plan import make_plan

    settings = {
        "model": "none",
        "tasks": (name,),
        "data": data,
        "include_path": tuple(include_path or ()),
        "prompt_style": prompt_style,
    }
    for plan in make_plan(make_config(None, settings)).tasks:
        stdout().print(task_page(plan), markup=False)
    return 0


@app.command("new")
def new_command(
    name: Annotated[str, typer.Argument(help="Name of the new task.")],
    output: Annotated[
        Path | None, typer.Option(help="Folder to write (default: the task's name).")
    ] = None,
) -> int:
    """Write a plugin that works, as a start: YAML, data, scorer, a test and a README."""
    from instit_bench.tasks.new import write_plugin

    folder = output or Path(name)
    for path in write_plugin(name, folder):
        note(f"wrote: {path}")
    note(f"next: instit-bench tasks check {name} --include-path {folder}")
    return 0


@app.command("check")
def check_command(
    name: Annotated[str, typer.Argument(help="Name of the task.")],
    data: Annotated[
        str,
        typer.Option(help="hub, demo, or a path to a folder or file.", envvar="INSTIT_BENCH_DATA"),
    ] = "demo",
    include_path: IncludePath = None,
) -> int:
    """Run a task's first five samples with a baseline model, and say what would fail. Exit 1 if so.

    Notes concern lmms-eval and speed; they do not fail.
    """
    from instit_bench.display import counted, one_line
    from instit_bench.evaluation.task_check import RUN_SAMPLES, check_task

    total, findings = check_task(name, data, include_path or ())
    for finding in findings:
        typer.echo(f"{finding.kind}: {one_line(finding.text)}")
    failing = sum(finding.kind == "fails" for finding in findings)
    if failing:
        typer.echo(f"{name}: {counted(failing, 'problem')}")
        return 1
    ran = f"{min(total, RUN_SAMPLES)} of {counted(total, 'sample')} ran"
    typer.echo(f"{name}: {ran} with a baseline model; nothing fails")
    return 0


@app.command("path")
def path_command() -> int:
    """Print the folder of the shipped tasks, for lmms-eval --include_path."""
    from instit_bench.cli.console import stdout
    from instit_bench.resources import shipped

    stdout().print(shipped("tasks"), markup=False, highlight=False, soft_wrap=True)
    return 0

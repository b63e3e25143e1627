"""``instit-bench tasks list|show|path``."""

from __future__ import annotations

from typing import Annotated

import typer

from instit_bench.cli.options import App, IncludePath

app = App(help="Inspect task plugins.")


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


@app.command("path")
def path_command() -> int:
    """Print the folder of the shipped tasks, for lmms-eval --include_path."""
    from instit_bench.cli.console import stdout
    from instit_bench.resources import shipped

    stdout().print(shipped("tasks"), markup=False, highlight=False, soft_wrap=True)
    return 0

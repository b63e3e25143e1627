"""``instit-bench models``."""

from __future__ import annotations

import shlex
from typing import Annotated, Any

import typer


def models_command(
    name: Annotated[
        str | None, typer.Argument(help="Recipe whose settings to print as options of run.")
    ] = None,
) -> int:
    """List recipes: settings for known checkpoints, for run --model NAME."""
    from instit_bench.errors import InputError
    from instit_bench.evaluation.recipes import recipes
    from instit_bench.validation import did_you_mean

    known = recipes()
    if name is None:
        return _listed(known)
    if name not in known:
        hint = did_you_mean(name, known) or f"; there are {', '.join(known)}"
        raise InputError(f"models {name}: no such recipe{hint}")
    recipe = known[name]
    typer.echo(f"# {recipe.about}: {recipe.checkpoint}")
    for setting, what in recipe.needs.items():
        typer.echo(f"# needs --{setting.replace('_', '-')}: {what}")
    typer.echo(f"instit-bench run {shlex.join(_options(recipe.settings))}")
    return 0


def _listed(known: Any) -> int:
    from rich.table import Table

    from instit_bench.cli.console import stdout

    table = Table()
    for column in ("model", "checkpoint", "backend", "tasks", "needs"):
        table.add_column(column, overflow="fold")
    for name, recipe in known.items():
        needs = ", ".join(f"--{setting.replace('_', '-')}" for setting in recipe.needs)
        settings = recipe.settings
        table.add_row(name, recipe.checkpoint, settings["backend"], settings["tasks"], needs)
    stdout().print(table)
    return 0


def _options(settings: Any) -> list[str]:
    words = []
    for name, value in settings.items():
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, dict):
            words += [word for key, one in value.items() for word in (option, f"{key}={one}")]
        else:
            words += [option, str(value)]
    return words

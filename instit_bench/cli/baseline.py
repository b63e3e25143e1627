"""``instit-bench baseline``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from instit_bench.cli.complete import run_folders
from instit_bench.cli.console import note
from instit_bench.cli.options import App

app = App(help="Manage baselines.")


@app.callback()
def _group() -> None:
    """Manage baselines."""


@app.command("save")
def save_command(
    run: Annotated[Path, typer.Argument(help="Run folder.", autocompletion=run_folders)],
    output: Annotated[
        Path | None, typer.Option(help="Output file (default: results/baselines/<run>.json).")
    ] = None,
    allow_incomplete: Annotated[
        bool, typer.Option("--allow-incomplete", help="Allow a run that did not finish.")
    ] = False,
) -> int:
    """Save a run's scores and identity to a file that can be committed (no texts, no media)."""
    from instit_bench.comparison.baseline_file import save_baseline
    from instit_bench.comparison.scored_run import scored_run
    from instit_bench.display import one_line
    from instit_bench.errors import InputError
    from instit_bench.runs.loaded import Run

    stored = Run.load(run)
    status = stored.manifest.status
    if status != "finished" and not allow_incomplete:
        raise InputError(
            f"{run}: the run is {status}, so later runs would be compared with part of it; "
            "resume it with the same command, or add --allow-incomplete"
        )
    scores = scored_run(stored)
    empty = [name for name, task in scores.tasks.items() if not task.has_headline]
    if len(empty) == len(scores.tasks):
        raise InputError(
            f"{run}: no headline metric has a value, so there is nothing to compare later runs "
            "with; open-ended answers need a judge: instit-bench judge RUN --judge openai:MODEL"
        )
    path = output or Path("results/baselines") / f"{scores.name}.json"
    save_baseline(scores, path)
    for name, task in scores.tasks.items():
        note(f"{one_line(name)}: {task.n_counted} of {task.n_total} samples count")
    for name in empty:
        note(f"warning: {one_line(name)}: the baseline has no value for its headline metric")
    note(f"baseline: {path}")
    return 0

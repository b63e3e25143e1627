"""``instit-bench judge sheet`` and ``judge calibrate``: a judge beside human scores."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from instit_bench.cli.complete import run_folders
from instit_bench.cli.console import note
from instit_bench.cli.options import NoLock, OnlyTasks
from instit_bench.validation import names_in

RUN = typer.Argument(help="Run folder.", autocompletion=run_folders)


def sheet_command(
    run: Annotated[Path, RUN],
    n: Annotated[int, typer.Option("--n", help="Samples per judged task.", min=2)] = 60,
    stratify: Annotated[
        bool,
        typer.Option("--stratify", help="Draw from low, middle and high scores of the judge."),
    ] = False,
    tasks: OnlyTasks = None,
    output: Annotated[
        Path | None, typer.Option(help="CSV file to write (default: sheet.csv in the run folder).")
    ] = None,
    separator: Annotated[
        Literal["comma", "semicolon", "tab"],
        typer.Option(help="Separator; semicolon for spreadsheets with decimal commas."),
    ] = "comma",
    seed: Annotated[int, typer.Option(help="Seed of the draw.", min=0)] = 0,
    no_lock: NoLock = False,
) -> int:
    """Write a sheet of samples for humans to score, without the judge's verdicts."""
    from instit_bench.judging.sheet import make_sheet
    from instit_bench.runs.directory import RunDirectory

    sheet = make_sheet(
        RunDirectory(run, lock=not no_lock),
        n,
        tasks=names_in(tasks),
        stratify=stratify,
        seed=seed,
        output=output,
        separator=separator,
    )
    for task, count in sheet.counts.items():
        typer.echo(f"{task}: {count} samples to score from 0 to 1")
    typer.echo(f"sheet: {sheet.path}")
    words = ("instit-bench", "judge", "calibrate", str(run), "--gold", str(sheet.path))
    note(f"when the column 'score' is filled in: {shlex.join(words)}")
    return 0


def calibrate_command(
    run: Annotated[Path, RUN],
    gold: Annotated[Path, typer.Option(help="Sheet with human scores (CSV).")],
    tune: Annotated[
        bool,
        typer.Option(
            "--tune", help="Tune the weight of the judge's scores (from 50 human scores on)."
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of the folds of --tune.", min=0)] = 0,
    no_lock: NoLock = False,
) -> int:
    """Compare a run's judge with human scores, and correct the run's score by them."""
    from instit_bench.judging.calibrate import calibrate_run
    from instit_bench.runs.card_text import card_lines
    from instit_bench.runs.directory import RunDirectory

    directory = RunDirectory(run, lock=not no_lock)
    found = calibrate_run(directory, gold, tune=tune, seed=seed)
    for line in found.notes:
        note(line)
    for task, card in found.cards.items():
        typer.echo(task)
        for name, text in card_lines(card):
            typer.echo(f"  {name:<18} {text}")
        note(f"judge card: {directory.card_path(task)}")
    return 0

"""``instit-bench score``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from instit_bench.cli.console import note

DATA = "hub, demo, or a folder or file; by default the file's own targets, where it has them."


def score_command(
    file: Annotated[Path, typer.Argument(help="Predictions: JSON (upstream) or JSONL (ours).")],
    task: Annotated[str, typer.Option(help="The task that they answer.")],
    data: Annotated[str | None, typer.Option(help=DATA, envvar="INSTIT_BENCH_DATA")] = None,
    revision: Annotated[str, typer.Option(help="Hub revision of the dataset.")] = "main",
    model: Annotated[str | None, typer.Option(help="The model's name (default: file's).")] = None,
    output: Annotated[Path, typer.Option(help="Where runs go.")] = Path("results"),
    name: Annotated[str | None, typer.Option(help="The run's folder name.")] = None,
    include_path: Annotated[
        list[Path] | None, typer.Option(help="A folder with further task plugins.")
    ] = None,
) -> int:
    """Score a prediction file, with no model at hand."""
    from instit_bench.cli.tables import print_results
    from instit_bench.runs.score import ScoreOptions, score_file

    options = ScoreOptions(
        file, task, data, revision, model, output, name, tuple(include_path or ())
    )
    run, results = score_file(options)
    print_results(results)
    note(f"results: {run.results_path}")
    return 0

"""``instit-bench explain``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from instit_bench.cli.complete import run_folders
from instit_bench.cli.console import note
from instit_bench.cli.options import OnlyTasks
from instit_bench.validation import names_in


def explain_command(
    a: Annotated[
        Path, typer.Argument(help="Run folder: the reference.", autocompletion=run_folders)
    ],
    b: Annotated[
        Path, typer.Argument(help="Run folder that should agree.", autocompletion=run_folders)
    ],
    tasks: OnlyTasks = None,
    metric: Annotated[
        str | None,
        typer.Option(help="Metric to explain (default: the one that decides right or wrong)."),
    ] = None,
    samples: Annotated[str, typer.Option(help="Samples to list per task: a number or all.")] = "10",
    tie: Annotated[
        float,
        typer.Option(help="Largest margin of a tie between two tokens, in nats.", min=0),
    ] = 0.5,
    markdown: Annotated[
        Path | None, typer.Option(help="Write the explanation as Markdown.")
    ] = None,
    json: Annotated[
        Path | None, typer.Option(help="Write the explanation as JSON, with all samples.")
    ] = None,
) -> int:
    """Say why two runs that should agree differ: each changed sample's cause, with evidence.

    Causes are prompt, media, settings, truncation, parsing, judge and numerics; unknown where a run
    has kept no evidence. Numerics can be told only of runs that kept the tokens of replies.
    """
    from instit_bench.cli.compare import number_or_all
    from instit_bench.cli.console import stdout
    from instit_bench.comparison.explain.explain import explain_runs
    from instit_bench.comparison.explain.show import (
        explanation_json,
        explanation_markdown,
        explanation_view,
    )
    from instit_bench.errors import InputError
    from instit_bench.runs.atomic import write_atomically
    from instit_bench.runs.loaded import Run

    limit = number_or_all("--samples", samples)
    for path in (a, b):
        if path.is_file():
            raise InputError(f"{path}: is a file; explain reads the samples of run folders")
    found = explain_runs(Run.load(a), Run.load(b), names_in(tasks), metric, tie)
    stdout().print(explanation_view(found, limit))
    if markdown:
        write_atomically(markdown, explanation_markdown(found, limit))
        note(f"markdown: {markdown}")
    if json:
        write_atomically(json, explanation_json(found))
        note(f"json: {json}")
    return 0

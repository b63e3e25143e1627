"""``instit-bench rescore``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from instit_bench.cli.complete import run_folders
from instit_bench.cli.console import note
from instit_bench.cli.options import IncludePath, NoLock

DATA = "hub, demo, or a path to a folder or file (default: the run's)."


def rescore_command(
    run: Annotated[Path, typer.Argument(help="Run folder.", autocompletion=run_folders)],
    data: Annotated[str | None, typer.Option(help=DATA)] = None,
    include_path: IncludePath = None,
    no_lock: NoLock = False,
) -> int:
    """Score a run's predictions again, after its scorer or metrics changed; no model is asked."""
    from instit_bench.cli.tables import print_results
    from instit_bench.display import counted
    from instit_bench.evaluation.rescore import rescore_run
    from instit_bench.runs.directory import RunDirectory

    directory = RunDirectory(run, lock=not no_lock)
    rescored = rescore_run(directory, note, data, tuple(include_path or ()))
    print_results(rescored.run.results)
    note(f"{counted(rescored.changed, 'sample')} changed; results: {directory.results_path}")
    if rescored.problem:
        raise rescored.problem.error()
    return 0

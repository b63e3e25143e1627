"""``instit-bench score``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from instit_bench.cli.console import fail, note
from instit_bench.cli.options import IncludePath, NoLock

FILE = (
    "Predictions of one model: JSON (upstream format) or JSONL (a run's journal, or an lmms-eval "
    "sample log), or folders of such files."
)
TASK = "Task of the predictions (default: by the file's name); repeatable, one per file in order."
MODEL = "Name of the model (default: from the log, or the name of the only file)."
SETTINGS = "instit_bench.judging.config:JudgeConfig"
DATA = "hub, demo, or a path to a folder or file (default: the targets in the file, if any)."


class Prompts(StrEnum):
    """Whose words asked: the benchmark's, this project's, the record's own, or nobody knows."""

    OFFICIAL = "official"
    OWN = "own"
    DATASET = "dataset"
    UNKNOWN = "unknown"


def score_command(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="files...", help=FILE)],
    task: Annotated[list[str] | None, typer.Option(help=TASK)] = None,
    data: Annotated[
        str | None, typer.Option(help=DATA, envvar="INSTIT_BENCH_DATA", show_envvar=False)
    ] = None,
    revision: Annotated[str, typer.Option(help="Hub revision of the dataset.")] = "main",
    model: Annotated[str | None, typer.Option(help=MODEL)] = None,
    prompts: Annotated[
        Prompts,
        typer.Option(
            help="Origin of the prompts, if you know it; found automatically for lmms-eval logs."
        ),
    ] = Prompts.UNKNOWN,
    output: Annotated[
        Path,
        typer.Option(help="Folder for runs.", envvar="INSTIT_BENCH_OUTPUT", show_envvar=False),
    ] = Path("results"),
    name: Annotated[str | None, typer.Option(help="Folder name of the run.")] = None,
    include_path: IncludePath = None,
    fail_on_error: Annotated[
        str,
        typer.Option(help="Predictions that may stay unjudged: a count (10) or a fraction (0.05)."),
    ] = "0",
    no_lock: NoLock = False,
) -> int:
    """Score prediction files, each of one task, into one run; no model is needed."""
    from instit_bench.cli.judge import conclude_judging
    from instit_bench.cli.progress import make_reporter
    from instit_bench.cli.tables import print_results
    from instit_bench.evaluation.config import make_judge_config
    from instit_bench.evaluation.score import ScoreOptions, score_files
    from instit_bench.formats.named_tasks import with_tasks
    from instit_bench.tasks.registry import load_registry

    known = load_registry(include_path or ()).tasks
    judging = make_judge_config(ctx.obj)
    options = [
        ScoreOptions(
            file=file,
            task=of_task,
            data=data,
            revision=revision,
            model=model,
            prompts=prompts.value,
            output=output,
            name=name,
            include_path=tuple(include_path or ()),
            judging=judging,
            lock=not no_lock,
        )
        for file, of_task in with_tasks(files, task or (), known, note)
    ]
    scored = score_files(options, make_reporter)
    if scored.kept:
        note(f"{scored.run.path}: the earlier run of this name is kept at {scored.kept}")
    print_results(scored.run.results)
    note(f"results: {scored.run.directory.results_path}")
    for scored_task, result in scored.run.results.tasks.items():
        if 0 < result.n_total == result.states["infer_error"]:
            fail(f"{scored_task}: no prediction of the {result.n_total:,} can be scored", 1)
    return conclude_judging(scored.run.results, scored.problem, fail_on_error)

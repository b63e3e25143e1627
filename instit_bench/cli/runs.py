"""``instit-bench runs``: list, show, watch, rename, merge and remove stored runs."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instit_bench.cli.complete import run_folders
from instit_bench.cli.console import fail, note
from instit_bench.cli.options import App, Group

if TYPE_CHECKING:
    from instit_bench.runs.overview import Overview

_NAMED = 2  # tasks of a run that are named in the list
_WIDE = 110  # characters: there is room for all columns
_COLUMNS = ("run", "status", "done", "age", "size", "model", "tasks")
_FEWER = ("run", "status", "done", "age", "model")
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))


class _ListByDefault(Group):
    """``runs`` and ``runs FOLDER`` mean ``runs list FOLDER``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default command's name in front of folders."""
        if not args or (args[0] not in self.commands and args[0] not in ("-h", "--help")):
            args = ["list", *args]
        return super().parse_args(ctx, args)


app = App(
    cls=_ListByDefault,
    help="List runs (`runs`), or show, watch, rename, merge and remove them.",
)
RUN = typer.Argument(help="Run folder.", autocompletion=run_folders)
RUNS = typer.Argument(
    metavar="runs...", help="Runs, or folders of runs.", autocompletion=run_folders
)


@app.command("list")
def list_command(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="runs...", help="Runs, or folders of runs (default: all under results/)."
        ),
    ] = None,
) -> int:
    """List runs: how they stand, model, tasks, age and size; the newest first."""
    from rich import box
    from rich.table import Table

    from instit_bench.cli.console import stdout
    from instit_bench.display import one_line, path_text
    from instit_bench.runs.directory import RunDirectory, runs_among, runs_in
    from instit_bench.runs.loaded import Run
    from instit_bench.runs.overview import overview

    paths = runs_among(runs, note) if runs else runs_in(Path("results"))
    if not paths:
        note("no runs under results/")
    for path in paths:
        if not RunDirectory(path).exists:
            Run.load(path)  # says what is wrong
    found = sorted(map(overview, paths), key=lambda one: one.updated, reverse=True)
    console = stdout()
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in _COLUMNS if console.width >= _WIDE else _FEWER:
        numbers = column in ("done", "age", "size")
        table.add_column(
            column,
            justify="right" if numbers else "left",
            no_wrap=numbers or column == "status",
            overflow="fold",
        )
    for one in found:
        texts = {
            "run": path_text(one.path),
            "status": one.status,
            "done": "" if one.broken else f"{one.done:,}/{one.total:,}",
            "age": _age(one.updated),
            "size": _size(one.size),
            "model": one_line(one.model),
            "tasks": _tasks(one),
        }
        table.add_row(*(texts[str(column.header)].replace("[", r"\[") for column in table.columns))
    if found:
        console.print(table)
    for one in found:
        if one.broken:
            note(one.broken)
    return 0


@app.command("show")
def show_command(run: Annotated[Path, RUN]) -> int:
    """Show what a run is, how it stands, and its metrics."""
    from instit_bench.cli.console import stdout
    from instit_bench.cli.tables import print_metrics
    from instit_bench.display import one_line, path_text
    from instit_bench.runs.loaded import Run
    from instit_bench.runs.overview import overview

    stored, one = Run.load(run), overview(run)
    if one.broken:
        fail(one.broken, 2)
    manifest = stored.manifest
    writer = stored.directory.writer
    judging = manifest.judging
    facts = {
        "run": path_text(run),
        "status": f"{one.status}, {one.done:,} of {one.total:,} samples have a prediction",
        "written by": writer or "nobody now",
        "model": f"{manifest.identity.model} ({manifest.identity.backend})",
        "data": " ".join(filter(None, (manifest.data.label, manifest.data.revision))),
        "judged by": ", ".join(judging.judges) if judging else "nobody",
        "created": f"{manifest.created}, changed {_age(one.updated)} ago",
        "size": _size(one.size),
        "version": f"instit-bench {manifest.environment.get('instit_bench', 'unknown')}",
    }
    for name, text in facts.items():
        line = f"{name + ':':<12}{one_line(text)}"
        stdout().print(line, markup=False, soft_wrap=True)
    print_metrics(stored.results)
    return 0


@app.command("watch")
def watch_command(
    run: Annotated[Path, RUN],
    every: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.1)] = 2.0,
) -> int:
    """Follow a run that another process carries out, until it ends. Ctrl-C stops watching only."""
    from instit_bench.runs.loaded import Run
    from instit_bench.runs.overview import overview

    Run.load(run)
    begun, first, shown = time.monotonic(), None, None
    while True:
        one = overview(run)
        if one.broken:
            fail(one.broken, 2)
        first = one.done if first is None else first
        if (one.done, one.status) != shown:
            typer.echo(_progress(one, one.done - first, time.monotonic() - begun))
            shown = one.done, one.status
        if one.status != "running":
            return 0
        time.sleep(every)


def _progress(one: Overview, new: int, seconds: float) -> str:
    rate = new / seconds if new else 0.0
    left = f", {rate:.1f}/s, about {_duration((one.total - one.done) / rate)} left" if rate else ""
    return f"{one.status}: {one.done:,}/{one.total:,} done" + (
        left if one.status == "running" else ""
    )


@app.command("rename")
def rename_command(
    run: Annotated[Path, RUN],
    name: Annotated[str, typer.Argument(help="New name of its folder.")],
) -> int:
    """Rename a run's folder."""
    from instit_bench.runs.directory import RunDirectory
    from instit_bench.runs.loaded import Run

    Run.load(run)
    RunDirectory(run).rename(name)
    note(f"renamed: {run} is now {run.parent / name}")
    return 0


@app.command("merge")
def merge_command(
    runs: Annotated[list[Path], RUNS],
    name: Annotated[str, typer.Option(help="Folder name of the new run.")],
    output: Annotated[Path, typer.Option(help="Folder for runs.")] = Path("results"),
) -> int:
    """Write several runs of one model, of different tasks or samples, as one new run."""
    from instit_bench.cli.tables import print_results
    from instit_bench.errors import InputError
    from instit_bench.runs.directory import run_directory, runs_among
    from instit_bench.runs.loaded import Run
    from instit_bench.runs.merging import merge_runs

    paths = runs_among(runs, note)
    if len(paths) < 2:
        raise InputError("runs merge: name at least two runs")
    merged = merge_runs([Run.load(path) for path in paths], run_directory(output, name))
    print_results(merged.results)
    note(f"merged: {len(paths)} runs into {merged.path}; they stay as they are")
    return 0


@app.command("rm")
def rm_command(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="runs...", help="Runs.", autocompletion=run_folders),
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> int:
    """Remove runs with all their files."""
    from instit_bench.display import path_text
    from instit_bench.errors import InputError
    from instit_bench.runs.directory import RunDirectory, runs_among, runs_in
    from instit_bench.runs.loaded import Run
    from instit_bench.runs.overview import overview

    for path in runs:
        if path.is_dir() and not RunDirectory(path).exists and runs_in(path):
            raise InputError(
                f"{path_text(path)}: is a folder of runs; name the runs, or '{path_text(path)}/*'"
            )
    paths = runs_among(runs, note)
    for path in paths:
        Run.load(path)  # nothing else is removed
    if not yes and not sys.stdin.isatty():
        raise InputError("runs rm: --yes is needed where nobody can be asked")
    for path in paths:
        one = overview(path)
        told = f"{path}: {one.model}, {one.status}, {one.done:,} predictions, {_size(one.size)}"
        if not yes and not typer.confirm(f"remove {told}?", err=True):
            note(f"kept: {path}")
            continue
        RunDirectory(path).remove()
        note(f"removed: {told}")
    return 0


def _tasks(one: Overview) -> str:
    from instit_bench.display import one_line

    if len(one.tasks) > _NAMED:
        return f"{len(one.tasks)} tasks"
    return one_line(", ".join(one.tasks))


def _age(since: datetime) -> str:
    return _duration((datetime.now(UTC) - since).total_seconds())


def _duration(seconds: float) -> str:
    for unit, length in _UNITS:
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _size(count: int) -> str:
    for unit, length in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= length:
            return f"{count / length:.1f} {unit}"
    return f"{count} B"

"""What a list of runs shows of each: how it stands, without reading its samples if it ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from instit_bench.errors import InputError
from instit_bench.runs.directory import RunDirectory
from instit_bench.runs.loaded import Run
from instit_bench.runs.manifest import read_manifest
from instit_bench.types import State

_BLOCK = 2**20  # bytes


@dataclass(frozen=True, slots=True)
class Overview:
    """A run as a line of a list.

    ``status`` is ``running`` only while a process writes to it: one that was killed is ``stopped``.
    ``done`` counts samples with a prediction, ``size`` is in bytes, ``updated`` is when manifest or
    journal changed last. ``broken`` says why a run cannot be read.
    """

    path: Path
    status: str
    updated: datetime
    size: int
    model: str = ""
    tasks: tuple[str, ...] = ()
    done: int = 0
    total: int = 0
    broken: str = ""


def overview(path: Path) -> Overview:
    """Return how a run stands; a broken one is told as such."""
    directory = RunDirectory(path)
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    try:
        manifest = read_manifest(directory.manifest_path)
        done = _done(directory, running=manifest.status == "running")
    except InputError as error:
        return Overview(path, "broken", _updated(directory), size, broken=str(error))
    status: str = manifest.status
    if status == "running" and directory.writer is None:
        status = "stopped"
    elif status != "running" and directory.writer is not None:
        status = "running"  # such as a judge's command
    return Overview(
        path=path,
        status=status,
        model=manifest.identity.model,
        tasks=tuple(manifest.tasks),
        done=done,
        total=sum(task.n_selected for task in manifest.tasks.values()),
        updated=_updated(directory),
        size=size,
    )


def _done(directory: RunDirectory, *, running: bool) -> int:
    """Count the journals' lines, without those that the results of an ended run tell as failed."""
    run = Run.load(directory.path)
    done = 0
    for task in run.one_by_one():
        lines = _lines(directory.journal_path(task.name))
        failed = 0 if running else task.result.states[State.INFER_ERROR]
        done += min(lines, task.entry.n_selected) - failed
    return done


def _lines(path: Path) -> int:
    if not path.is_file():
        return 0
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(_BLOCK), b""))


def _updated(directory: RunDirectory) -> datetime:
    files = (directory.manifest_path, *(directory.path / "samples").glob("*.jsonl"))
    newest = max((file.stat().st_mtime for file in files if file.is_file()), default=0.0)
    return datetime.fromtimestamp(newest, UTC)

"""``.finished_by.json``: which command finished a run, and the files that it read.

The same command has nothing to ask while these files and the journal are as they were. It is told
so without reading data or samples, which takes no longer for a million samples than for ten.
"""

from __future__ import annotations

import hashlib
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from types import ModuleType

from pydantic import BaseModel, ConfigDict, ValidationError

from instit_bench._version import __version__
from instit_bench.cluster.settings import ReplicaSettings
from instit_bench.errors import StorageError
from instit_bench.evaluation.config import RunConfig
from instit_bench.evaluation.plan import RunPlan
from instit_bench.evaluation.shown_media import NAME as MEDIA
from instit_bench.runs.atomic import read_whole, write_atomically
from instit_bench.runs.directory import RunDirectory
from instit_bench.runs.file_state import FileState, state_of
from instit_bench.runs.kept_results import kept_results
from instit_bench.runs.loaded import Run
from instit_bench.tasks.registry import load_registry
from instit_bench.tasks.task import Task

_MOST_BESIDE = 10_000  # files; among more of them everything is looked at again


# A header may hold a key; where a run's replicas are changes none of its numbers.
_LEFT_OUT = {"existing", "header", "judge_gpus_per_replica", *ReplicaSettings.model_fields}


class FinishedBy(BaseModel):
    """The file. ``command`` is the SHA-256 of all settings and of the plugins' YAML files.

    ``selected`` counts the samples that the command selects of each task.
    """

    model_config = ConfigDict(frozen=True)

    command: str
    selected: Mapping[str, int]
    files: Mapping[Path, FileState]


def note_finished(run: Run, plan: RunPlan, started_ns: int) -> None:
    """Write down what finished a run, if nothing of it would be asked again.

    ``started_ns`` is when the command began: what changed since may not be what it has read.
    """
    path = run.directory.finished_by_path
    if path.exists():
        path.unlink()
    tasks = [task_plan.task for task_plan in plan.tasks]
    if not all(map(_is_settled, tasks)) or not _is_complete(run, [task.name for task in tasks]):
        return
    beside = _beside(tasks, plan.config)
    data = [file for task_plan in plan.tasks for file in task_plan.dataset.files]
    files = {f: state for f in (*data, *beside, *_imported()) if (state := state_of(f))}
    if len(beside) > _MOST_BESIDE or any(max(state) >= started_ns for state in files.values()):
        return
    found = FinishedBy(
        command=_command(plan.config, tasks),
        selected={task_plan.task.name: len(task_plan.selected) for task_plan in plan.tasks},
        files=files,
    )
    with suppress(StorageError):  # without it the command looks at everything again
        write_atomically(path, found.model_dump_json() + "\n")


def finished_before(config: RunConfig, directory: RunDirectory) -> tuple[Run, FinishedBy] | None:
    """Return the run if this very command has finished it, and nothing has changed since.

    Raises:
        InputError: A task is unknown or not valid, or the manifest is not valid.
    """
    if config.existing == "fresh" or not directory.exists:
        return None
    try:
        found = FinishedBy.model_validate_json(read_whole(directory.finished_by_path))
    except (OSError, ValidationError):
        return None
    tasks = load_registry(config.include_path).resolve(config.tasks)
    if found.command != _command(config, tasks):
        return None
    if not found.files.keys() >= set(_beside(tasks, config)):  # a file is new
        return None
    run = Run.load(directory.path)
    unchanged = all(state_of(file) == state for file, state in found.files.items())
    return (run, found) if unchanged and _is_complete(run, list(found.selected)) else None


def _is_settled(task: Task) -> bool:
    """Whether nothing but this plugin's folder decides what is asked, and nobody else is asked."""
    no_judge = not task.scorer.needs_judge and not task.config.process_docs
    return task.reader.self_contained and no_judge


def _is_complete(run: Run, tasks: Iterable[str]) -> bool:
    """Whether the run is finished and ``results.json`` says that every sample has its score.

    A run that has shown media is not: they may have changed.
    """
    kept = kept_results(run.directory, run.manifest)
    media = state_of(run.path / MEDIA)
    return (
        run.manifest.status == "finished"
        and run.manifest.extraction is None
        and (media is None or media[0] == 0)
        and all(
            name in kept and kept[name].result.n_counted == kept[name].result.n_total
            for name in tasks
        )
    )


def _command(config: RunConfig, tasks: Iterable[Task]) -> str:
    settings = config.model_dump_json(exclude=_LEFT_OUT)
    parts = (__version__, str(Path.cwd()), settings, *(f"{t.path} {t.config!r}" for t in tasks))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _beside(tasks: Iterable[Task], config: RunConfig) -> list[Path]:
    """Return the files in the plugins' folders, which their functions may read, and not the runs.

    Of very many only the first are returned.
    """
    runs = config.output.resolve()
    folders = sorted({task.path.parent for task in tasks})
    found = (file for folder in folders for file in _inside(folder, runs))
    return list(islice(found, _MOST_BESIDE + 1))


def _inside(folder: Path, runs: Path) -> Iterator[Path]:
    for path, folders, names in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".")
            and name != "__pycache__"
            and Path(path, name).resolve() != runs
        ]
        yield from (Path(path, name) for name in names)


def _imported() -> Iterator[Path]:
    """Yield the files of imported modules that are not installed: a plugin may use them."""
    installed = [Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")]
    for module in list(sys.modules.values()):
        file = vars(module).get("__file__") if isinstance(module, ModuleType) else None
        if file and not any(Path(file).is_relative_to(folder) for folder in installed):
            yield Path(file)

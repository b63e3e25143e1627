"""Which files ``results.json`` was computed from, so that unchanged ones need not be read again.

``.results_from.json`` beside it has the size and the time of the last change of every journal and
verdict file, and digests of ``results.json`` and of what the manifest says. Where anything differs,
as after copying a run, the results are computed again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from instit_bench._version import __version__
from instit_bench.runs.atomic import read_whole, write_atomically
from instit_bench.runs.directory import RunDirectory
from instit_bench.runs.manifest import Manifest
from instit_bench.runs.results import RunResults, TaskResult
from instit_bench.scorers.registry import spec_of

FileState = tuple[int, int]
"""A file's size in bytes and the time of its last change in nanoseconds."""


class TaskSource(BaseModel):
    """What one task's results were computed from; a file that does not exist has no state.

    ``manifest`` is a SHA-256 of what the manifest says about the task, data, model and judges.
    """

    model_config = ConfigDict(frozen=True)

    manifest: str
    samples: FileState | None
    judgements: FileState | None


class Sources(BaseModel):
    """``.results_from.json``: ``results`` is the SHA-256 of ``results.json``."""

    model_config = ConfigDict(frozen=True)

    version: str
    results: str
    tasks: dict[str, TaskSource]


def write_results_file(directory: RunDirectory, manifest: Manifest, results: RunResults) -> None:
    """Write ``results.json``, and what it was computed from."""
    text = results.model_dump_json(indent=2) + "\n"
    sources = Sources(
        version=__version__,
        results=_digest(text.encode()),
        tasks={name: _source(directory, manifest, name) for name in results.tasks},
    )
    write_atomically(directory.results_path, text)
    write_atomically(directory.results_source_path, sources.model_dump_json() + "\n")


def kept_results(directory: RunDirectory, manifest: Manifest) -> Mapping[str, TaskResult]:
    """Return the results in ``results.json`` of the tasks that have not changed since, by task."""
    try:
        sources = Sources.model_validate_json(read_whole(directory.results_source_path))
        text = read_whole(directory.results_path)
        if (sources.version, sources.results) != (__version__, _digest(text)):
            return {}
        results = RunResults.model_validate_json(text).tasks
    except (OSError, ValidationError):
        return {}
    return {
        name: _completed(result, manifest, name)
        for name, result in results.items()
        if name in manifest.tasks and sources.tasks.get(name) == _source(directory, manifest, name)
    }


def _completed(result: TaskResult, manifest: Manifest, name: str) -> TaskResult:
    """Add what is not part of the file."""
    task = manifest.tasks[name]
    headline = next(iter(spec_of(task).headlines(task.metrics)), None)
    return result.model_copy(update={"headline": headline, "lower_is_better": task.lower_is_better})


def _source(directory: RunDirectory, manifest: Manifest, task: str) -> TaskSource:
    judges = manifest.judging, manifest.extraction
    parts = (manifest.identity, manifest.data, manifest.tasks[task], *judges)
    text = "\n".join("" if part is None else part.model_dump_json() for part in parts)
    return TaskSource(
        manifest=_digest(text.encode()),
        samples=_state(directory.journal_path(task)),
        judgements=_state(directory.verdicts_path(task)),
    )


def _state(path: Path) -> FileState | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

"""Which files ``results.json`` was computed from, so that unchanged ones need not be read again.

``.results_from.json`` beside it has the state of every journal and verdict file, and digests of
``results.json`` and of what the manifest says. Where anything differs, the results are computed
again, as after copying a run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError

from instit_bench._version import __version__
from instit_bench.errors import StorageError
from instit_bench.runs.atomic import read_whole, write_atomically
from instit_bench.runs.directory import RunDirectory
from instit_bench.runs.file_state import FileState, state_of
from instit_bench.runs.index import write_index
from instit_bench.runs.manifest import Manifest
from instit_bench.runs.results import RunResults, TaskResult
from instit_bench.runs.sample_scores import SampleScores
from instit_bench.scorers.registry import spec_of


class TaskSource(BaseModel):
    """What one task's results were computed from; a file that does not exist has no state.

    ``manifest`` is a SHA-256 of what the manifest says about the task, data, model and judges.
    """

    model_config = ConfigDict(frozen=True)

    manifest: str
    samples: FileState | None
    judgements: FileState | None


class Sources(BaseModel):
    """``.results_from.json``.

    ``results`` is the SHA-256 of ``results.json``, ``indices`` has that of each task's index.
    """

    model_config = ConfigDict(frozen=True)

    version: str
    results: str
    tasks: dict[str, TaskSource]
    indices: dict[str, str]


@dataclass(frozen=True, slots=True)
class Kept:
    """What is stored about a task that has not changed since: its results, and its index."""

    result: TaskResult
    index: str


def write_results_file(
    directory: RunDirectory,
    manifest: Manifest,
    results: RunResults,
    scores: Mapping[str, SampleScores | None],
) -> None:
    """Write ``results.json``, each task's index, and what they were computed from.

    ``scores`` has no value for a task whose index has not changed.
    """
    indices = {name: kept.index for name, kept in kept_results(directory, manifest).items()}
    for name, inside in scores.items():
        if inside is not None:
            with suppress(StorageError):  # without it the journal is read
                indices[name] = write_index(directory.index_path(name), inside)
    text = results.model_dump_json(indent=2) + "\n"
    sources = Sources(
        version=__version__,
        results=_digest(text.encode()),
        tasks={name: _source(directory, manifest, name) for name in results.tasks},
        indices=indices,
    )
    write_atomically(directory.results_path, text)
    write_atomically(directory.results_source_path, sources.model_dump_json() + "\n")


def kept_results(directory: RunDirectory, manifest: Manifest) -> Mapping[str, Kept]:
    """Return what is stored about the tasks that have not changed since, by task."""
    try:
        sources = Sources.model_validate_json(read_whole(directory.results_source_path))
        text = read_whole(directory.results_path)
        if (sources.version, sources.results) != (__version__, _digest(text)):
            return {}
        results = RunResults.model_validate_json(text).tasks
    except (OSError, ValidationError):
        return {}
    return {
        name: Kept(_completed(result, manifest, name), sources.indices.get(name, ""))
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
        samples=state_of(directory.journal_path(task)),
        judgements=state_of(directory.verdicts_path(task)),
    )


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

"""Baseline files: a run's identity and scores as JSON, one sample per line, to be committed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from instit_bench.comparison.scored_run import (
    CorrectedScore,
    ScoredRun,
    TaskScores,
    scored_run,
)
from instit_bench.errors import InputError
from instit_bench.runs.atomic import replaced
from instit_bench.runs.loaded import Run
from instit_bench.runs.record import Fraction
from instit_bench.runs.sample_scores import SampleScores, item_text
from instit_bench.textfile import decoded, not_empty
from instit_bench.types import State
from instit_bench.validation import first_problem

FORMAT = "instit-bench scores 1"
_IF_THERE = ("intervention", "corrected", "card_problem")


class _BaselineSample(BaseModel):
    """One sample: how it ended and what it scored; ``item`` is a digest of question and target."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cluster: str
    kind: str
    item: Annotated[str, Field(pattern="^[0-9a-f]{12}$")]
    state: State
    scores: dict[str, Fraction] = Field(default_factory=dict)


class _BaselineTask(BaseModel):
    """One task, with the fields of ``TaskScores``, and its samples by id."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scorer: str
    metrics: list[str]
    lower_is_better: list[str] = Field(default_factory=list)
    data_digest: str | None
    prompt_digest: str | None
    prompts: str
    protocol: dict[str, Any]
    extraction: dict[str, str] | None = None
    intervention: str | None = None
    n_total: int = Field(ge=0)
    corrected: CorrectedScore | None = None
    card_problem: str | None = None
    samples: dict[str, _BaselineSample]


class _BaselineFile(BaseModel):
    """The file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["instit-bench scores 1"]
    name: str
    model: str
    backend: str
    data: str
    created: str
    tasks: dict[str, _BaselineTask]


def load_scored_run(path: Path) -> ScoredRun:
    """Read a run directory or a baseline file.

    Raises:
        InputError: It is neither, or not valid; the message names file and field.
    """
    if path.is_file():
        scores = _read_baseline(path)
    elif path.is_dir():
        scores = scored_run(Run.load(path))
    else:
        raise InputError(f"{path}: run directory or baseline file not found")
    if not scores.tasks:
        raise InputError(f"{path}: contains no task")
    return scores


def save_baseline(run: ScoredRun, path: Path) -> None:
    """Write a baseline file, one sample per line, suitable for version control."""
    names = ("name", "model", "backend", "data", "created")
    head = {"format": FORMAT} | {name: getattr(run, name) for name in names}
    with replaced(path) as file:
        text = json.dumps(head, indent=1, ensure_ascii=False).removesuffix("\n}")
        file.write((text + ',\n "tasks": {\n').encode())
        for number, (name, task) in enumerate(run.tasks.items()):
            file.write((",\n" if number else "").encode())
            for part in _task_lines(name, task):
                file.write(part.encode())
        file.write(b"\n }\n}\n")


def _task_lines(name: str, task: TaskScores) -> Iterator[str]:
    values = {f.name: getattr(task, f.name) for f in fields(task) if f.name != "samples"}
    values["corrected"] = task.corrected and asdict(task.corrected)
    values = {k: v for k, v in values.items() if v is not None or k not in _IF_THERE}
    yield f'  {_json(name)}: {_json(values)[:-1]}, "samples": {{\n'
    samples = task.samples
    for number, sample in enumerate(samples.ids):
        line = {
            "cluster": samples.clusters[number],
            "kind": samples.kinds[number],
            "item": item_text(samples.items[number]),
            "state": samples.states[number],
            "scores": samples.scores_of(number),
        }
        yield f"{',' + chr(10) if number else ''}   {_json(sample)}: {_json(line)}"
    yield "\n  }}"


def _read_baseline(path: Path) -> ScoredRun:
    try:
        text = not_empty(decoded(path.read_bytes(), path), path)
        file = _BaselineFile.model_validate_json(text)
        json.loads(text, object_pairs_hook=_refuse_doubles)
    except _DoubledKey as error:
        raise InputError(f"{path}: duplicate key {error} (from a bad merge?)") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    except ValidationError as error:
        raise InputError(
            f"{path}: is not a valid baseline file: {first_problem(error)}; write it with "
            "`instit-bench baseline save`"
        ) from error
    return _run_of(file, path)


def _run_of(file: _BaselineFile, path: Path) -> ScoredRun:
    values = {name: getattr(file, name) for name in ("name", "model", "backend", "data", "created")}
    tasks = {name: _task_of(task) for name, task in file.tasks.items()}
    return ScoredRun(**values, tasks=tasks, source=path)


def _task_of(task: _BaselineTask) -> TaskScores:
    samples = SampleScores()
    for name, sample in task.samples.items():
        samples.add(
            name,
            cluster=sample.cluster,
            kind=sample.kind,
            item=int(sample.item, 16),
            state=sample.state,
            scores=sample.scores,
        )
    return TaskScores(**{**dict(task), "samples": samples})


class _DoubledKey(Exception):  # noqa: N818 - says which
    """A duplicate key: JSON parsers silently keep the last one."""


def _refuse_doubles(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise _DoubledKey(f"{key!r}")
        seen.add(key)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)

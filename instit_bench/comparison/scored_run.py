"""A run as comparisons need it: its identity and every sample's scores, without texts or media.

It is read from a run directory or from a baseline file, which is this value as JSON.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from instit_bench.display import path_text
from instit_bench.errors import InputError
from instit_bench.runs.atomic import write_atomically
from instit_bench.runs.loaded import Run, RunTask
from instit_bench.runs.manifest import JudgingManifest, Manifest, TaskManifest
from instit_bench.runs.record import Fraction, SampleRecord
from instit_bench.scorers.registry import spec_of
from instit_bench.types import State
from instit_bench.validation import first_problem


class ComparedSample(BaseModel):
    """One sample: how it ended and what it scored.

    ``item`` is a digest of question and target: if it differs, the runs asked different questions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cluster: str
    kind: str
    item: str
    state: State
    scores: dict[str, Fraction] = Field(default_factory=dict)


class TaskScores(BaseModel):
    """One task: the fields that must match for a comparison, and its samples by id.

    ``n_total`` counts the selected samples, including those that were never run. ``extraction``
    says which judge extracted letters and by which instructions; it concerns one metric only.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scorer: str
    metrics: list[str]
    lower_is_better: list[str] = Field(default_factory=list)
    data_digest: str | None
    prompt_digest: str | None
    prompts: str
    protocol: dict[str, Any]
    extraction: dict[str, str] | None = None
    n_total: int = Field(ge=0)
    samples: dict[str, ComparedSample]

    @property
    def n_counted(self) -> int:
        """The number of samples that count."""
        return sum(sample.state.counts for sample in self.samples.values())

    @property
    def n_errors(self) -> int:
        """The number of samples that failed, on the model's side or the judge's."""
        failed = (State.INFER_ERROR, State.JUDGE_ERROR)
        return sum(sample.state in failed for sample in self.samples.values())

    @property
    def headline_values(self) -> int:
        """Samples with a value in a metric that heads the task's table."""
        spec = spec_of(self)
        return sum(bool(spec.headlines(sample.scores)) for sample in self.samples.values())


class ScoredRun(BaseModel):
    """A run's identity and scores; ``source`` says where it was read from and is not saved."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["instit-bench scores 1"] = "instit-bench scores 1"
    name: str
    model: str
    backend: str
    data: str
    created: str
    tasks: dict[str, TaskScores]
    source: Path = Field(default=Path(), exclude=True)


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
    values = run.model_dump(mode="json")
    tasks = values.pop("tasks")
    blocks = []
    for name, task in tasks.items():
        samples = task.pop("samples")
        lines = ",\n".join(f"   {_json(id_)}: {_json(sample)}" for id_, sample in samples.items())
        head = _json(task)[:-1]
        blocks.append(f'  {_json(name)}: {head}, "samples": {{\n{lines}\n  }}}}')
    head = json.dumps(values, indent=1, ensure_ascii=False).removesuffix("\n}")
    write_atomically(path, head + ',\n "tasks": {\n' + ",\n".join(blocks) + "\n }\n}\n")


def scored_run(run: Run, *, keep: bool = False) -> ScoredRun:
    """Return the scores of a stored run, finished or not.

    Unless told to ``keep`` them, each task's samples are dropped before the next task's are read.

    Raises:
        InputError: A journal is broken.
    """
    manifest = run.manifest
    return ScoredRun(
        name=path_text(run.path.resolve().name),
        model=manifest.identity.model,
        backend=manifest.identity.backend,
        data=manifest.data.label,
        created=manifest.created,
        tasks={
            task.name: _task_scores(task, manifest, records)
            for task in (run.tasks.values() if keep else run.one_by_one())
            for records in [task.samples if keep else (record for record, _ in task.selected())]
        },
        source=run.path,
    )


def _task_scores(
    stored: RunTask, manifest: Manifest, records: Iterable[SampleRecord]
) -> TaskScores:
    task = stored.entry
    kind = spec_of(task).question_kind
    return TaskScores(
        scorer=task.scorer,
        metrics=stored.metrics,
        lower_is_better=task.lower_is_better,
        data_digest=task.data_digest,
        prompt_digest=task.prompt_digest,
        prompts=task.prompts,
        protocol=_protocol(stored.name, task, manifest),
        extraction=_extraction(stored.name, manifest),
        n_total=task.n_selected,
        samples={
            record.id: ComparedSample(
                cluster=record.cluster or record.id,
                kind=kind(record, task.media),
                item=_item_digest(record),
                state=record.state,
                scores=record.scores,
            )
            for record in records
        },
    )


def _protocol(name: str, task: TaskManifest, manifest: Manifest) -> Mapping[str, Any]:
    """Return the protocol of prompting and judging, without model and engine; only what is known.

    A prediction file says nothing about its protocol; lmms-eval's log tells all except the frames
    of videos.
    """
    identity, scorer = manifest.identity, spec_of(task)
    protocol: dict[str, Any] = {}
    if task.style != "unknown":
        protocol = {"prompt_style": task.style, **task.generation}
        if task.media == "video" and identity.backend != "file":
            protocol |= {"max_frames": identity.max_frames, "video_as": identity.video_as}
        if scorer.multiple_choice:
            protocol["constrain_choices"] = identity.constrain_choices
    if scorer.needs_judge:
        protocol |= _judging(name, manifest.judging)
    return protocol


def _judging(name: str, judging: JudgingManifest | None) -> Mapping[str, Any]:
    """With several judges, the first one's scores count."""
    if judging is None or name not in judging.contracts:
        return {"judge": "none"}
    return {
        "judge": judging.judges[0],
        "judge_repeats": judging.repeats,
        "judge_instructions": judging.contracts[name],
    }


def _extraction(name: str, manifest: Manifest) -> dict[str, str] | None:
    extraction = manifest.extraction_of(name)
    if extraction is None:
        return None
    return {"judge": extraction.judges[0], "instructions": extraction.contracts[name]}


def _item_digest(record: SampleRecord) -> str:
    content = json.dumps([record.question, record.target])
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def _read_baseline(path: Path) -> ScoredRun:
    try:
        text = path.read_bytes()
        run = ScoredRun.model_validate_json(text)
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
    return run.model_copy(update={"source": path})


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

"""The lines of lmms-eval's sample log: one per sample of the run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from instit_bench.datasets.source import open_source
from instit_bench.errors import InputError
from instit_bench.runs.loaded import Run
from instit_bench.runs.manifest import Manifest
from instit_bench.runs.record import SampleRecord
from instit_bench.tasks.config import TaskConfig
from instit_bench.tasks.data import load_dataset
from instit_bench.tasks.task import Task


def sample_rows(run: Run, task: Task, data: str | None) -> list[dict[str, Any]]:
    """Return one row per sample in the journal, by its position in the dataset.

    A sample without a reply has no ``filtered_resps`` and no metrics; ``state`` says how it ended.

    Raises:
        InputError: The positions cannot be determined, see ``_places``.
    """
    stored = run.tasks[task.name]
    places = _places(stored.samples, run.manifest, task, data)
    ordered = sorted(stored.samples, key=lambda record: places[record.id])
    return [_row(record, places[record.id], task, stored.metrics) for record in ordered]


def _places(
    records: Sequence[SampleRecord], manifest: Manifest, task: Task, data: str | None
) -> Mapping[str, int]:
    """Return each sample's position in the dataset, from 0: lmms-eval's ``doc_id``.

    A complete journal is in the dataset's order; for a part the dataset is needed.

    Raises:
        InputError: The data is needed but unknown, or it is not the data of the run.
    """
    entry = manifest.tasks[task.name]
    if len(records) == entry.n_dataset and manifest.status != "running":
        return {record.id: place for place, record in enumerate(records)}
    known = manifest.data.kind if manifest.data.kind in ("hub", "demo") else None
    if data is None and known is None:
        raise InputError(
            f"{task.name}: the run has {len(records)} of {entry.n_dataset} samples; name its data "
            "with --data; 'doc_id' is their position in the dataset"
        )
    dataset = load_dataset(task, open_source(data or known or "", entry.revision or "main"))
    if dataset.digest != entry.data_digest:
        raise InputError(f"{task.name}: --data {data or known} is not the data of this run")
    return {sample.id: place for place, sample in enumerate(task.samples(dataset.docs))}


def _row(record: SampleRecord, place: int, task: Task, metrics: Sequence[str]) -> dict[str, Any]:
    """Return lmms-eval's keys in its order (without ``resps`` if it says the same), then ours."""
    doc = _doc(record, task.config)
    row: dict[str, Any] = {"doc_id": place, "target": record.target}
    if record.finished:
        row["filtered_resps"] = record.prediction
    row |= {"token_counts": [_token_counts(record)], "doc_hash": _hash(doc)}
    if record.media:
        row["input_media"] = record.media
    values = {name: record.scores[name] for name in metrics if name in record.scores}
    if metrics and metrics[0] in values:
        row["score"] = values[metrics[0]]  # where its --baseline looks first
    row |= {**values, "input": record.prompt or record.question, "doc": doc, "state": record.state}
    ended = record.model_dump(
        include={"extracted", "method", "reason", "error", "finish_reason", "tool_calls"}
    )
    return row | {name: value for name, value in ended.items() if value}


def _doc(record: SampleRecord, config: TaskConfig) -> dict[str, Any]:
    """Return what the journal has of the dataset's record, in the dataset's own columns."""
    metadata = config.metadata
    doc: dict[str, Any] = {
        metadata.id_field: record.id,
        metadata.question_field: record.question,
        **dict(zip(metadata.choice_fields, record.choices, strict=False)),
    }
    if isinstance(config.doc_to_target, str):
        doc[config.doc_to_target] = record.target
    if config.cluster_key:
        doc[config.cluster_key] = record.cluster
    return doc


def _token_counts(record: SampleRecord) -> dict[str, int] | None:
    counts = {
        "input_tokens": record.usage.prompt_tokens,
        "output_tokens": record.usage.completion_tokens,
    }
    return {name: count for name, count in counts.items() if count is not None} or None


def _hash(doc: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(doc, indent=2, ensure_ascii=False).encode()).hexdigest()

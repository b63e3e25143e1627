"""The benchmarks' own prediction files, written for and read like their evaluators do.

A format belongs to a dataset: a task has its reader's format.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from instit_bench.datasets.record import Record
from instit_bench.errors import InputError
from instit_bench.formats.prediction_file import PredictionFile, file_of, output_in
from instit_bench.runs.atomic import write_atomically
from instit_bench.runs.loaded import Run
from instit_bench.runs.manifest import TaskManifest
from instit_bench.runs.record import SampleRecord
from instit_bench.tasks.task import Task
from instit_bench.types import Prediction, Sample

Writer = Callable[[str, TaskManifest, Iterable[SampleRecord], Path], Path]

LETTERS = ("A", "B", "C", "D")


def export_official(run: Run, output: Path) -> dict[str, Path]:
    """Write one file per task in its benchmark's own format, without unanswered samples.

    Raises:
        InputError: A journal is not valid, or no task has an upstream format.
    """
    written = {}
    for task in run.one_by_one():
        writer = _WRITERS.get(task.entry.reader)
        if writer is None:
            continue
        records = [record for record in task.records.values() if record.finished]
        records.sort(key=lambda record: record.repeat_of is None)  # the last of several counts
        written[task.name] = writer(task.name, task.entry, records, output)
    if not written:
        raise InputError(f"{run.path}: none of its tasks has an official prediction format")
    return written


def _write_inst_it(
    name: str, task: TaskManifest, records: Iterable[SampleRecord], output: Path
) -> Path:
    """``image_mc_inference.json`` and so on, as the benchmark's inference scripts write them."""
    rows = [
        {
            "question_id": record.repeat_of or record.id,
            "question": record.question,
            "model_prediction": record.prediction,
            "ground_truth": record.target,
            "split": task.media,
        }
        for record in records
    ]
    return _write(output / f"{name.removeprefix('inst_it_')}_inference.json", rows)


def _write_gpt4tools(
    name: str,
    task: TaskManifest,  # noqa: ARG001 - one signature
    records: Iterable[SampleRecord],
    output: Path,
) -> Path:
    """Write the layout its evaluator reads: ``<name>/<name>_0.json`` under its ``--save_path``.

    That evaluator cuts the prompt off by its length, so the prompt must be there.
    """
    rows = [
        {"id": _upstream_id(record.id), "output": f"{record.question}{_official_text(record)}"}
        for record in records
        if record.repeat_of is None
    ]
    return _write(output / name / f"{name}_0.json", rows)


def _official_text(record: SampleRecord) -> str | None:
    return record.prediction if record.official_text is None else record.official_text


def _upstream_id(sample_id: str) -> int | str:
    return int(sample_id) if sample_id.isdecimal() else sample_id


def _write(path: Path, rows: list[dict[str, Any]]) -> Path:
    write_atomically(path, json.dumps(rows, indent=4, ensure_ascii=False) + "\n")
    return path


_WRITERS: Mapping[str, Writer] = {"inst_it": _write_inst_it, "gpt4tools": _write_gpt4tools}


def read_inst_it_predictions(
    path: Path, rows: Sequence[Mapping[str, Any]], task: Task
) -> PredictionFile:
    """Read the file of Inst-IT Bench's inference scripts, which contains question and target.

    Raises:
        InputError: A record is not valid, or belongs to another split than the task.
    """
    outputs: list[tuple[str, Prediction | None]] = []
    samples: list[Sample] = []
    for number, row in enumerate(rows, start=1):
        record = Record(row, f"{path}: record {number}")
        record.text("question_id")
        sample_id = str(record.identity("question_id"))
        record = record.known_as(f"question_id {sample_id}")
        split = row.get("split")
        if isinstance(split, str) and split != task.config.metadata.media:
            raise record.field_error(
                "split", f"is {split!r}, which is not the split of task {task.name}"
            )
        target = record.text("ground_truth")
        if task.scorer.multiple_choice and target not in LETTERS:
            raise record.field_error("ground_truth", f"must be A, B, C or D, not {target!r}")
        outputs.append((sample_id, output_in(record, "model_prediction")))
        samples.append(
            Sample(
                task=task.name,
                id=sample_id,
                doc=row,
                target=target,
                cluster=sample_id.partition("-")[0],
                question=record.text("question"),
            )
        )
    return file_of(path, outputs, samples)


def read_gpt4tools_predictions(path: Path, rows: Sequence[Mapping[str, Any]]) -> PredictionFile:
    """Read the file of GPT4Tools' inference script: ids and predictions alone.

    Raises:
        InputError: A record is not valid.
    """
    outputs: list[tuple[str, Prediction | None]] = []
    for number, row in enumerate(rows, start=1):
        record = Record(row, f"{path}: record {number}")
        sample_id = str(record.identity("id"))
        outputs.append((sample_id, output_in(record.known_as(f"id {sample_id}"), "output")))
    return replace(file_of(path, outputs, []), may_echo=True)

"""Prediction files: both benchmarks' upstream formats, lmms-eval's and the journal's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from instit_bench.datasets.records import read_records, text_field
from instit_bench.errors import InputError
from instit_bench.formats.lmms_eval.log import is_lmms_log, read_lmms_log
from instit_bench.formats.prediction_file import PredictionFile, Repeat, doubled
from instit_bench.runs.record import SampleRecord
from instit_bench.tasks.task import Task
from instit_bench.types import Prediction, Sample
from instit_bench.validation import first_problem

_LETTERS = ("A", "B", "C", "D")


def read_predictions(path: Path, task: Task) -> PredictionFile:
    """Read a prediction file of any known format.

    Raises:
        InputError: A record is of no known format; the message names record and field.
    """
    rows = read_records(path)
    if not rows:
        raise InputError(f"{path}: holds no predictions")
    if is_lmms_log(rows[0]):
        return read_lmms_log(path, rows, task)
    if "model_prediction" in rows[0]:
        return _inst_it(path, rows, task.name)
    if "state" in rows[0]:
        return _journal(path, rows, task.name)
    if "output" in rows[0]:
        return _gpt4tools(path, rows)
    raise InputError(
        f"{path}: record 1: has neither 'model_prediction' (Inst-IT Bench), nor 'id' and 'output' "
        "(GPT4Tools), nor 'state' and 'prediction' (instit-bench samples), nor 'doc_id' and "
        "'target' (lmms-eval samples)"
    )


def _inst_it(path: Path, rows: Sequence[Mapping[str, Any]], task: str) -> PredictionFile:
    predictions: dict[str, Prediction] = {}
    samples: dict[str, Sample] = {}
    ids: list[str] = []
    repeats: list[Repeat] = []
    for number, row in enumerate(rows, start=1):
        where = f"{path}: record {number}"
        sample_id = text_field(row, "question_id", where)
        where = f"{where} (question_id {sample_id})"
        split = row.get("split")
        if isinstance(split, str) and f"_{split}_" not in task:
            raise InputError(f"{where}: field 'split' is {split!r}, which is not task {task}'s")
        ids.append(sample_id)
        target = text_field(row, "ground_truth", where)
        if task.endswith("_mc") and target not in _LETTERS:
            raise InputError(f"{where}: field 'ground_truth' must be A, B, C or D, not {target!r}")
        text = text_field(row, "model_prediction", where, may_be_empty=True)
        if sample_id in predictions:
            repeats.append(Repeat(sample_id, predictions[sample_id], samples[sample_id]))
        predictions[sample_id] = Prediction(text)
        samples[sample_id] = Sample(
            task=task,
            id=sample_id,
            doc=row,
            target=target,
            cluster=sample_id.split("-")[0],
            question=text_field(row, "question", where),
        )
    return PredictionFile(path, predictions, samples, doubled=doubled(ids), repeats=tuple(repeats))


def _gpt4tools(path: Path, rows: Sequence[Mapping[str, Any]]) -> PredictionFile:
    predictions: dict[str, Prediction] = {}
    ids: list[str] = []
    repeats: list[Repeat] = []
    for number, row in enumerate(rows, start=1):
        where = f"{path}: record {number}"
        if not isinstance(row.get("id"), int | str):
            raise InputError(f"{where}: field 'id' must be a number or text")
        sample_id = str(row["id"])
        output = row.get("output")
        if isinstance(output, list):
            output = output[0] if output else None
        if not isinstance(output, str):
            raise InputError(f"{where} (id {sample_id}): field 'output' must be text")
        ids.append(sample_id)
        if sample_id in predictions:
            repeats.append(Repeat(sample_id, predictions[sample_id]))
        predictions[sample_id] = Prediction(output)
    return PredictionFile(
        path, predictions, doubled=doubled(ids), repeats=tuple(repeats), may_echo=True
    )


def _journal(path: Path, rows: Sequence[Mapping[str, Any]], task: str) -> PredictionFile:
    predictions, samples, failed, ids = {}, {}, {}, []
    repeats: list[Repeat] = []
    for number, row in enumerate(rows, start=1):
        try:
            record = SampleRecord.model_validate(row)
        except ValidationError as error:
            raise InputError(f"{path}: line {number}: {first_problem(error)}") from error
        sample = Sample(
            task=task,
            id=record.id,
            doc={"instruction": record.question},
            target=record.target,
            cluster=record.cluster or record.id,
            question=record.question,
            choices=tuple(record.choices),
        )
        if record.repeat_of is not None:
            repeats.append(Repeat(record.repeat_of, record.to_prediction(), sample))
            continue
        ids.append(record.id)
        samples[record.id] = sample
        if record.finished:
            predictions[record.id] = record.to_prediction()
        else:
            failed[record.id] = record
    return PredictionFile(path, predictions, samples, failed, doubled(ids), tuple(repeats))

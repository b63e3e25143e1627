"""Read prediction files: detect the format, and parse the journal's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from instit_bench.datasets.records import read_records
from instit_bench.errors import InputError
from instit_bench.formats.lmms_eval.log import UnlocatedLog, is_lmms_log, read_lmms_log
from instit_bench.formats.official import read_gpt4tools_predictions, read_inst_it_predictions
from instit_bench.formats.own import read_own_predictions
from instit_bench.formats.prediction_file import PredictionFile, Repeat, doubled
from instit_bench.runs.record import SampleRecord
from instit_bench.tasks.task import Task
from instit_bench.validation import first_problem


def read_predictions(path: Path, task: Task) -> PredictionFile | UnlocatedLog:
    """Read a prediction file of any known format; a log may still need its dataset.

    Raises:
        InputError: A record has no known format; the message names record and field.
    """
    rows = read_records(path)
    if not rows:
        raise InputError(f"{path}: contains no predictions")
    own = task.config.metadata.prediction_field
    if own is not None and own in rows[0]:
        return read_own_predictions(path, rows, task, own)
    if is_lmms_log(rows[0]):
        return read_lmms_log(path, rows, task)
    if "model_prediction" in rows[0]:
        return read_inst_it_predictions(path, rows, task)
    if "state" in rows[0]:
        return _journal(path, rows, task.name)
    if "output" in rows[0]:
        return read_gpt4tools_predictions(path, rows)
    of_task = f"{own!r} (task {task.name}), nor " if own else ""
    raise InputError(
        f"{path}: record 1: has neither {of_task}'model_prediction' (Inst-IT Bench), nor 'id' and "
        "'output' (GPT4Tools), nor 'state' and 'prediction' (instit-bench samples), nor 'doc_id' "
        "and 'target' (lmms-eval samples)"
    )


def _journal(path: Path, rows: Sequence[Mapping[str, Any]], task: str) -> PredictionFile:
    predictions, samples, failed, ids = {}, {}, {}, []
    repeats: list[Repeat] = []
    for number, row in enumerate(rows, start=1):
        try:
            record = SampleRecord.model_validate(row)
        except ValidationError as error:
            raise InputError(f"{path}: line {number}: {first_problem(error)}") from error
        sample = record.to_sample(task)
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

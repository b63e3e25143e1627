"""Prediction files of a plugin's task: the task's own records, each with its prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from instit_bench.datasets.record import Record
from instit_bench.formats.prediction_file import PredictionFile, file_of, output_in
from instit_bench.tasks.task import Task


def read_own_predictions(
    path: Path, rows: Sequence[Mapping[str, Any]], task: Task, field: str
) -> PredictionFile:
    """Read records like the dataset's, whose further field contains the prediction.

    The plugin's ``process_docs`` is applied to them too, and must keep that field.

    Raises:
        InputError: A record lacks a field, an id occurs twice, or the plugin's code fails.
    """
    docs = task.process_docs(rows) if task.reader.processed else rows
    samples = list(task.samples(docs))
    outputs = [
        (sample.id, output_in(Record(sample.doc, f"{path}: record {number}"), field))
        for number, sample in enumerate(samples, start=1)
    ]
    return file_of(path, outputs, samples)

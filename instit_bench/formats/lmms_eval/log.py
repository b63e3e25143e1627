"""Read lmms-eval's sample logs, ``<time>_samples_<task>.jsonl``, as predictions.

A line identifies its sample by its position in the dataset (``doc_id``), and our tasks' metrics
contain its id. Logs that contain the dataset's record too (``doc``: those that ``export`` writes,
and those of versions that keep it) need nothing else; others need the dataset, and their targets
must match it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instit_bench.datasets.record import Record
from instit_bench.formats.lmms_eval.log_line import LoggedSample, logged_sample
from instit_bench.formats.lmms_eval.logged_run import LoggedRun, read_logged_run
from instit_bench.formats.prediction_file import PredictionFile, doubled
from instit_bench.runs.record import SampleRecord, failed, not_run
from instit_bench.tasks.task import Task
from instit_bench.types import Prediction, Sample

_LETTERS = ("A", "B", "C", "D")


def is_lmms_log(row: Mapping[str, Any]) -> bool:
    """Whether a file's first record is a line of such a log."""
    return "doc_id" in row and "target" in row


@dataclass(frozen=True, slots=True)
class UnlocatedLog:
    """A log that knows its samples only by their places in a dataset that is not at hand yet."""

    path: Path
    lines: Sequence[LoggedSample]
    run: LoggedRun

    def located(self, dataset: Sequence[Sample]) -> PredictionFile:
        """The log's predictions by sample id.

        Raises:
            InputError: A sample is not in the dataset, or has another target there.
        """
        by_id = {sample.id: sample for sample in dataset}
        by_place = dict(enumerate(dataset))
        samples = []
        for line in self.lines:
            sample = by_id.get(line.sample_id) if line.sample_id else by_place.get(line.doc_id)
            if sample is None:
                raise line.record.error(
                    f"no such sample among the dataset's {len(dataset)} "
                    "(doc_id counts from 0): the log is for other data"
                )
            if line.target != sample.target:
                raise line.record.field_error(
                    "target",
                    f"is {line.target!r}, and the dataset's sample {sample.id} has "
                    f"{sample.target!r}: the log is for other data",
                )
            samples.append(sample)
        return _file(self.path, self.lines, samples, self.run, keep=False)


def read_lmms_log(
    path: Path, rows: Sequence[Mapping[str, Any]], task: Task
) -> PredictionFile | UnlocatedLog:
    """Read a sample log.

    Raises:
        InputError: A record is not valid; the message names record and field.
    """
    id_field = task.config.metadata.id_field
    logged = [
        logged_sample(Record(row, f"{path}: record {number}"), id_field)
        for number, row in enumerate(rows, start=1)
    ]
    run = read_logged_run(path, task.name)
    if any(line.doc is None for line in logged):
        return UnlocatedLog(path, logged, run)
    samples = [_sample(line, task) for line in logged]
    return _file(path, logged, samples, run, keep=True)


def _file(
    path: Path,
    logged: Sequence[LoggedSample],
    samples: Sequence[Sample],
    run: LoggedRun,
    keep: bool,
) -> PredictionFile:
    """Return the lines by sample id; ``keep`` says whether the samples are the log's own."""
    predictions: dict[str, Prediction] = {}
    unanswered: dict[str, SampleRecord] = {}
    for line, sample in zip(logged, samples, strict=True):
        predictions.pop(sample.id, None)
        unanswered.pop(sample.id, None)
        if line.prediction is not None:
            predictions[sample.id] = line.prediction
        elif line.error is not None:
            unanswered[sample.id] = failed(sample, line.error)
        else:
            unanswered[sample.id] = not_run(sample, line.reason)
    repeated = sum(line.n_replies > 1 for line in logged)
    return PredictionFile(
        path,
        predictions,
        {sample.id: sample for sample in samples} if keep else {},
        unanswered,
        doubled([sample.id for sample in samples]),
        may_echo=True,
        notes=(f"{repeated} with several replies (the first one counts)",) if repeated else (),
        run=run,
        asked={s.id: line.asked for line, s in zip(logged, samples, strict=True) if line.asked},
    )


def _sample(line: LoggedSample, task: Task) -> Sample:
    """Return the sample that a line describes, with options only if its record has them."""
    doc, metadata = line.doc or {}, task.config.metadata
    sample_id = line.sample_id
    if sample_id is None:
        raise line.record.field_error(f"doc.{metadata.id_field}", "is missing")
    if task.scorer.multiple_choice and line.target not in _LETTERS:
        raise line.record.field_error("target", f"must be A, B, C or D, not {line.target!r}")
    choices = [doc.get(name) for name in metadata.choice_fields]
    return Sample(
        task=task.name,
        id=sample_id,
        doc=doc,
        target=line.target,
        cluster=_cluster(doc, sample_id, task),
        question=Record(doc, f"{line.record.place}: doc").text(metadata.question_field),
        choices=() if None in choices else tuple(str(choice) for choice in choices),
    )


def _cluster(doc: Mapping[str, Any], sample_id: str, task: Task) -> str:
    key = task.config.cluster_key
    if key is not None and key in doc:
        return str(doc[key])
    # The hub's records of Inst-IT Bench have no column for this, but their ids tell.
    return task.reader.cluster_of(sample_id)

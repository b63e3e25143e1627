"""How the benchmarks' evaluators treat a prediction file as a whole.

A file of GPT4Tools either repeats the prompts or does not, and a question that a file answers
twice may count twice.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace
from itertools import count

from instit_bench.evaluation.scoring import TaskScorer
from instit_bench.formats.prediction_file import PredictionFile
from instit_bench.runs.record import SampleRecord
from instit_bench.scorers.base import ScorerSpec
from instit_bench.scorers.tool_call.echo import most_echo, official_reply, strict_reply
from instit_bench.types import Prediction, Sample


def without_echo(file: PredictionFile, samples: Sequence[Sample]) -> PredictionFile:
    """Return the file with its repeated prompts dropped, and a note that describes this.

    The official evaluators cut the prompt's length off every output or off none, depending on which
    one the file is for; the actual reply begins where the prompt of that output ends.
    """
    if not file.may_echo:
        return file
    prompts = {s.id: str(s.doc["instruction"]) for s in samples if "instruction" in s.doc}
    known = [(p.text, prompts[name]) for name, p in file.predictions.items() if name in prompts]
    if not known:
        return file
    cut, n_echoes = most_echo(known)

    def read(name: str, prediction: Prediction) -> Prediction:
        return _read(prediction, prompts[name], cut) if name in prompts else prediction

    repeats = [replace(r, prediction=read(r.id, r.prediction)) for r in file.repeats]
    done = (
        "the prompt's length was cut off the front of every output, as the evaluator for open "
        "models does"
        if cut
        else "no prompt was cut off the outputs, as in the evaluator for GPT"
    )
    return replace(
        file,
        predictions={name: read(name, p) for name, p in file.predictions.items()},
        # Before it cuts, upstream merges a file's parts and keeps the last record of each id.
        repeats=() if cut else tuple(repeats),
        notes=(*file.notes, f"{n_echoes} of {len(known)} outputs repeat their prompt: {done}"),
    )


def _read(prediction: Prediction, prompt: str, cut: bool) -> Prediction:
    output = prediction.text
    official = official_reply(output, prompt) if cut else output.strip()
    text = strict_reply(output, prompt)
    return replace(
        prediction, text=text, official_text=None if official == text.strip() else official
    )


def repeat_records(
    file: PredictionFile, samples: Sequence[Sample], scorer: TaskScorer, spec: ScorerSpec
) -> list[SampleRecord]:
    """Return a record for each earlier answer to a question; it only counts in official metrics."""
    by_id = {sample.id: sample for sample in samples}
    records: dict[str, SampleRecord] = {}
    for repeat in file.repeats:
        sample = by_id.get(repeat.id)
        if sample is None:
            continue
        if repeat.sample is not None and sample is file.samples.get(repeat.id):
            sample = repeat.sample  # the file's own, with the target of this record
        sample = replace(sample, id=_free_name(repeat.id, {*by_id, *records}))
        record = scorer.record(sample, repeat.prediction)
        records[sample.id] = as_repeat(record, repeat.id, spec)
    return list(records.values())


def as_repeat(record: SampleRecord, first: str, spec: ScorerSpec) -> SampleRecord:
    """Return the record of an earlier answer to the question with the id ``first``."""
    official = {name: value for name, value in record.scores.items() if spec.is_official(name)}
    return record.model_copy(
        update={"repeat_of": first, "scores": official, "extracted": None, "method": None}
    )


def _free_name(name: str, taken: Container[str]) -> str:
    return next(free for n in count(1) if (free := f"{name}#{n}") not in taken)

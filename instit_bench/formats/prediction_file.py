"""The content of a prediction file, whatever its format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from pathlib import Path

from instit_bench.datasets.record import Record, shown
from instit_bench.formats.lmms_eval.logged_run import LoggedRun
from instit_bench.runs.record import SampleRecord
from instit_bench.types import Prediction, Sample


@dataclass(frozen=True, slots=True)
class Repeat:
    """An earlier record for an id that occurs again, with its own question if it has one."""

    id: str
    prediction: Prediction
    sample: Sample | None = None


@dataclass(frozen=True)
class PredictionFile:
    """The predictions of a file by sample id, and what else it contains about each sample.

    ``samples`` is filled if the file contains question and target itself; ``doubled`` lists ids
    that occur more than once: the last record counts, and in official metrics each of ``repeats``
    too. If ``may_echo`` is set, outputs may begin with the prompt. ``run`` is what the file, or one
    beside it, says about model and settings; ``asked`` has the requests' texts by sample id, if
    known. ``empty`` lists samples whose prediction is null: there was no answer, which is not the
    model's mistake.
    """

    path: Path
    predictions: Mapping[str, Prediction]
    samples: Mapping[str, Sample] = field(default_factory=dict)
    failed: Mapping[str, SampleRecord] = field(default_factory=dict)
    doubled: tuple[str, ...] = ()
    repeats: tuple[Repeat, ...] = ()
    may_echo: bool = False
    notes: tuple[str, ...] = ()
    run: LoggedRun = field(default_factory=LoggedRun)
    asked: Mapping[str, str] = field(default_factory=dict)
    empty: frozenset[str] = frozenset()


def doubled(ids: Sequence[str]) -> tuple[str, ...]:
    """Return the ids that occur more than once."""
    return tuple(name for name, count in Counter(ids).items() if count > 1)


def output_in(record: Record, name: str) -> Prediction | None:
    """Return the model's output: text, the first of a list, or ``None`` if it is null.

    Half a surrogate pair, which JSON can encode but no file can store, becomes U+FFFD.

    Raises:
        InputError: The field is missing, or is something else.
    """
    output = record.fields.get(name)
    if isinstance(output, list):
        output = output[0] if output else None
    if output is None or (isinstance(output, float) and isnan(output)):  # NaN is pandas' null
        if name in record.fields:
            return None
        raise record.field_error(name, "is missing; write null if there is no output")
    if not isinstance(output, str):
        raise record.field_error(name, f"must be text or null, found {shown(output)}")
    return Prediction(output.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def file_of(
    path: Path, outputs: Sequence[tuple[str, Prediction | None]], samples: Sequence[Sample]
) -> PredictionFile:
    """Return the file; of several records for one id the last counts, the others are repeats."""
    last = {sample_id: place for place, (sample_id, _) in enumerate(outputs)}
    predictions: dict[str, Prediction] = {}
    repeats: list[Repeat] = []
    for place, (sample_id, output) in enumerate(outputs):
        if output is None:
            continue
        if place == last[sample_id]:
            predictions[sample_id] = output
        else:
            repeats.append(Repeat(sample_id, output, samples[place] if samples else None))
    return PredictionFile(
        path,
        predictions,
        {sample.id: sample for sample in samples},
        empty=frozenset(last.keys() - predictions.keys()),
        doubled=doubled([sample_id for sample_id, _ in outputs]),
        repeats=tuple(repeats),
    )

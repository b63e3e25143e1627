"""The content of a prediction file, whatever its format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

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

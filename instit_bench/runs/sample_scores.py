"""How each sample of a task ended and what it scored, in columns: 150 bytes per sample."""

from __future__ import annotations

import hashlib
import json
import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field

from instit_bench.runs.record import SampleRecord
from instit_bench.types import State

NO_VALUE = math.nan
_DIGITS = 12  # of an item's digest


@dataclass(slots=True)
class SampleScores:
    """The columns; entry ``n`` of each belongs to one sample, in the order of the journal.

    ``clusters`` are the images or videos, ``kinds`` the kinds of question. ``items`` are digests of
    question and target: if they differ, two runs asked different questions. ``scores`` has a column
    per metric that has any value, with ``NO_VALUE`` for a sample outside its denominator.
    """

    ids: list[str] = field(default_factory=list)
    clusters: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    items: array[int] = field(default_factory=lambda: array("Q"))
    states: list[State] = field(default_factory=list)
    scores: dict[str, array[float]] = field(default_factory=dict)
    _known: dict[str, str] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.ids)

    def add(
        self,
        sample: str,
        *,
        cluster: str,
        kind: str,
        item: int,
        state: State,
        scores: Mapping[str, float],
    ) -> None:
        """Add one sample."""
        count = len(self.ids)
        self.ids.append(sample)
        self.clusters.append(self._known.setdefault(cluster, cluster))
        self.kinds.append(self._known.setdefault(kind, kind))
        self.items.append(item)
        self.states.append(state)
        for metric in scores.keys() - self.scores.keys():
            self.scores[metric] = array("d", (NO_VALUE,)) * count
        for metric, column in self.scores.items():
            column.append(scores.get(metric, NO_VALUE))

    def add_record(self, record: SampleRecord, kind: str) -> None:
        """Add one sample by its record."""
        self.add(
            record.id,
            cluster=record.cluster or record.id,
            kind=kind,
            item=item_digest(record),
            state=record.state,
            scores=record.scores,
        )

    def of_metric(self, metric: str) -> tuple[array[float], list[str]]:
        """Return the values of a metric, and the cluster of each."""
        column = self.scores.get(metric)
        if column is None:
            return array("d"), []
        if not any(map(math.isnan, column)):
            return column, self.clusters
        inside = [n for n, value in enumerate(column) if not math.isnan(value)]
        return array("d", (column[n] for n in inside)), [self.clusters[n] for n in inside]

    def scores_of(self, number: int) -> dict[str, float]:
        """Return the values of one sample."""
        values = ((metric, column[number]) for metric, column in self.scores.items())
        return {metric: value for metric, value in values if not math.isnan(value)}


def item_digest(record: SampleRecord) -> int:
    """Return the first 48 bits of a SHA-256 of question and target."""
    content = json.dumps([record.question, record.target])
    return int(hashlib.sha256(content.encode()).hexdigest()[:_DIGITS], 16)


def item_text(item: int) -> str:
    """Return an item's digest as it is written."""
    return f"{item:0{_DIGITS}x}"

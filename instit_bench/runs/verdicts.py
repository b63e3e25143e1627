"""Judges' verdicts: a journal beside the samples', and how verdicts become scores.

Every verdict is kept with its provenance, even if another judge is used later; the manifest names
the judges that count.
"""

from __future__ import annotations

import hashlib
import statistics
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field

from instit_bench.runs.record import SampleRecord
from instit_bench.scorers.base import ScorerSpec
from instit_bench.scorers.contract import Contract, Item
from instit_bench.scorers.judge import JudgeItem
from instit_bench.scorers.judge.contract import LEXICAL
from instit_bench.types import State, Usage, Verdict

OFFICIAL_SCORE, LEXICAL_SCORE = "official_score", "lexical_score"


_Call = tuple[str, int, str, str]  # judge, repeat, what was judged, the instructions


class VerdictRecord(BaseModel):
    """One verdict: a line of ``judgements/<task>.jsonl``.

    ``item`` and ``contract`` are SHA-256 digests of what was judged and of the judge's
    instructions: a verdict only counts for exactly the answer it was given for. It is a ``score``,
    or for multiple choice a ``letter`` (``none`` included), or an ``error``. ``base_url`` is the
    judge's address, without credentials, if it has one of its own.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    judge: str
    base_url: str | None = None
    repeat: int
    item: str
    contract: str
    score: float | None = Field(default=None, ge=0, le=1)
    letter: str | None = None
    error: str | None = None
    raw: str | None = None
    usage: Usage = Usage()
    calls: int = 0
    cached: bool = False
    batch: bool = False
    at: str = ""

    @property
    def given(self) -> bool:
        """Whether the judge gave what it was asked for."""
        return self.score is not None or self.letter is not None


JudgedSample = tuple[SampleRecord, Sequence[VerdictRecord]]
"""A sample and the verdicts that count for it."""


def item_of(record: SampleRecord, spec: ScorerSpec) -> Item | None:
    """Return what a judge reads about a sample; ``None`` if there is nothing to ask."""
    if spec.extraction:
        # A doubled record of a prediction file has official metrics alone.
        return spec.extraction.item(record) if spec.strict in record.scores else None
    return open_item(record) if record.finished and not record.unscored else None


def open_item(record: SampleRecord) -> JudgeItem:
    """Return what a judge reads about an open-ended answer."""
    return JudgeItem(record.question, record.target, record.prediction or "")


def digest_of(item: Item) -> str:
    """Return the SHA-256 of an item."""
    return hashlib.sha256(item.as_json().encode()).hexdigest()


def verdict_record(
    sample: str, item: Item, judge: str, repeat: int, contract: Contract, verdict: Verdict
) -> VerdictRecord:
    """Convert a verdict on a sample, named by its id, to a journal line."""
    return VerdictRecord(
        id=sample,
        judge=judge,
        repeat=repeat,
        item=digest_of(item),
        contract=contract.digest,
        score=verdict.score,
        letter=verdict.letter,
        error=verdict.error,
        raw=verdict.raw,
        usage=verdict.usage,
        calls=verdict.calls,
        cached=verdict.cached,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


class Verdicts:
    """All verdicts on a task's answers; of several on one call the last counts."""

    def __init__(self, lines: Iterable[VerdictRecord] = ()) -> None:
        self._of: defaultdict[str, dict[_Call, VerdictRecord]] = defaultdict(dict)
        for verdict in lines:
            self.add(verdict)

    def add(self, verdict: VerdictRecord) -> None:
        """Add one verdict."""
        call = (verdict.judge, verdict.repeat, verdict.item, verdict.contract)
        self._of[verdict.id][call] = verdict

    def of(self, sample: str) -> Collection[VerdictRecord]:
        """Return the verdicts on a sample's answers, current or not, by its id."""
        return self._of[sample].values() if sample in self._of else ()


def that_count(
    item: Item | None,
    verdicts: Iterable[VerdictRecord],
    judges: Sequence[str],
    contract: str,
    repeats: int,
) -> list[VerdictRecord]:
    """Return these judges' verdicts on exactly this answer, under exactly these instructions."""
    if item is None:
        return []
    digest = digest_of(item)
    return [
        verdict
        for verdict in verdicts
        if verdict.judge in judges
        and verdict.item == digest
        and verdict.contract == contract
        and verdict.repeat < repeats
    ]


def judged(record: SampleRecord, verdicts: Sequence[VerdictRecord], judge: str) -> SampleRecord:
    """Return the record scored by the verdicts of its first judge.

    Repeats count by their mean, without errors; a sample with only errors is a ``judge_error``
    that keeps the last reply.
    """
    metric = LEXICAL_SCORE if judge == LEXICAL else OFFICIAL_SCORE
    scores = {
        name: value
        for name, value in record.scores.items()
        if name not in (OFFICIAL_SCORE, LEXICAL_SCORE)
    }
    details = {k: v for k, v in record.details.items() if k not in ("verdicts", "judge_reply")}
    changes: dict[str, object] = {"error": None, "reason": "no_judge", "state": State.NOT_JUDGED}
    if verdicts:
        details["verdicts"] = [
            {"judge": v.judge, "repeat": v.repeat, "score": v.score, "error": v.error}
            for v in verdicts
        ]
    first = [verdict for verdict in verdicts if verdict.judge == judge]
    given = [verdict.score for verdict in first if verdict.score is not None]
    if given:
        scores[metric] = statistics.fmean(given)
        changes = {"state": State.SCORED, "reason": None, "error": None}
    elif first:
        details["judge_reply"] = first[-1].raw
        changes = {"state": State.JUDGE_ERROR, "reason": None, "error": first[-1].error}
    changes |= {"scores": scores, "details": details, "method": judge if first else None}
    return record.model_copy(update=changes)


def mean_deviation(by_sample: Mapping[str, Sequence[VerdictRecord]]) -> float | None:
    """Return the mean over samples of the standard deviation of their verdicts (two or more)."""
    several = [
        [verdict.score for verdict in verdicts if verdict.score is not None]
        for verdicts in by_sample.values()
    ]
    deviations = [statistics.stdev(scores) for scores in several if len(scores) > 1]
    return statistics.fmean(deviations) if deviations else None

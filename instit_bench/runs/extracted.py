"""Letters that a judge extracted from unread multiple-choice predictions, apart from strict ones.

The sample stays ``unparsed`` and wrong in the strict metric. The letter is stored in ``extracted``
with the method ``model``, and only counts in one further metric.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from instit_bench.runs.judged import spent_on
from instit_bench.runs.manifest import JudgingManifest, Manifest
from instit_bench.runs.record import SampleRecord
from instit_bench.runs.verdicts import VerdictRecord, item_of
from instit_bench.scorers.base import MODEL, NO_LETTER, ScorerSpec
from instit_bench.scorers.registry import spec_of

_OURS = ("verdicts", "extraction_error")


class ExtractionResult(BaseModel):
    """Who extracted letters of one task, and what came of it: the ``extraction`` entry.

    ``metric`` includes the letters. Of the ``unparsed`` predictions that have words, the judge
    named the letter of ``letters`` and said of ``none`` that they choose no option; ``errors`` got
    no valid reply and ``unasked`` were not asked, so both are outside the metric. ``contract`` is
    the SHA-256 of the judge's instructions.
    """

    model_config = ConfigDict(frozen=True)

    metric: str
    judge: str
    contract: str
    unparsed: int
    letters: int
    none: int
    errors: int
    unasked: int
    calls: int
    from_cache: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None


def metrics_of(name: str, manifest: Manifest) -> list[str]:
    """Return a task's metrics, with the one that includes extracted letters if there are any."""
    task = manifest.tasks[name]
    spec = spec_of(task)
    more = [spec.extraction.metric] if spec.extraction and manifest.extraction_of(name) else []
    return list(dict.fromkeys([*task.metrics, *more]))


def with_letter(
    record: SampleRecord, verdicts: Sequence[VerdictRecord], spec: ScorerSpec
) -> SampleRecord:
    """Return the record with what the judge said of it, and without what an earlier one said.

    Where the scorer itself read the prediction, or where there is nothing to read, the further
    metric is the strict one. It has no value where the judge failed or was not asked: a fault of
    the judge is not the model's zero.
    """
    assert spec.extraction is not None  # noqa: S101 - asked of such scorers alone
    record = without_letter(record, spec)
    strict = record.scores.get(spec.strict or "")
    if strict is None:
        return record
    said = verdicts[-1] if verdicts else None
    if said is None:
        asked = item_of(record, spec) is not None
        return record if asked else _scored(record, spec.extraction.metric, strict)
    details = {**record.details, "verdicts": [_told(said)]}
    if said.letter is None:
        details["extraction_error"] = said.error
        return record.model_copy(update={"details": details})
    record = record.model_copy(update={"details": details})
    if said.letter == NO_LETTER:
        return _scored(record, spec.extraction.metric, strict)
    record = record.model_copy(update={"extracted": said.letter, "method": MODEL})
    return _scored(record, spec.extraction.metric, float(said.letter == record.target))


def without_letter(record: SampleRecord, spec: ScorerSpec) -> SampleRecord:
    """Return the record as the scorer left it."""
    metric = spec.extraction.metric if spec.extraction else None
    changes: dict[str, object] = {
        "scores": {name: value for name, value in record.scores.items() if name != metric},
        "details": {k: v for k, v in record.details.items() if k not in _OURS},
    }
    if record.method == MODEL:
        changes |= {"extracted": None, "method": NO_LETTER}
    return record.model_copy(update=changes)


def _scored(record: SampleRecord, metric: str, value: float) -> SampleRecord:
    return record.model_copy(update={"scores": {**record.scores, metric: value}})


def _told(said: VerdictRecord) -> dict[str, str | None]:
    return {"judge": said.judge, "letter": said.letter, "error": said.error}


def extraction_result(
    metric: str, name: str, judging: JudgingManifest, asked: Sequence[Sequence[VerdictRecord]]
) -> ExtractionResult:
    """Count what the judge said of a task; ``asked`` has the verdicts on each unread prediction."""
    said = [verdicts[-1] for verdicts in asked if verdicts]
    letters = [verdict.letter for verdict in said]
    return ExtractionResult(
        metric=metric,
        judge=judging.judges[0],
        contract=judging.contracts[name],
        unparsed=len(asked),
        letters=sum(letter not in (None, NO_LETTER) for letter in letters),
        none=letters.count(NO_LETTER),
        errors=letters.count(None),
        unasked=len(asked) - len(said),
        **spent_on(said, judging.prices.get(judging.judges[0])),
    )

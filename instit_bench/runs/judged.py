"""A run's samples with what its judges said of them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from instit_bench.runs.directory import RunDirectory
from instit_bench.runs.manifest import JudgingManifest, Manifest, Price
from instit_bench.runs.record import SampleRecord
from instit_bench.runs.verdicts import (
    VerdictRecord,
    judged,
    read_verdicts,
    spread,
    that_count,
)
from instit_bench.stats.agreement import quadratic_kappa
from instit_bench.types import Usage

BATCH_DISCOUNT = 0.5  # of the price of a call


class JudgeResult(BaseModel):
    """What one judge said, and what it took.

    ``mean`` is over samples (each by the mean of its repeats), a fraction 0..1; tokens and cost
    count every call of this run, not scores from the cache.
    """

    model_config = ConfigDict(frozen=True)

    mean: float | None
    n: int
    errors: int
    calls: int
    from_cache: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None


class JudgingResult(BaseModel):
    """The judges of one task.

    ``judge_std`` is the mean over samples of the standard deviation of a sample's verdicts, over
    all judges and repeats; ``agreement`` is Cohen's kappa with quadratic weights a pair of judges,
    ``None`` where scikit-learn is not installed.
    """

    model_config = ConfigDict(frozen=True)

    judges: dict[str, JudgeResult]
    repeats: int
    prompts: str
    judge_std: float | None
    agreement: dict[str, float] | None


def judged_records(run: RunDirectory, task: str, manifest: Manifest) -> list[SampleRecord]:
    """The task's journal, with the verdicts that count as its scores.

    Raises:
        InputError: A journal is broken.
    """
    records = list(run.records(task).values())
    judging = manifest.judging
    if judging is None or task not in judging.contracts:
        return records
    verdicts = counting_verdicts(run, task, manifest, records)
    return [
        judged(record, verdicts[record.id], judging.judges[0]) if record.finished else record
        for record in records
    ]


def selected_records(run: RunDirectory, task: str, manifest: Manifest) -> list[SampleRecord]:
    """The same without samples that the run did not select.

    Raises:
        InputError: A journal is broken.
    """
    records = judged_records(run, task, manifest)
    entry = manifest.tasks[task]
    if not entry.limited:
        return records
    selected = set(entry.selected)
    return [record for record in records if record.id in selected]


def counting_verdicts(
    run: RunDirectory, task: str, manifest: Manifest, records: Sequence[SampleRecord]
) -> dict[str, list[VerdictRecord]]:
    """What the judges that count said of these answers, by sample id; none where nobody judged."""
    judging = manifest.judging
    if judging is None or task not in judging.contracts:
        return {}
    verdicts = read_verdicts(run.verdicts_path(task))
    contract = judging.contracts[task]
    return {
        record.id: that_count(
            record, verdicts.get(record.id, ()), judging.judges, contract, judging.repeats
        )
        for record in records
    }


def judging_result(
    run: RunDirectory, task: str, manifest: Manifest, records: Sequence[SampleRecord]
) -> JudgingResult | None:
    """What the task's judges said and cost; ``None`` where nobody judged it."""
    judging = manifest.judging
    if judging is None or task not in judging.contracts:
        return None
    verdicts = counting_verdicts(run, task, manifest, records)
    means = {judge: _means(verdicts, judge) for judge in judging.judges}
    return JudgingResult(
        judges={
            judge: _judge_result(judge, verdicts, means[judge], judging) for judge in judging.judges
        },
        repeats=judging.repeats,
        prompts=judging.prompts,
        judge_std=spread(verdicts),
        agreement=quadratic_kappa(means),
    )


def _means(verdicts: Mapping[str, Sequence[VerdictRecord]], judge: str) -> dict[str, float]:
    """Each sample's mean over this judge's repeats."""
    given = {
        name: [v.score for v in said if v.judge == judge and v.score is not None]
        for name, said in verdicts.items()
    }
    return {name: statistics.fmean(scores) for name, scores in given.items() if scores}


def _judge_result(
    judge: str,
    verdicts: Mapping[str, Sequence[VerdictRecord]],
    means: Mapping[str, float],
    judging: JudgingManifest,
) -> JudgeResult:
    said = [v for those in verdicts.values() for v in those if v.judge == judge]
    paid = [v for v in said if not v.cached]
    prompt = sum(v.usage.prompt_tokens or 0 for v in paid)
    completion = sum(v.usage.completion_tokens or 0 for v in paid)
    price = judging.prices.get(judge)
    return JudgeResult(
        mean=statistics.fmean(means.values()) if means else None,
        n=len(means),
        errors=sum(v.score is None for v in said),
        calls=sum(v.calls for v in paid),
        from_cache=len(said) - len(paid),
        prompt_tokens=prompt,
        completion_tokens=completion,
        cost_usd=_cost(price, paid) if price else None,
    )


def _cost(price: Price, paid: Sequence[VerdictRecord]) -> float:
    """US dollars; what came by batch is cheaper."""
    return sum(
        price.of(Usage(v.usage.prompt_tokens, v.usage.completion_tokens))
        * (BATCH_DISCOUNT if v.batch else 1.0)
        for v in paid
    )

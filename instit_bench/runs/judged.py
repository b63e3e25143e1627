"""A summary of a task's judges and their cost: the ``judging`` entry of its results."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from instit_bench.runs.manifest import JudgingManifest, Price
from instit_bench.runs.verdicts import VerdictRecord, mean_deviation
from instit_bench.stats.agreement import quadratic_kappa

BATCH_DISCOUNT = 0.5  # factor on the price of a call


class JudgeResult(BaseModel):
    """One judge's scores and cost.

    ``mean`` is over samples (each by the mean of its repeats), a fraction 0..1; tokens and cost
    include every call of this run, but not scores from the cache.
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
    all judges and repeats; ``agreement`` is Cohen's kappa with quadratic weights per pair of
    judges, or ``None`` if scikit-learn is not installed.
    """

    model_config = ConfigDict(frozen=True)

    judges: dict[str, JudgeResult]
    repeats: int
    prompts: str
    judge_std: float | None
    agreement: dict[str, float] | None


def judging_result(
    judging: JudgingManifest, verdicts: Mapping[str, Sequence[VerdictRecord]]
) -> JudgingResult:
    """Summarise a task's judges from the verdicts that count, by sample id."""
    means = {judge: _means(verdicts, judge) for judge in judging.judges}
    return JudgingResult(
        judges={
            judge: _judge_result(judge, verdicts, means[judge], judging) for judge in judging.judges
        },
        repeats=judging.repeats,
        prompts=judging.prompts,
        judge_std=mean_deviation(verdicts),
        agreement=quadratic_kappa(means),
    )


def _means(verdicts: Mapping[str, Sequence[VerdictRecord]], judge: str) -> dict[str, float]:
    """Return each sample's mean over this judge's repeats."""
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
    return JudgeResult(
        mean=statistics.fmean(means.values()) if means else None,
        n=len(means),
        errors=sum(v.score is None for v in said),
        **spent_on(said, judging.prices.get(judge)),
    )


def spent_on(said: Sequence[VerdictRecord], price: Price | None) -> dict[str, Any]:
    """Return the calls, tokens and US dollars of one judge's verdicts; batch calls are cheaper."""
    paid = [v for v in said if not v.cached]
    cost = price and sum(price.of(v.usage) * (BATCH_DISCOUNT if v.batch else 1.0) for v in paid)
    return {
        "calls": sum(v.calls for v in paid),
        "from_cache": len(said) - len(paid),
        "prompt_tokens": sum(v.usage.prompt_tokens or 0 for v in paid),
        "completion_tokens": sum(v.usage.completion_tokens or 0 for v in paid),
        "cost_usd": cost,
    }

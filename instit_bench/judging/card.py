"""The figures of a judge card, from a judge's scores and human ones (docs/statistics.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from instit_bench.errors import InputError
from instit_bench.runs.judge_card import BinaryVerdicts, JudgeCard
from instit_bench.stats.agreement import kappa_with_humans
from instit_bench.stats.prediction_powered import TUNED_FROM, corrected_mean, tuned_mean
from instit_bench.stats.rogan_gladen import rogan_gladen
from instit_bench.stats.two_phase import Estimate, Floats, Frame, two_phase_mean
from instit_bench.types import Metric


@dataclass(frozen=True, slots=True)
class Gold:
    """The judge's and the humans' scores of one task.

    ``judge``, ``clusters`` and ``strata`` have an entry for each judged sample; ``human`` has the
    scores by the places of the labelled ones.
    """

    judge: Sequence[float]
    clusters: Sequence[str]
    strata: Sequence[int]
    human: Mapping[int, float]


def make_card(gold: Gold, *, tune: bool, seed: int, **known: Any) -> JudgeCard:
    """Return the card; ``known`` are its fields that are not computed here.

    Raises:
        InputError: The weight is to be tuned, and there are too few human scores.
    """
    if tune and len(gold.human) < TUNED_FROM:
        raise InputError(
            f"--tune: {known['task']} has {len(gold.human)} human scores; it takes {TUNED_FROM}"
        )
    places = sorted(gold.human)
    frame = Frame.of(gold.clusters, _numbered(gold.strata), places)
    judge = np.asarray(gold.judge, dtype=np.float64)
    human = np.array([gold.human[place] for place in places])
    scores, nothing = judge[frame.labelled], np.zeros_like(judge)
    bias = two_phase_mean(nothing, scores - human, frame, bounds=(-1.0, 1.0))
    error = two_phase_mean(nothing, np.abs(scores - human), frame)
    kappa, kappa_ci95 = kappa_with_humans(scores, human, frame)
    corrected = (
        tuned_mean(judge, human, frame, seed=seed) if tune else corrected_mean(judge, human, frame)
    )
    n = len(human)
    return JudgeCard(
        **known,
        n=n,
        clusters=frame.labelled_clusters,
        n_judged=len(judge),
        score=float(judge.mean()),
        bias=_metric(bias, n),
        error=_metric(error, n),
        kappa=kappa,
        kappa_ci95=kappa_ci95,
        corrected=_metric(corrected.mean, n),
        freedom=frame.freedom,
        weight=corrected.weight,
        binary=_binary(judge, human, frame),
    )


def _binary(judge: Floats, human: Floats, frame: Frame) -> BinaryVerdicts | None:
    if not set(judge.tolist()) | set(human.tolist()) <= {0.0, 1.0}:
        return None
    found = rogan_gladen(judge, human, frame)
    if found is None:
        return None
    share = found.share and _metric(found.share, len(human))
    return BinaryVerdicts(
        sensitivity=found.sensitivity, specificity=found.specificity, corrected=share
    )


def _numbered(strata: Sequence[int]) -> list[int]:
    """Number the strata that are left from 0."""
    numbers = {stratum: number for number, stratum in enumerate(sorted(set(strata)))}
    return [numbers[stratum] for stratum in strata]


def _metric(estimate: Estimate, n: int) -> Metric:
    return Metric(estimate.value, estimate.stderr, estimate.ci95, n)

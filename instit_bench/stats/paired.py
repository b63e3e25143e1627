"""Compare two runs on their common samples (docs/statistics.md).

One idea is behind the tests: if nothing distinguishes the runs, the two sets of answers of each
image or video could just as well be swapped. A swap flips the sign of the sum of its differences;
p is the share of all swaps whose total is at least as far from zero as the observed one.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from instit_bench.stats.clusters import ClusterTotals, cluster_totals
from instit_bench.stats.distributions import binomial_cdf, share_for
from instit_bench.stats.intervals import wilson

Test = Literal["mcnemar", "permutation", "cluster-permutation"]
Conclusion = Literal["better", "worse", "no difference shown"]

# With G changed clusters p cannot fall below 2^(1 - G): fewer than 6 never show a difference.
_FEWEST_CHANGED = 6
_ROUNDING = 1e-9  # 0.1 + 0.2 - 0.3 is not a change
_LEAST_P = sys.float_info.min  # a p that underflows to 0 is not impossible
_LEAST_SHARE, _TRIMMED_EVERY = 1e-300, 100


@dataclass(frozen=True, slots=True)
class PairedTest:
    """How run B differs from run A on ``n`` shared samples in ``clusters`` images or videos.

    ``a`` and ``b`` are the means (0..1), ``difference`` is b - a with its clustered standard error
    and 95 % interval. ``p`` decides; ``test`` says how it was found. ``mcnemar_p`` stands beside it
    for right-or-wrong values and takes the samples for independent. ``wins`` and ``losses`` count
    the samples where B has the higher and the lower value. ``detectable`` is the smallest true
    difference that such a comparison would show four times out of five, ``None`` with fewer than
    six clusters, which never show any. With one cluster, all that needs several is ``None``.
    """

    n: int
    clusters: int
    a: float
    b: float
    difference: float
    stderr: float | None
    ci95: tuple[float, float] | None
    p: float | None
    test: Test
    mcnemar_p: float | None
    wins: int
    losses: int
    detectable: float | None


def paired_test(
    a: Sequence[float], b: Sequence[float], clusters: Sequence[Hashable], *, seed: int = 0
) -> PairedTest:
    """Compare the values (0..1) of the same samples in two runs.

    Right-or-wrong values (all 0 or 1) are tested exactly: by McNemar's test where every cluster has
    one sample, else by flipping whole clusters. ``seed`` matters for scores in many clusters only,
    where the permutations are drawn at random. The order of runs and samples does not matter.

    Raises:
        ValueError: no samples, or sequences of different lengths.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if len(first) != len(second):
        raise ValueError(f"{len(first)} values in one run, {len(second)} in the other")
    totals = _differences(second - first, clusters)
    wins, losses = int(np.sum(second > first)), int(np.sum(second < first))
    right_or_wrong = set(first.tolist()) | set(second.tolist()) <= {0.0, 1.0}
    mcnemar_p = _mcnemar(wins, losses) if right_or_wrong else None
    test: Test = "cluster-permutation"
    if totals.count == totals.n:
        test = "mcnemar" if right_or_wrong else "permutation"
    p = mcnemar_p
    if test != "mcnemar":
        p = _sign_flips(np.asarray(totals.sums), whole=right_or_wrong, seed=seed)
    known = totals.count > 1
    return PairedTest(
        n=totals.n,
        clusters=totals.count,
        a=float(first.mean()),
        b=float(second.mean()),
        difference=totals.mean,
        stderr=totals.stderr if known else None,
        ci95=_interval(totals) if known else None,
        p=p if known else None,
        test=test,
        mcnemar_p=mcnemar_p,
        wins=wins,
        losses=losses,
        detectable=_detectable(totals),
    )


def conclusion(
    test: PairedTest, adjusted_p: float | None, *, lower_is_better: bool = False
) -> Conclusion:
    """Return the conclusion about run B at the 5 % level; ``p`` is corrected for multiple tests.

    ``lower_is_better`` is for error rates.
    """
    if adjusted_p is None or adjusted_p > 0.05 or test.difference == 0:
        return "no difference shown"
    return "better" if (test.difference > 0) != lower_is_better else "worse"


def _differences(differences: NDArray[np.float64], clusters: Sequence[Hashable]) -> ClusterTotals:
    """Sum the differences by cluster; 0.1 + 0.2 - 0.3 is no change and equal totals are equal."""
    totals = cluster_totals(differences.tolist(), clusters)
    return ClusterTotals(np.round(totals.sums, 12).tolist(), totals.sizes)


def _mcnemar(wins: int, losses: int) -> float:
    """Exact p of as uneven a split of the changed answers (McNemar, 1947)."""
    tail = binomial_cdf(min(wins, losses), wins + losses)  # one of two that are alike
    return max(_LEAST_P, min(1.0, 2 * tail))


def _sign_flips(sums: NDArray[np.float64], *, whole: bool, seed: int) -> float:
    """Two-sided p of the total of ``sums`` (``whole`` numbers) if each may have either sign."""
    sums = sums[sums != 0]
    observed = _total(sums)
    if len(sums) < 2 or observed == 0:
        return 1.0  # no pattern is nearer to zero
    if whole:
        return _exact_sign_flips(sums.astype(np.int64))
    from scipy.stats import permutation_test

    flipped = permutation_test(
        # Sorted, with a positive total: the order of samples and runs must not change p.
        (np.sort(sums * np.sign(observed)),),
        _total,
        permutation_type="samples",
        vectorized=True,
        n_resamples=9_999,
        batch=300,  # to save memory and time
        rng=np.random.default_rng(seed),
    )
    return float(flipped.pvalue)


def _total(sums: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
    """Their sum, where 1/3 + 2/3 is as far from zero as 1: totals that are equal must tie."""
    return np.asarray(np.round(np.sum(sums, axis=axis), 9))


def _exact_sign_flips(sums: NDArray[np.int64]) -> float:
    """The same over all sign patterns, one cluster after the other."""
    sizes = np.abs(sums)
    whole = int(sizes.sum())
    shares = np.zeros(whole + 1)  # of all patterns, those whose negative clusters make up k
    shares[0] = 1.0
    low, high = 0, 1  # beyond them there is nothing, or too little to change any digit
    for number, size in enumerate(sizes, start=1):
        high += int(size)
        inside = shares[low:high]
        inside[size:] += inside[:-size]
        inside /= 2
        if number % _TRIMMED_EVERY == 0:
            some = np.flatnonzero(inside > _LEAST_SHARE)
            inside[: some[0]] = inside[some[-1] + 1 :] = 0
            low, high = low + int(some[0]), low + int(some[-1]) + 1
    totals = whole - 2 * np.arange(whole + 1)
    p = float(shares[np.abs(totals) >= abs(int(sums.sum()))].sum())
    return min(1.0, max(_LEAST_P, p))


def _change(totals: ClusterTotals) -> float:
    """How far the sum of a cluster moves where it moves; 1, a whole answer, where none does.

    Large moves count for more, as in the variance: sum of squares by sum of sizes.
    """
    moved = math.fsum(map(abs, totals.sums))
    return math.fsum(s * s for s in totals.sums) / moved if moved else 1.0


def _interval(totals: ClusterTotals) -> tuple[float, float]:
    """Student's t, but the end away from zero is at least Wilson's for a share |d| of n / change.

    A true difference d takes changed answers, hence a variance of at least |d| (1 - |d|) change / n
    however few were seen to change; without this, two equal runs would differ by 0 +- 0. Where all
    clusters differ alike, t knows no spread, and the other end is Wilson's too.
    """
    t, difference = totals.t(0.975), totals.mean
    low, high = difference - t * totals.stderr, difference + t * totals.stderr
    near, far = wilson(abs(difference), totals.n / _change(totals), t)
    if totals.stderr > _ROUNDING:
        near = abs(difference)
    if difference <= _ROUNDING:
        low, high = min(low, -far), max(high, -near)
    if difference >= -_ROUNDING:
        low, high = min(low, near), max(high, far)
    return max(-1.0, low), min(1.0, high)


def _detectable(totals: ClusterTotals) -> float | None:
    """The smallest true difference that is found with 80 % power at the two-sided 5 % level.

    k = t_.975 + t_.8 standard errors (Miller, arXiv 2411.00640), where the difference d brings its
    own variance with it: d^2 = k^2 (stderr^2 + d (1 - d) change / n), solved for d. But at least
    what changes six clusters with that power, n / (G change) answers of each going their own way.
    """
    if totals.count < _FEWEST_CHANGED:
        return None
    k2 = (totals.t(0.975) + totals.t(0.8)) ** 2
    own = k2 * _change(totals) / totals.n
    root = math.sqrt(own**2 + 4 * (1 + own) * k2 * totals.stderr**2)
    # The share of changed clusters with which six of G or more are changed in 80 % (binomial).
    share = share_for(_FEWEST_CHANGED, totals.count, 0.8)
    least = 1 - (1 - share) ** (totals.count * _change(totals) / totals.n)
    return min(1.0, max((own + root) / (2 * (1 + own)), float(least)))

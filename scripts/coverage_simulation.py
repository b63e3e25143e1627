"""Measure how often the intervals and tests of ``instit_bench.stats`` are right.

Prints the Markdown tables of docs/statistics.md. Benchmarks are simulated, so their true values are
known. Images and videos (clusters) differ in difficulty: results within a cluster are more alike
than chance would make them (the intra-cluster correlation).

    python scripts/coverage_simulation.py [repetitions]
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from instit_bench.stats.bootstrap import cluster_bootstrap
from instit_bench.stats.intervals import mean_metric
from instit_bench.stats.paired import paired_test

Array = NDArray[np.float64]
Values = Literal["right/wrong", "scores"]
Interval = Callable[[list[float], list[int]], tuple[float, float] | None]

# Questions per cluster, and the percentage of clusters with that many questions.
SHAPES = {
    # the 206 videos of Inst-IT Bench
    "benchmark": {1: 1.5, 2: 6.8, 3: 11.2, 4: 18.4, 5: 32.5, 6: 13.6, 7: 11.6, 8: 1.5, 9: 2.9},
    "long tail": {size: 20 * 0.8 ** (size - 1) for size in range(1, 31)},
    "few large": {1: 50, 2: 35, 25: 15},
}
VALUES: tuple[Values, ...] = ("right/wrong", "scores")
SPREAD = 3  # scores vary 1/3 as much around their cluster's mean as right/wrong answers do


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One model's true results over the population of images that the benchmark is drawn from."""

    values: Values
    clusters: int
    mean: float
    icc: float
    shape: str = "benchmark"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two models' results: a share ``changed`` differs, and a share ``wins`` of those is better.

    ``icc`` is the intra-cluster correlation both of what changes and of its direction.
    """

    values: Values
    clusters: int
    changed: float
    wins: float
    icc: float
    shape: str = "benchmark"

    @property
    def difference(self) -> float:
        """The true difference; a changed score moves by 0.3 on average."""
        return self.changed * (2 * self.wins - 1) * (1 if self.values == "right/wrong" else 0.3)


@dataclass(frozen=True, slots=True)
class PairOutcome:
    """Shares of the repetitions and the mean of ``detectable``."""

    covered: float
    rejected: float
    rejected_by_mcnemar: float
    detectable: float


def clusters_of(count: int, shape: str, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw the cluster number of each question."""
    weights = np.array(list(SHAPES[shape].values()))
    sizes = rng.choice(list(SHAPES[shape]), count, p=weights / weights.sum())
    return np.repeat(np.arange(count), sizes)


def shares(mean: float, icc: float, count: int, rng: np.random.Generator) -> Array:
    """Draw a share 0..1 per cluster: beta, with variance ``icc * mean * (1 - mean)``."""
    if icc == 0 or mean in {0.0, 1.0}:
        return np.full(count, mean)
    both = (1 - icc) / icc
    return rng.beta(mean * both, (1 - mean) * both, count)


def draw(benchmark: Benchmark, rng: np.random.Generator) -> tuple[list[float], list[int]]:
    """Draw values and their clusters."""
    cluster = clusters_of(benchmark.clusters, benchmark.shape, rng)
    icc = benchmark.icc
    if benchmark.values == "right/wrong":
        share = shares(benchmark.mean, icc, benchmark.clusters, rng)[cluster]
        return (rng.random(len(share)) < share).astype(float).tolist(), cluster.tolist()
    share = shares(benchmark.mean, icc / (SPREAD * (1 - icc) + icc), benchmark.clusters, rng)
    around = np.clip(share[cluster], 1e-6, 1 - 1e-6) * (SPREAD - 1)
    scores = rng.beta(around, SPREAD - 1 - around)
    tenths = np.floor(10 * scores + rng.random(len(scores))) / 10  # unbiased rounding
    return np.minimum(tenths, 1.0).tolist(), cluster.tolist()


def draw_pair(pair: Pair, rng: np.random.Generator) -> tuple[list[float], list[float], list[int]]:
    """Draw the values of run A, those of run B, and their clusters."""
    cluster = clusters_of(pair.clusters, pair.shape, rng)
    n = len(cluster)
    changed = rng.random(n) < shares(pair.changed, pair.icc, pair.clusters, rng)[cluster]
    won = rng.random(n) < shares(pair.wins, pair.icc, pair.clusters, rng)[cluster]
    if pair.values == "right/wrong":
        low, high, same = np.zeros(n), np.ones(n), (rng.random(n) < 0.6).astype(float)
    else:
        low = rng.integers(0, 6, n) / 10
        high, same = low + rng.integers(1, 6, n) / 10, low
    before = np.where(changed, np.where(won, low, high), same)
    after = np.where(changed, np.where(won, high, low), same)
    return before.tolist(), after.tolist(), cluster.tolist()


def clustered(values: list[float], clusters: list[int]) -> tuple[float, float] | None:
    """Return the interval that runs report."""
    return mean_metric(values, clusters).ci95


def ignoring_clusters(values: list[float], _: list[int]) -> tuple[float, float] | None:
    """Return the interval that treats all questions as independent."""
    return mean_metric(values, range(len(values))).ci95


def bootstrapped(values: list[float], clusters: list[int]) -> tuple[float, float] | None:
    """Return the bootstrap interval."""
    return cluster_bootstrap(values, clusters, resamples=1000)


def coverage(
    benchmark: Benchmark, repetitions: int, *, interval: Interval = clustered, seed: int = 0
) -> float:
    """Measure how often the interval contains the true mean."""
    rng = np.random.default_rng(seed)
    held = 0
    for _ in range(repetitions):
        found = interval(*draw(benchmark, rng))
        held += found is not None and found[0] <= benchmark.mean <= found[1]
    return held / repetitions


def compare(pair: Pair, repetitions: int, *, seed: int = 0) -> PairOutcome:
    """Measure how often the interval contains the true difference and the tests reject equality."""
    rng = np.random.default_rng(seed)
    tests = [paired_test(*draw_pair(pair, rng)) for _ in range(repetitions)]
    held = [t.ci95 is not None and t.ci95[0] <= pair.difference <= t.ci95[1] for t in tests]
    return PairOutcome(
        covered=float(np.mean(held)),
        rejected=float(np.mean([t.p is not None and t.p <= 0.05 for t in tests])),
        rejected_by_mcnemar=float(
            np.mean([t.mcnemar_p is not None and t.mcnemar_p <= 0.05 for t in tests])
        ),
        detectable=float(np.mean([t.detectable for t in tests if t.detectable is not None])),
    )


def power_at_detectable(null: Pair, repetitions: int) -> tuple[float, float]:
    """Return the detectable difference of equal pairs and the test's power at that difference.

    The losses are added to the changes that equal pairs have anyway.
    """
    difference = compare(null, max(50, repetitions // 10)).detectable
    changed = null.changed + difference
    loss = replace(null, changed=changed, wins=null.changed / 2 / changed)
    return difference, compare(loss, repetitions, seed=1).rejected


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table with right-aligned numbers."""
    ruler = ["---", *["--:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ruler, *rows)) + "\n"


def percent(share: float) -> str:
    """Format a share for the tables."""
    return f"{100 * share:.1f}"


def mean_rows(shape: str, repetitions: int) -> Iterable[list[str]]:
    """Yield the coverage of the mean's interval by kind of value, number of clusters and mean."""
    for values in VALUES:
        for clusters in (30, 100, 206):
            for mean in (0.5, 0.9):
                at = [Benchmark(values, clusters, mean, icc, shape) for icc in (0, 0.2, 0.5)]
                held = [percent(coverage(one, repetitions)) for one in at]
                yield [values, str(clusters), str(mean), *held]


def rival_rows(repetitions: int) -> Iterable[list[str]]:
    """Yield the coverage of other intervals at an intra-cluster correlation of 0.5."""
    for values in VALUES:
        for clusters in (30, 206):
            for mean in (0.5, 0.9):
                one = Benchmark(values, clusters, mean, 0.5)
                rivals = (clustered, bootstrapped, ignoring_clusters)
                held = [percent(coverage(one, repetitions, interval=rival)) for rival in rivals]
                yield [values, str(clusters), str(mean), *held]


def level_rows(repetitions: int) -> Iterable[list[str]]:
    """Yield the tests' false positive rates on pairs without a difference."""
    for values, clusters in (
        ("right/wrong", 30),
        ("right/wrong", 100),
        ("right/wrong", 206),
        ("scores", 30),
        ("scores", 100),
    ):
        for changed in (0.2, 0.02):
            for icc in (0, 0.2, 0.5):
                answers = values == "right/wrong"
                count = repetitions if answers else repetitions // 4
                found = compare(Pair(values, clusters, changed, 0.5, icc), count)
                by_mcnemar = percent(found.rejected_by_mcnemar) if answers else "–"
                row = [values, str(clusters), f"{100 * changed:g} %", str(icc)]
                yield [*row, percent(found.rejected), by_mcnemar, percent(found.covered)]


def difference_rows(repetitions: int) -> Iterable[list[str]]:
    """Yield the interval's coverage on pairs with a difference."""
    for clusters in (30, 100, 206):
        for changed, wins in ((0.2, 0.1), (0.2, 0.0), (0.02, 0.1), (0.005, 0.0)):
            at = [Pair("right/wrong", clusters, changed, wins, icc) for icc in (0, 0.2, 0.5)]
            held = [percent(compare(one, repetitions).covered) for one in at]
            yield [str(clusters), f"{100 * changed:g} %", f"{100 * at[0].difference:.2g}", *held]


def power_rows(repetitions: int) -> Iterable[list[str]]:
    """Yield the test's power at the detectable difference."""
    for clusters in (100, 206):
        for changed in (0.0, 0.005, 0.02, 0.2):
            for icc in (0, 0.5):
                null = Pair("right/wrong", clusters, changed, 0.5, icc)
                difference, found = power_at_detectable(null, repetitions)
                row = [str(clusters), f"{100 * changed:g} %", str(icc)]
                yield [*row, f"{100 * difference:.2f}", percent(found)]


def main(repetitions: int) -> None:
    """Print all tables."""
    of_mean = ["values", "clusters", "mean"]
    for shape in SHAPES:
        rows = mean_rows(shape, repetitions)
        print(f"Clusters: {shape}\n\n{table([*of_mean, 'icc 0', '0.2', '0.5'], rows)}", flush=True)
    rivals = [*of_mean, "reported", "bootstrap", "ignoring clusters"]
    print(f"icc 0.5\n\n{table(rivals, rival_rows(repetitions // 2))}", flush=True)
    level = ["values", "clusters", "changed", "icc", "p ≤ 0.05", "McNemar ≤ 0.05", "covered"]
    print(f"No difference\n\n{table(level, level_rows(repetitions))}", flush=True)
    difference = ["clusters", "changed", "difference", "icc 0", "0.2", "0.5"]
    print(f"A difference\n\n{table(difference, difference_rows(repetitions))}", flush=True)
    power = ["clusters", "changed anyway", "icc", "detectable", "found"]
    print(f"Power\n\n{table(power, power_rows(repetitions))}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)

"""Measure what `run --until-verdict` saves, and how often its verdicts are right.

Prints the Markdown tables of docs/statistics.md ("Verdicts with fewer samples").

    python scripts/gate_simulation.py [repetitions [video_mc_inference.json]]

A repetition draws videos, with their number of questions and of right answers, from those of one
real prediction file for Inst-IT Bench, and has a second model change some of the answers. Which of
the 206 videos had how many is written down below, so the file itself is not needed; with it the
counts are taken from there.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from instit_bench.stats.sequential import (
    Estimates,
    Rule,
    estimates,
    fails,
    look_ends,
    passes,
)
from instit_bench.stats.spending import obf_bounds

Array = NDArray[np.float64]

# Of the videos with so many questions, how many had 0, 1, 2, … right answers: counted in
# video_mc_inference.json of the benchmark's repository (1,001 answers about 206 videos, 429 right).
VIDEOS = {
    1: [3, 0],
    2: [2, 7, 5],
    3: [5, 13, 2, 3],
    4: [4, 9, 14, 11, 0],
    5: [8, 9, 23, 20, 5, 2],
    6: [1, 4, 12, 6, 2, 2, 1],
    7: [1, 2, 6, 6, 5, 3, 1, 0],
    8: [0, 1, 1, 0, 1, 0, 0, 0, 0],
    9: [0, 0, 1, 3, 0, 2, 0, 0, 0, 0],
}
MARGIN, ALLOWED = 0.05, 0.0
RULES: tuple[Rule, ...] = ("obf", "curtailed", "cs")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two models: a share of the answers changes, for a true ``difference``; all are fractions.

    ``icc`` is the correlation, within a video, of what is lost and of what is won.
    """

    difference: float
    changed: float = 0.12
    clusters: int = 206
    icc: float = 0.0


@dataclass(frozen=True, slots=True)
class Drawn:
    """Repetitions of a pair, an array each of repetitions x videos."""

    sizes: Array
    before: Array
    sums: Array


@dataclass(frozen=True, slots=True)
class Stopped:
    """Where repetitions stopped: the share of samples asked, and -1 FAIL, 0 neither or 1 PASS."""

    asked: Array
    verdict: Array


def videos(file: Path | None) -> NDArray[np.int64]:
    """Return the number of questions and of right answers of every video."""
    if file is None:
        pairs = [
            (size, right)
            for size, counts in VIDEOS.items()
            for right, count in enumerate(counts)
            for _ in range(count)
        ]
        return np.array(pairs)
    found: defaultdict[str, Counter[bool]] = defaultdict(Counter)
    for row in json.loads(file.read_text(encoding="utf-8")):
        video = row["question_id"].rsplit("-", 1)[0]
        found[video][row["model_prediction"] == row["ground_truth"]] += 1
    return np.array([(rights.total(), rights[True]) for rights in found.values()])


def draw(pair: Pair, repetitions: int, known: NDArray[np.int64], seed: int = 0) -> Drawn:
    """Draw videos and a second model's answers; the difference holds in the mean over videos."""
    rng = np.random.default_rng(seed)
    chosen = known[rng.integers(0, len(known), (repetitions, pair.clusters))]
    sizes, right = chosen[..., 0], chosen[..., 1]
    accuracy = known[:, 1].sum() / known[:, 0].sum()
    lost, won = (pair.changed - pair.difference) / 2, (pair.changed + pair.difference) / 2
    losses = rng.binomial(right, _rates(lost / accuracy, pair, right.shape, rng))
    wins = rng.binomial(sizes - right, _rates(won / (1 - accuracy), pair, right.shape, rng))
    return Drawn(sizes.astype(float), right.astype(float), (wins - losses).astype(float))


def _rates(
    mean: float, pair: Pair, shape: tuple[int, ...], rng: np.random.Generator
) -> Array | float:
    if pair.icc == 0 or mean <= 0:
        return max(mean, 0.0)
    scale = (1 - pair.icc) / pair.icc
    return rng.beta(mean * scale, (1 - mean) * scale, shape)


def stop(drawn: Drawn, rule: Rule | str, *, adjusted: bool = False) -> Stopped:
    """Stop each repetition at the first look that settles it, or at the end."""
    ends = look_ends(drawn.sizes.shape[-1])
    at = estimates(drawn.sums, drawn.sizes, ends, baseline=drawn.before if adjusted else None)
    failed, passed = verdicts(rule, at)
    settled = failed | passed
    settled[:, -1] = True
    first, row = settled.argmax(axis=1), np.arange(len(settled))
    asked = np.cumsum(drawn.sizes, axis=1)[:, np.asarray(ends) - 1]
    verdict = np.where(failed[row, first], -1, np.where(passed[row, first], 1, 0))
    return Stopped((asked / asked[:, -1:])[row, first], verdict)


def verdicts(rule: Rule | str, at: Estimates) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return where a rule says FAIL and PASS.

    ``naive`` looks with the usual 95 % every time, ``plain`` is ``obf`` without what holds its
    level: the bounds of Student's t with k - 1 degrees of freedom, times the standard error.
    """
    if rule == "plain":
        return _plain(at)
    if rule == "naive":
        from scipy.special import stdtrit

        t, drop = stdtrit(at.freedom, 0.975), ALLOWED + MARGIN
        failed = at.mean + t * at.least_error(ALLOWED) < -ALLOWED
        return failed, at.mean - t * at.least_error(drop) > -drop
    return fails(rule, at, ALLOWED), passes(rule, at, ALLOWED, MARGIN)  # type: ignore[arg-type]


def _plain(at: Estimates) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    from scipy.special import ndtr, stdtrit

    bound = -stdtrit(at.clusters - 1, ndtr(-np.asarray(obf_bounds(at.fractions))))
    reach = bound * at.stderr
    return at.mean + reach < -ALLOWED, at.mean - reach > -(ALLOWED + MARGIN)


def full_verdict(drawn: Drawn) -> Array:
    """Return the verdict of the interval on all samples."""
    at = estimates(drawn.sums, drawn.sizes, (drawn.sizes.shape[-1],))
    failed, passed = verdicts("curtailed", at)
    return np.where(failed, -1, np.where(passed, 1, 0))[:, 0]


def savings(repetitions: int, known: NDArray[np.int64]) -> Iterator[str]:
    """Yield the table of what is asked, and of what is said."""
    yield "| difference | rule | asked | FAIL | PASS | neither | as the full run |"
    yield "|--:|---|--:|--:|--:|--:|--:|"
    for difference in (0.0, -0.03, -0.05, -0.08, -0.12):
        drawn = draw(Pair(difference), repetitions, known)
        full = full_verdict(drawn)
        for rule in ("plain", *RULES, "naive"):
            found = stop(drawn, rule)
            shares = [100 * (found.verdict == verdict).mean() for verdict in (-1, 1, 0)]
            same = 100 * (found.verdict == full).mean()
            cells = [f"{difference * 100:+.0f}", rule, f"{100 * found.asked.mean():.0f} %"]
            yield _row([*cells, *(f"{share:.1f}" for share in shares), f"{same:.1f}"])


def level(repetitions: int, known: NDArray[np.int64]) -> Iterator[str]:
    """Yield the table of wrong verdicts at the two edges; 2.5 or less is right."""
    yield (
        "| videos | icc | "
        + " | ".join(
            f"{rule}: {wrong}"
            for rule in ("plain", *RULES, "full run")
            for wrong in ("FAIL at 0", "PASS at −5")
        )
        + " | naive: FAIL at 0 |"
    )
    yield "|--:|--:|" + "--:|" * (2 * len(RULES) + 5)
    for clusters in (30, 100, 206):
        for icc in (0.0, 0.2, 0.5):
            equal = draw(Pair(0.0, clusters=clusters, icc=icc), repetitions, known)
            worse = draw(Pair(-MARGIN, clusters=clusters, icc=icc), repetitions, known, seed=1)
            cells = [str(clusters), f"{icc:g}"]
            for rule in ("plain", *RULES):
                cells.append(f"{100 * (stop(equal, rule).verdict < 0).mean():.1f}")
                cells.append(f"{100 * (stop(worse, rule).verdict > 0).mean():.1f}")
            cells.append(f"{100 * (full_verdict(equal) < 0).mean():.1f}")
            cells.append(f"{100 * (full_verdict(worse) > 0).mean():.1f}")
            yield _row([*cells, f"{100 * (stop(equal, 'naive').verdict < 0).mean():.1f}"])


def adjustment(repetitions: int, known: NDArray[np.int64]) -> Iterator[str]:
    """Yield the table of the regression on the baseline: coverage, and what it saves."""
    yield (
        "| videos | icc | covered, plain | adjusted | of the full run, plain | adjusted | "
        "asked by obf, plain | adjusted | FAIL at 0, plain | adjusted | PASS at −5, plain | "
        "adjusted |"
    )
    yield "|--:|--:|" + "--:|" * 10
    for clusters in (30, 100, 206):
        for icc in (0.0, 0.2, 0.5):
            pair = Pair(0.0, changed=0.16, clusters=clusters, icc=icc)
            drawn = draw(pair, repetitions, known)
            worse = draw(
                Pair(-MARGIN, changed=0.16, clusters=clusters, icc=icc), repetitions, known, seed=1
            )
            cells = [str(clusters), f"{icc:g}"]
            for measure in (_covers_truth, _covers_full):
                cells += [f"{100 * measure(drawn, on):.1f}" for on in (False, True)]
            stops = [stop(drawn, "obf", adjusted=on) for on in (False, True)]
            cells += [f"{100 * found.asked.mean():.0f} %" for found in stops]
            cells += [f"{100 * (found.verdict < 0).mean():.1f}" for found in stops]
            wrong = [stop(worse, "obf", adjusted=on) for on in (False, True)]
            yield _row([*cells, *(f"{100 * (found.verdict > 0).mean():.1f}" for found in wrong)])


def _look(drawn: Drawn, adjusted: bool) -> tuple[Estimates, Array]:
    """Return the estimates at 30 % of the videos, and Student's quantiles for 95 %."""
    from scipy.special import stdtrit

    ends = look_ends(drawn.sizes.shape[-1])
    before = drawn.before if adjusted else None
    at = estimates(drawn.sums, drawn.sizes, ends[2:3], baseline=before)
    return at, stdtrit(at.freedom, 0.975)


def _covers_truth(drawn: Drawn, adjusted: bool) -> float:
    at, t = _look(drawn, adjusted)
    return float((np.abs(at.mean) <= t * at.stderr).mean())


def _covers_full(drawn: Drawn, adjusted: bool) -> float:
    """How often the finite-population interval contains the mean of all the samples."""
    at, t = _look(drawn, adjusted)
    full = (drawn.sums.sum(-1) / drawn.sizes.sum(-1))[:, None]
    reach = t * at.residual * np.sqrt(1 - np.asarray(at.fractions))
    return float((np.abs(at.mean - full) <= reach).mean())


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main(repetitions: int = 10_000, file: Path | None = None) -> None:
    """Print all tables."""
    known = videos(file)
    titles = {
        "Samples asked, and verdicts (%)": savings,
        "Wrong verdicts (%)": level,
        "Regression on the baseline (%)": adjustment,
    }
    for title, table in titles.items():
        print(f"\n{title}, {repetitions:,} repetitions, {len(known)} videos:\n")
        for line in table(repetitions, known):
            print(line, flush=True)


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 10_000,
        Path(sys.argv[2]) if len(sys.argv) > 2 else None,
    )

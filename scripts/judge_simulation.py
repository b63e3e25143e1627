"""Measure how often the corrected score of ``judge calibrate`` covers what humans would give.

Prints the Markdown tables of docs/statistics.md. The questions and videos are those of Inst-IT
Bench (1,001 questions about 206 videos), from a prediction file if one is named. Human scores and
a judge's are simulated, so the truth is known: videos differ in difficulty, and the judge is
biased, noisy, and more so on some videos.

    python scripts/judge_simulation.py [repetitions] [video_oe_inference.json]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import repeat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from instit_bench.stats.agreement import kappa_with_humans
from instit_bench.stats.drawing import draw_samples
from instit_bench.stats.prediction_powered import TUNED_FROM, corrected_mean, tuned_mean
from instit_bench.stats.rogan_gladen import rogan_gladen
from instit_bench.stats.two_phase import Estimate, Frame, two_phase_mean

Array = NDArray[np.float64]

# Videos with 1, 2, … 9 questions: Inst-IT Bench's.
VIDEOS = (3, 14, 23, 38, 67, 28, 24, 3, 6)
SIZES = (30, 60, 120)
_MANY = 200_000  # simulated videos, for the true mean


@dataclass(frozen=True, slots=True)
class World:
    """What humans would say, and what the judge says.

    Human scores have this ``mean``; ``icc`` is their correlation within a video. The judge adds
    ``bias``, ``noise`` of its own per answer, and ``per_video``, noise that a video's answers
    share. ``binary`` scores are 0 or 1; the judge then calls right answers right with
    ``sensitivity`` and wrong ones wrong with ``specificity``.
    """

    name: str
    mean: float = 0.6
    icc: float = 0.3
    bias: float = 0.08
    noise: float = 0.15
    per_video: float = 0.1
    binary: bool = False
    sensitivity: float = 0.9
    specificity: float = 0.8


WORLDS = (
    World("a good judge", bias=0.02, noise=0.08, per_video=0.03),
    World("a generous judge"),
    World("a noisy judge", noise=0.3, per_video=0.2),
    World("alike within videos", icc=0.6, per_video=0.25),
    World("high scores", mean=0.85),
    World("right or wrong", binary=True),
    World("right or wrong, few mistakes", binary=True, sensitivity=0.97, specificity=0.95),
    World("right or wrong, never strict", binary=True, sensitivity=1.0, specificity=0.9),
)


@dataclass
class Tally:
    """How often an interval held the truth, and how wide it was on average."""

    held: int = 0
    of: int = 0
    width: float = 0.0
    errors: list[float] = field(default_factory=list)

    def add(self, estimate: Estimate | None, truth: float) -> None:
        """Count one interval."""
        if estimate is None or estimate.ci95 is None:
            return
        low, high = estimate.ci95
        self.held += low <= truth <= high
        self.of += 1
        self.width += high - low
        self.errors.append(estimate.value - truth)

    @property
    def cell(self) -> str:
        """The coverage in percent."""
        return f"{100 * self.held / self.of:.1f}" if self.of else "–"

    @property
    def half(self) -> str:
        """Half of the mean width, in points."""
        return f"{50 * self.width / self.of:.1f}" if self.of else "–"


def video_sizes(file: Path | None) -> list[int]:
    """Return the number of questions of each video."""
    if file is None:
        return [size for size, count in enumerate(VIDEOS, start=1) for _ in range(count)]
    names = [record["question_id"].rpartition("-")[0] for record in json.loads(file.read_text())]
    return [names.count(name) for name in dict.fromkeys(names)]


def scores(
    world: World, clusters: NDArray[np.intp], count: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Return the humans' and the judge's score of each answer."""
    strength = (1 - world.icc) / world.icc
    shares = rng.beta(world.mean * strength, (1 - world.mean) * strength, count)[clusters]
    if world.binary:
        human = (rng.random(len(clusters)) < shares).astype(float)
        rates = np.where(human == 1, world.sensitivity, 1 - world.specificity)
        return human, (rng.random(len(clusters)) < rates).astype(float)
    human = _tenths(shares + rng.normal(0, 0.2, len(clusters)))
    shared = rng.normal(0, world.per_video, count)[clusters]
    own = rng.normal(0, world.noise, len(clusters))
    return human, _tenths(human + world.bias + shared + own)


def _tenths(values: Array) -> Array:
    return np.asarray(np.round(np.clip(values, 0, 1), 1))


@cache
def truth_of(world: World, sizes: tuple[int, ...]) -> tuple[float, float]:
    """Return the humans' mean and kappa over the videos that the benchmark could be drawn from."""
    rng = np.random.default_rng(1)
    of = np.repeat(np.arange(_MANY), rng.choice(sizes, _MANY))
    human, judge = scores(world, of, _MANY, rng)
    by_chance = human.var() + judge.var() + (human.mean() - judge.mean()) ** 2
    return float(human.mean()), float(1 - ((judge - human) ** 2).mean() / by_chance)


Tallies = dict[str, Tally]


def measure(
    world: World, n: int, repetitions: int, sizes: Sequence[int], *, stratify: bool, seed: int = 0
) -> Tallies:
    """Draw, score and correct ``repetitions`` times; return the tallies by what was estimated."""
    rng = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    truth, kappa = truth_of(world, tuple(sizes))
    tallies: Tallies = {
        name: Tally() for name in ("corrected", "these", "tuned", "gold", "rogan", "kappa")
    }
    for repetition in range(repetitions):
        human, judge = scores(world, clusters, len(sizes), rng)
        drawn = draw_samples(
            judge.tolist(), clusters.tolist(), n, stratify=stratify, seed=repetition
        )
        frame = Frame.of(clusters.tolist(), drawn.strata, drawn.places)
        given = human[frame.labelled]
        mean = corrected_mean(judge, given, frame).mean
        tallies["corrected"].add(mean, truth)
        tallies["these"].add(mean, float(human.mean()))
        tallies["gold"].add(two_phase_mean(np.zeros_like(judge), given, frame), truth)
        if n >= TUNED_FROM:
            tallies["tuned"].add(tuned_mean(judge, given, frame).mean, truth)
        if world.binary and (found := rogan_gladen(judge, given, frame)):
            tallies["rogan"].add(found.share, truth)
        agreement, interval = kappa_with_humans(judge[frame.labelled], given, frame)
        if agreement is not None:
            tallies["kappa"].add(Estimate(agreement, None, interval), kappa)
    return tallies


def table(rows: Iterable[Sequence[str]], *headings: str) -> None:
    """Print a Markdown table; the first column holds words."""
    rule = ("---", *repeat("--:", len(headings) - 1))
    for row in (headings, rule, *rows):
        print("| " + " | ".join(row) + " |" if row is not rule else "|" + "|".join(rule) + "|")


def main(repetitions: int = 500, file: Path | None = None) -> None:
    """Print both tables: samples drawn by strata, and without."""
    sizes = video_sizes(file)
    print(f"{sum(sizes):,} questions about {len(sizes)} videos, {repetitions} repetitions")
    for stratify in (True, False):
        print(f"\n{'Stratified' if stratify else 'Not stratified'}:\n")
        rows = []
        for world in WORLDS:
            for n in SIZES:
                found = measure(world, n, repetitions, sizes, stratify=stratify)
                rows.append(
                    (
                        world.name,
                        str(n),
                        *(
                            found[name].cell
                            for name in ("corrected", "these", "tuned", "rogan", "kappa")
                        ),
                        *(found[name].half for name in ("corrected", "tuned", "gold")),
                        f"{100 * float(np.mean(found['corrected'].errors)):+.2f}",
                    )
                )
        table(
            rows,
            *("judge", "n", "corrected", "of these samples", "tuned", "Rogan–Gladen", "kappa"),
            *("± points", "± tuned", "± humans alone", "mean error"),
        )


if __name__ == "__main__":
    arguments = sys.argv[1:]
    main(
        int(arguments[0]) if arguments else 500,
        Path(arguments[1]) if len(arguments) > 1 else None,
    )

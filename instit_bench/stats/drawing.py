"""Draw a few samples, spread over images and videos and over the range of their scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from random import Random

_FEWEST = 5  # draws per stratum: fewer say nothing about its spread
_BANDS = (1 / 3, 2 / 3)


@dataclass(frozen=True, slots=True)
class Draw:
    """Samples by their places; within a stratum each has the same probability of being drawn.

    ``strata`` has the stratum of every sample, numbered from 0 by rising scores. ``places`` are the
    drawn samples; any first part of them is spread over the strata as the whole is.
    """

    strata: tuple[int, ...]
    places: tuple[int, ...]


def draw_samples(
    scores: Sequence[float],
    clusters: Sequence[Hashable],
    n: int,
    *,
    stratify: bool = False,
    seed: int = 0,
) -> Draw:
    """Draw ``n`` samples (all if there are fewer).

    Strata are bands of the scores (0..1): below 1/3, to 2/3, above; a band with too few samples
    joins its neighbour. Each has its share of the draws, and at least five. Within a stratum the
    samples of one cluster are neighbours, clusters are in random order, and every k-th sample is
    drawn from a random start: so no cluster is drawn twice where another could be drawn instead.

    Raises:
        ValueError: ``n`` is not positive, or there are no samples.
    """
    if n < 1 or not scores:
        raise ValueError(f"{n} of {len(scores)} samples")
    rng = Random(seed)  # noqa: S311 - a plan to be repeated, not a secret
    n = min(n, len(scores))
    strata = _strata(scores, n) if stratify else (0,) * len(scores)
    order = _shuffled_clusters(clusters, rng)
    ranked: list[tuple[float, int]] = []
    for stratum, count in _allocation(Counter(strata), n).items():
        members = [place for place in order if strata[place] == stratum]
        step, start = len(members) / count, rng.random()
        drawn = [members[min(int((start + k) * step), len(members) - 1)] for k in range(count)]
        rng.shuffle(drawn)
        ranked += [((k + rng.random()) / count, place) for k, place in enumerate(drawn)]
    return Draw(strata, tuple(place for _, place in sorted(ranked)))


def _strata(scores: Sequence[float], n: int) -> tuple[int, ...]:
    """Number the bands that hold any sample; small ones join the band below, the lowest the next.

    A band is small with fewer than five samples, or if ``n`` has no five draws for each.
    """
    bands = [sum(score >= edge for edge in _BANDS) for score in scores]
    counts = Counter(bands)
    held = [[band] for band in sorted(counts)]
    while len(held) > 1:
        sizes = [sum(counts[band] for band in group) for group in held]
        if min(sizes) >= _FEWEST and n >= _FEWEST * len(held):
            break
        least = sizes.index(min(sizes))
        into = max(0, least - 1)
        held[into : into + 2] = [held[into] + held[into + 1]]
    number = {band: index for index, group in enumerate(held) for band in group}
    return tuple(number[band] for band in bands)


def _allocation(sizes: Counter[int], n: int) -> dict[int, int]:
    """Share ``n`` out in proportion to the sizes, by largest remainders, five each at least."""
    total = sizes.total()
    least = {s: min(size, _FEWEST) if len(sizes) > 1 else 0 for s, size in sizes.items()}
    wanted = {s: max(n * size / total, least[s]) for s, size in sizes.items()}
    shares = {s: int(want) for s, want in wanted.items()}
    while (missing := n - sum(shares.values())) != 0:
        step = 1 if missing > 0 else -1
        able = [s for s in shares if (shares[s] < sizes[s] if step > 0 else shares[s] > least[s])]
        chosen = max(able, key=lambda s: (step * (wanted[s] - shares[s]), sizes[s]))
        shares[chosen] += step
    return dict(sorted(shares.items()))


def _shuffled_clusters(clusters: Sequence[Hashable], rng: Random) -> list[int]:
    """Return the places, clusters in random order and their samples in random order together."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(clusters))}
    keys = [rng.random() for _ in numbers]
    order = list(range(len(clusters)))
    rng.shuffle(order)
    return sorted(order, key=lambda place: keys[numbers[clusters[place]]])

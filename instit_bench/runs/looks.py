"""Looks at a run in progress: which samples belong to each, and where the run was stopped.

Images and videos are asked whole, in a random order: by a digest of seed, medium and name. So the
order needs no list, and which look an image belongs to is known without knowing the others.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

COUNT = 10
Verdict = Literal["passed", "regression"]
StopRule = Literal["obf", "curtailed", "cs"]
Count = Annotated[int, Field(ge=0)]

_DIGITS = 16


class Looks(BaseModel):
    """The looks of a run with ``--until-verdict``, as its manifest keeps them.

    ``edges`` has the place of each medium's last image or video of each look. ``clusters`` and
    ``samples`` count, for each task, those asked by each look, and ``bounds`` are the limits on |z|
    there (of the first step of Holm's correction, before Student's t). ``stopped_at`` is the look,
    from 1, at which the run was stopped; ``margin`` is a fraction of 1.
    """

    model_config = ConfigDict(extra="forbid")

    rule: StopRule = "obf"
    margin: float = Field(0.05, gt=0, le=1)
    seed: int = 0
    first: int = Field(1, ge=1, le=COUNT)
    baseline: str = ""
    edges: dict[str, Annotated[list[str], Field(min_length=COUNT, max_length=COUNT)]]
    clusters: dict[str, Annotated[list[Count], Field(min_length=COUNT, max_length=COUNT)]]
    samples: dict[str, Annotated[list[Count], Field(min_length=COUNT, max_length=COUNT)]]
    bounds: dict[str, list[float]] = Field(default_factory=dict)
    stopped_at: int | None = Field(None, ge=1, le=COUNT)
    verdict: Verdict | None = None

    def look_of(self, media: str, cluster: str) -> int:
        """Return the look, from 1, that an image or video belongs to; beyond the last for none."""
        edges = self.edges.get(media, [])
        return bisect_left(edges, place(self.seed, media, cluster)) + 1 if edges else COUNT + 1

    def asked_by(self, look: int) -> int:
        """Return the number of samples asked by a look, over all tasks."""
        return sum(counts[look - 1] for counts in self.samples.values())

    def same_plan(self, other: Looks) -> list[str]:
        """Return the settings in which two plans differ, with both values."""
        names = ("rule", "margin", "seed", "baseline")
        pairs = ((name, getattr(self, name), getattr(other, name)) for name in names)
        return [f"{name} was {a!r}, now {b!r}" for name, a, b in pairs if a != b]


def place(seed: int, media: str, cluster: str) -> str:
    """Return where an image or video stands in the random order: places are compared as text."""
    return hashlib.sha256(f"{seed}\0{media}\0{cluster}".encode()).hexdigest()[:_DIGITS]


def plan_looks(
    tasks: Mapping[str, tuple[str, Iterable[str]]],
    *,
    rule: StopRule = "obf",
    margin: float = 0.05,
    seed: int = 0,
    first: int = 1,
    baseline: str = "",
) -> Looks:
    """Plan ten looks, each after another tenth of every medium's images or videos.

    ``tasks`` has, for each task, its medium and the cluster of each of its samples.
    """
    sizes: dict[str, dict[str, int]] = {}  # of a task: samples by place
    places: dict[str, set[str]] = {}
    for task, (media, clusters) in tasks.items():
        counts = sizes.setdefault(task, {})
        known: dict[str, str] = {}
        for cluster in clusters:
            if cluster not in known:
                known[cluster] = place(seed, media, cluster)
            counts[known[cluster]] = counts.get(known[cluster], 0) + 1
        places.setdefault(media, set()).update(counts)
    edges = {media: _edges(sorted(found)) for media, found in places.items() if found}
    clusters_by, samples_by = {}, {}
    for task, (media, _) in tasks.items():
        inside = [
            [n for where, n in sizes[task].items() if where <= edge]
            for edge in edges.get(media, [""] * COUNT)
        ]
        clusters_by[task] = [len(found) for found in inside]
        samples_by[task] = [sum(found) for found in inside]
    return Looks(
        rule=rule,
        margin=margin,
        seed=seed,
        first=first,
        baseline=baseline,
        edges=edges,
        clusters=clusters_by,
        samples=samples_by,
    )


def _edges(places: list[str]) -> list[str]:
    """Return the last place of each look; of fewer than ten places some look adds nothing."""
    ends = (-(-len(places) * look // COUNT) for look in range(1, COUNT + 1))
    return [places[end - 1] for end in ends]

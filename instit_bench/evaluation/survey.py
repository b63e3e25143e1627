"""One pass over every sample of a task: what a plan keeps of it, in any amount of data."""

from __future__ import annotations

import hashlib
import heapq
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from instit_bench.datasets.record import Doc
from instit_bench.datasets.records import DataDigest
from instit_bench.evaluation.weight import Weight
from instit_bench.types import Request, Sample, TextPart


class Digest(Protocol):
    """A hash in progress."""

    def update(self, data: bytes, /) -> None:
        """Add bytes."""

    def hexdigest(self) -> str:
        """Return the digest of all bytes so far."""
        ...


@dataclass
class Survey:
    """One pass over every sample of a task and its request, and what remains of it.

    ``drawn`` are the videos or images to select samples of, if not all. ``chosen`` are the places
    of selected samples; ``shared`` is a medium or text for each of them.
    """

    media: str
    wants: Callable[[str], bool]
    drawn: Collection[str] | None = None
    ids: list[str] = field(default_factory=list)
    chosen: array[int] = field(default_factory=lambda: array("Q"))
    shared: list[str] = field(default_factory=list)
    data: DataDigest = field(default_factory=DataDigest)
    prompts: Digest = field(default_factory=hashlib.sha256)
    weight: Weight = field(default_factory=Weight)

    def through(self, docs: Iterable[Doc]) -> Iterator[Doc]:
        """Look at each record as it is in the dataset."""
        for doc in docs:
            self.data.add(doc)
            yield doc

    def at(self, sample: Sample, request: Request) -> None:
        """Look at one sample."""
        _add_prompt(self.prompts, request)
        if (self.drawn is None or sample.cluster in self.drawn) and self.wants(sample.id):
            self.chosen.append(len(self.ids))
            self.shared.append(sample.question if self.media == "none" else sample.cluster)
            self.weight.add(request)
        self.ids.append(sample.id)


def drawn_videos(names: Collection[str], count: int, seed: int) -> Collection[str]:
    """Return ``count`` of the videos or images with these names.

    They are the first in an order that depends on the seed and their names alone: tasks about the
    same videos draw the same ones, and a larger number adds to a smaller one.
    """

    def place(name: str) -> bytes:
        return hashlib.sha256(f"{seed}/{name}".encode()).digest()

    return frozenset(heapq.nsmallest(count, names, key=place))


def _add_prompt(digest: Digest, request: Request) -> None:
    for message in request.messages:
        digest.update(f"\x1e{message.role}".encode())
        for part in message.parts:
            text = part.text if isinstance(part, TextPart) else f"<{type(part).__name__}>"
            digest.update(f"\x1f{text}".encode())

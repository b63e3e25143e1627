"""The samples that two runs share."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from instit_bench.runs.sample_scores import SampleScores


@dataclass(frozen=True, slots=True)
class Pairs:
    """The place of each shared sample in A's columns and in B's, in A's order."""

    in_a: Sequence[int]
    in_b: Sequence[int]

    @classmethod
    def of(cls, a: SampleScores, b: SampleScores) -> Pairs:
        """Find the shared samples by their ids."""
        if a.ids == b.ids:
            return cls(range(len(a)), range(len(b)))
        places = {sample: place for place, sample in enumerate(b.ids)}
        shared = array("Q", (n for n, sample in enumerate(a.ids) if sample in places))
        return cls(shared, array("Q", (places[a.ids[n]] for n in shared)))

    def __len__(self) -> int:
        return len(self.in_a)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self.in_a, self.in_b, strict=True)

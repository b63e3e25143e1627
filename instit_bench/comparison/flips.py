"""The samples that flipped from right to wrong and back, by kind of question."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from instit_bench.comparison.scored_run import TaskScores
from instit_bench.scorers.base import is_right
from instit_bench.scorers.registry import spec_of


@dataclass(frozen=True, slots=True)
class FlipGroup:
    """The flips among the questions of one kind: sample ids in the dataset's order."""

    kind: str
    to_wrong: tuple[str, ...]
    to_right: tuple[str, ...]


def flip_groups(a: TaskScores, b: TaskScores, metrics: Sequence[str]) -> tuple[FlipGroup, ...]:
    """Return what changed from A to B, the kind with most losses first.

    A sample that is neither right nor wrong in one of the runs did not flip.
    """
    metric = spec_of(a).deciding(metrics)
    to_wrong, to_right = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for id_, before in a.samples.items():
        after = b.samples.get(id_)
        if after is None:
            continue
        was, is_ = (
            is_right(metric, sample.scores, b.lower_is_better) for sample in (before, after)
        )
        if was and is_ is False:
            to_wrong[before.kind].append(id_)
        elif is_ and was is False:
            to_right[before.kind].append(id_)
    groups = [
        FlipGroup(kind, tuple(to_wrong[kind]), tuple(to_right[kind]))
        for kind in dict.fromkeys([*to_wrong, *to_right])
    ]
    return tuple(sorted(groups, key=lambda g: (-len(g.to_wrong), -len(g.to_right), g.kind)))


def sample_address(page_url: str, task: str, sample: str) -> str:
    """Return the URL of a sample in the report at this URL (docs/reports.md: the fragment)."""
    return f"{page_url}#sample={quote(task, safe='')}/{quote(sample, safe='')}"

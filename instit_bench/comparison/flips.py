"""The samples that flipped from right to wrong and back, by kind of question."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from instit_bench.comparison.pairs import Pairs
from instit_bench.comparison.scored_run import TaskScores
from instit_bench.scorers.base import value_is_right
from instit_bench.scorers.registry import spec_of


@dataclass(frozen=True, slots=True)
class FlipGroup:
    """The flips among the questions of one kind: sample ids in the dataset's order."""

    kind: str
    to_wrong: tuple[str, ...]
    to_right: tuple[str, ...]


def flip_groups(
    a: TaskScores, b: TaskScores, pairs: Pairs, metrics: Sequence[str]
) -> tuple[FlipGroup, ...]:
    """Return what changed from A to B, the kind with most losses first.

    A sample that is neither right nor wrong in one of the runs did not flip.
    """
    metric = spec_of(a).deciding(metrics)
    to_wrong, to_right = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    before, after = a.samples.scores.get(metric or ""), b.samples.scores.get(metric or "")
    if before is None or after is None:
        return ()
    mistakes = metric in b.lower_is_better
    for n, m in pairs:
        if before[n] == after[m]:
            continue
        was, is_ = (value_is_right(value, mistakes) for value in (before[n], after[m]))
        if was and is_ is False:
            to_wrong[a.samples.kinds[n]].append(a.samples.ids[n])
        elif is_ and was is False:
            to_right[a.samples.kinds[n]].append(a.samples.ids[n])
    groups = [
        FlipGroup(kind, tuple(to_wrong[kind]), tuple(to_right[kind]))
        for kind in dict.fromkeys([*to_wrong, *to_right])
    ]
    return tuple(sorted(groups, key=lambda g: (-len(g.to_wrong), -len(g.to_right), g.kind)))


def sample_address(page_url: str, task: str, sample: str) -> str:
    """Return the URL of a sample in the report at this URL (docs/reports.md: the fragment)."""
    return f"{page_url}#sample={quote(task, safe='')}/{quote(sample, safe='')}"

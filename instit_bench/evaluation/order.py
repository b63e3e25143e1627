"""The order of requests. Requests that share an image or the start of a prompt are sent together.

An engine with a prefix cache then computes each image once for all its questions, multiple
choice and open-ended alike. Results do not depend on the order.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator

from instit_bench.evaluation.plan import TaskPlan
from instit_bench.evaluation.schedule import Item
from instit_bench.types import Sample

Asked = tuple[TaskPlan, Sample]

# Beginnings of texts are compared at every 256 characters (some 64 tokens, a few blocks of a
# prefix cache), up to 4,096.
_STEP = 256
_LONGEST = 16 * _STEP


def in_order(plans: Iterable[TaskPlan], done: dict[str, set[str]]) -> list[Item[Asked]]:
    """Return the selected samples that are not done, in the order to request them."""
    keyed = list(_keyed(plans, done))
    keyed.sort(key=lambda item: item[0])
    heads = _shared_heads([shared if media == "none" else "" for (media, shared, *_), _ in keyed])
    return [
        Item(asked, head if media == "none" else ((media, shared),))
        for ((media, shared, *_), asked), head in zip(keyed, heads, strict=True)
    ]


def _keyed(
    plans: Iterable[TaskPlan], done: dict[str, set[str]]
) -> Iterator[tuple[tuple[str, str, int, int], Asked]]:
    for number, plan in enumerate(plans):
        media = plan.task.config.metadata.media
        for index, sample in enumerate(plan.selected):
            if sample.id not in done[plan.task.name]:
                shared = sample.question if media == "none" else sample.cluster
                yield (media, shared, index if media == "none" else number, index), (plan, sample)


def _shared_heads(texts: list[str]) -> Iterator[tuple[Hashable, ...]]:
    """Yield for each of some sorted texts what it shares with a neighbour, shortest first."""
    for text, before, after in zip(texts, ["", *texts], [*texts[1:], ""], strict=False):
        heads = []
        for end in range(_STEP, min(len(text), _LONGEST) + 1, _STEP):
            head = text[:end]
            if not (before.startswith(head) or after.startswith(head)):
                break
            heads.append(hash(head))
        yield tuple(heads)

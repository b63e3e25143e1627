"""The order of requests. Requests that share an image or the start of a prompt are sent together.

An engine with a prefix cache then computes each image once for all its questions, multiple
choice and open-ended alike. Results do not depend on the order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from instit_bench.evaluation.plan import TaskPlan
from instit_bench.evaluation.schedule import Item
from instit_bench.types import Sample

Asked = tuple[TaskPlan, Sample]


def in_order(plans: Iterable[TaskPlan], done: dict[str, set[str]]) -> list[Item[Asked]]:
    """Return the selected samples that are not done, in the order to request them."""
    keyed = list(_keyed(plans, done))
    keyed.sort(key=lambda item: item[0])
    return [
        # The engine shares a text's beginning even while it is computed: nobody has to wait.
        Item(asked, None if media == "none" else (media, shared))
        for (media, shared, *_), asked in keyed
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

"""The order of requests. Requests that share an image or the start of a prompt are sent together.

An engine with a prefix cache then computes each image once for all its questions, multiple
choice and open-ended alike. Results do not depend on the order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from instit_bench.evaluation.plan import TaskPlan
from instit_bench.types import Sample


def in_order(plans: Iterable[TaskPlan], done: dict[str, set[str]]) -> list[tuple[TaskPlan, Sample]]:
    """Return the selected samples that are not done, in the order to request them."""
    keyed = list(_keyed(plans, done))
    keyed.sort(key=lambda item: item[0])
    return [(plan, sample) for _, plan, sample in keyed]


def _keyed(
    plans: Iterable[TaskPlan], done: dict[str, set[str]]
) -> Iterator[tuple[tuple[str, str, int, int], TaskPlan, Sample]]:
    for number, plan in enumerate(plans):
        media = plan.task.config.metadata.media
        for index, sample in enumerate(plan.selected):
            if sample.id not in done[plan.task.name]:
                shared = sample.question if media == "none" else sample.cluster
                yield (media, shared, index if media == "none" else number, index), plan, sample

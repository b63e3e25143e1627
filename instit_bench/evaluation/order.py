"""The order of requests. Requests that share an image or the start of a prompt are sent together.

An engine with a prefix cache then computes each image once for all its questions, multiple
choice and open-ended alike. Results do not depend on the order.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate
from typing import overload

from instit_bench.evaluation.plan import RunPlan, TaskPlan
from instit_bench.scheduling.schedule import Item
from instit_bench.types import Sample

Asked = tuple[TaskPlan, Sample]


def in_order(plan: RunPlan, done: Mapping[str, Collection[str]]) -> Sequence[Item[Asked]]:
    """Return the selected samples that are not done, in the order to request them.

    ``done`` has the ids of each task's samples that are; a sample is built when it is asked for.
    """
    return _Todo(plan, done)


class _Todo(Sequence[Item[Asked]]):
    def __init__(self, plan: RunPlan, done: Mapping[str, Collection[str]]) -> None:
        self._tasks = plan.tasks
        self._starts = [0, *accumulate(len(task.selected) for task in plan.tasks)]
        ids = [task.selected.ids for task in plan.tasks]
        finished = [done[task.task.name] for task in plan.tasks]
        self._numbers = plan.order
        if any(finished):
            self._numbers = array("Q")
            for number in plan.order:
                task, index = self._place(number)
                if ids[task][index] not in finished[task]:
                    self._numbers.append(number)

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> Item[Asked]: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Item[Asked]]: ...

    def __getitem__(self, index: int | slice) -> Item[Asked] | Sequence[Item[Asked]]:
        if isinstance(index, slice):
            return [self._item(number) for number in self._numbers[index]]
        return self._item(self._numbers[index])

    def _item(self, number: int) -> Item[Asked]:
        task, index = self._place(number)
        plan = self._tasks[task]
        sample = plan.selected[index]
        media = plan.task.config.metadata.media
        # The engine shares a text's beginning even while it is computed: nobody has to wait.
        return Item((plan, sample), None if media == "none" else (media, sample.cluster))

    def _place(self, number: int) -> tuple[int, int]:
        """Return the task's number and the sample's place in it."""
        task = bisect_right(self._starts, number) - 1
        return task, number - self._starts[task]

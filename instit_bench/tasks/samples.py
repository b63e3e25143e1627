"""The samples of a task, each built when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, overload

from instit_bench.tasks.task import Task
from instit_bench.types import Sample


class Samples(Sequence[Sample]):
    """Some of a dataset's samples; of each only its id and its place are in memory.

    ``ids`` are those of the whole dataset, ``chosen`` the places of these samples in it, from 0.
    """

    def __init__(
        self,
        task: Task,
        docs: Sequence[Mapping[str, Any]],
        ids: Sequence[str],
        chosen: Sequence[int],
    ) -> None:
        self._task, self._docs = task, docs
        self._ids, self._chosen = ids, chosen

    @property
    def ids(self) -> Sequence[str]:
        """Their ids, in order."""
        if len(self._chosen) == len(self._ids):
            return self._ids
        return [self._ids[place] for place in self._chosen]

    def __len__(self) -> int:
        return len(self._chosen)

    @overload
    def __getitem__(self, index: int) -> Sample: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Sample]: ...

    def __getitem__(self, index: int | slice) -> Sample | Sequence[Sample]:
        if isinstance(index, slice):
            return Samples(self._task, self._docs, self._ids, self._chosen[index])
        place = self._chosen[index]
        return self._task.sample(self._docs[place], place + 1)

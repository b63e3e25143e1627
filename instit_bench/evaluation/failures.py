"""Group failures by cause: a streak of one cause stops a run, and all are counted at its end."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from instit_bench.runs.record import SampleRecord

# Sizes, times, ids and paths differ between samples even if the cause is the same.
_OF_ONE_SAMPLE = re.compile(r"[\w./:-]*\d[\w./:-]*")


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Samples with the same failure: how many, the first one, and its error."""

    count: int
    first: str
    error: str

    @property
    def told(self) -> str:
        """One line for the user."""
        samples = "sample" if self.count == 1 else "samples"
        return f"failed: {self.count} {samples} (first: {self.first}): {self.error}"


class Streak:
    """Counts equal failures in a row; at ``limit`` of them (0: never) a run should stop."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._count = 0
        self._cause = ""
        self._error = ""

    def failed(self, error: str) -> None:
        """Record a failed request."""
        cause = cause_of(error)
        self._count = self._count + 1 if cause == self._cause else 1
        self._cause, self._error = cause, error

    def answered(self) -> None:
        """Record a successful request."""
        self._count, self._cause = 0, ""

    @property
    def reached(self) -> bool:
        """Whether the run should stop."""
        return 0 < self._limit <= self._count

    @property
    def told(self) -> str:
        """The reason, in one line."""
        return (
            f"the last {self._count} requests failed with the same error: {self._error}; "
            "run the same command again to resume, or use --stop-after 0 to never stop"
        )


def cause_of(error: str) -> str:
    """Return the error without the parts specific to this sample."""
    return _OF_ONE_SAMPLE.sub("#", error)


def group_failures(failures: Iterable[tuple[str, SampleRecord]]) -> tuple[FailureGroup, ...]:
    """Group failed samples, each with its task, by cause; the most frequent comes first."""
    groups: dict[str, FailureGroup] = {}
    for task, record in failures:
        error = record.error or record.reason or "no reason given"
        known = groups.get(cause_of(error), FailureGroup(0, f"{task} {record.id}", error))
        groups[cause_of(error)] = FailureGroup(known.count + 1, known.first, known.error)
    return tuple(sorted(groups.values(), key=lambda group: -group.count))

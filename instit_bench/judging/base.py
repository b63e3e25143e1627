"""The interface of judges."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from instit_bench.cluster.settings import ClusterSettings
from instit_bench.progress import Tell
from instit_bench.scorers.contract import Contract, Item
from instit_bench.types import Verdict


class JudgeUnavailable(Exception):  # noqa: N818 - a state of the judge, not of a call
    """No further call can succeed (wrong key, unknown model, no server); judging stops."""


class BudgetReached(Exception):  # noqa: N818 - a decision, not a fault
    """The next call could exceed the budget; judging stops before it."""


@dataclass(frozen=True, slots=True)
class JudgeOptions:
    """How calls are made; ``attempts`` includes the first one."""

    concurrency: int = 16
    timeout_s: float = 120.0
    attempts: int = 6


@dataclass(frozen=True, slots=True)
class JudgeEngine:
    """How a judge's engine runs: with which options, and where.

    ``gpus`` are its own on this machine; without any, it can have replicas in a ``cluster``, each
    with ``gpus_per_replica``, by default as many as the engine uses.
    """

    gpus: str | None
    engine_arg: tuple[str, ...]
    cluster: ClusterSettings
    gpus_per_replica: int | None

    @property
    def has_replicas(self) -> bool:
        """Whether it runs in the cluster."""
        return self.cluster.ray is not None and self.gpus is None


J = TypeVar("J")
Call = Callable[[Contract, Item, int], Awaitable[Verdict]]
"""Judges one item; the last argument is the number of the repeat.

If no reply is valid after retries, the verdict is an error.
"""


class Judge(Protocol):
    """Scores open-ended answers and extracts letters, with many calls in flight at once."""

    @property
    def name(self) -> str:
        """The name as on the command line, such as ``openai:gpt-4o-2024-08-06``."""
        ...

    @property
    def late(self) -> bool:
        """Whether the judge needs the resources of generation and so starts after it."""
        ...

    def settings(self) -> dict[str, Any]:
        """Return the settings to record in the manifest, without any key."""
        ...

    def knows(self, contract: Contract, item: Item, repeat: int) -> bool:
        """Return whether the verdict is available without a call."""
        ...

    def keep(self, contract: Contract, item: Item, repeat: int, verdict: Verdict) -> None:
        """Cache a verdict once it is in the run's journal, which says what it has cost."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...


@runtime_checkable
class JudgeHere(Judge, Protocol):
    """A judge that this process asks; what there is to judge may come while it is asked."""

    async def start(self, folder: Path, tell: Tell) -> None:
        """Start the judge; it may write logs to ``folder``, the run directory.

        Raises:
            InputError: The judge cannot start; the message says why and what to change.
        """
        ...

    async def judge(self, contract: Contract, item: Item, repeat: int) -> Verdict:
        """Judge one item (see `Call`).

        Raises:
            JudgeUnavailable: Every call would fail.
            BudgetReached: The call could exceed the budget.
        """
        ...


@runtime_checkable
class JudgeOnReplicas(Judge, Protocol):
    """A judge whose replicas are asked; everything to be judged must exist before it starts."""

    async def judge_all(
        self,
        jobs: Sequence[J],
        take: Callable[[J, Call], Awaitable[None]],
        folder: Path,
        tell: Tell,
    ) -> None:
        """Start replicas, have each job taken with a call to make, and end them.

        The call raises what that of a judge in this process raises. A job is taken again,
        elsewhere, if the replica died.

        Raises:
            InputError: No replica starts; the message says why.
            JudgeUnavailable: All have died.
        """
        ...

    def stop(self) -> None:
        """Begin nothing more."""
        ...

    def lines(self) -> Sequence[str]:
        """What each replica is doing."""
        ...

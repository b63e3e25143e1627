"""What a judge is to the rest of the harness."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from instit_bench.progress import Tell
from instit_bench.scorers.contract import Contract, Item
from instit_bench.types import Verdict


class JudgeUnavailable(Exception):  # noqa: N818 - a state of the judge, not of a call
    """No further call can succeed (wrong key, unknown model, no server); judging stops."""


class BudgetReached(Exception):  # noqa: N818 - a decision, not a fault
    """The next call could pass the budget; judging stops before it."""


@dataclass(frozen=True, slots=True)
class JudgeOptions:
    """How calls are made; ``attempts`` counts the first one too."""

    concurrency: int = 16
    timeout_s: float = 120.0
    attempts: int = 6


@dataclass(frozen=True, slots=True)
class JudgeEngine:
    """How a judge's engine runs: other GPUs than the model's, and further engine options."""

    gpus: str | None = None
    engine_arg: tuple[str, ...] = ()


class Judge(Protocol):
    """Scores open-ended answers, and reads what others chose; many calls are in flight at once."""

    @property
    def name(self) -> str:
        """As on the command line: ``openai:gpt-4o-2024-08-06``."""
        ...

    @property
    def late(self) -> bool:
        """Whether it needs what generation uses, and so starts after it."""
        ...

    async def start(self, folder: Path, tell: Tell) -> None:
        """Get ready; logs may be kept in ``folder``, the run's own.

        Raises:
            InputError: It cannot start; says why and what to change.
        """
        ...

    def settings(self) -> dict[str, Any]:
        """What the manifest says of this judge; never a key."""
        ...

    def knows(self, contract: Contract, item: Item, repeat: int) -> bool:
        """Whether the verdict is at hand without a call."""
        ...

    async def judge(self, contract: Contract, item: Item, repeat: int) -> Verdict:
        """Judge one answer; a reply that the contract refuses ends, after retries, as an error.

        Raises:
            JudgeUnavailable: Every call would fail.
            BudgetReached: The call could pass the budget.
        """
        ...

    async def close(self) -> None:
        """Release connections."""
        ...

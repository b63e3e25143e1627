"""The interface between the runner and whatever produces predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from instit_bench.types import Prediction, Request


class GenerationError(Exception):
    """This one request failed for good; the run goes on."""


class BackendUnavailable(Exception):  # noqa: N818 - a state of the backend, not of a request
    """No further request can succeed (wrong key, unknown model, no server); the run stops."""


@dataclass(frozen=True, slots=True)
class BackendOptions:
    """What a user may set for a backend; each takes what it knows."""

    model: str
    base_url: str | None = None
    timeout_s: float = 600.0
    max_retries: int = 6
    concurrency: int = 16
    seed: int = 0


class Backend(Protocol):
    """Produces one prediction a request; many requests are in flight at once."""

    def settings(self) -> dict[str, Any]:
        """What the run's manifest says of this backend: versions and addresses, never a key."""
        ...

    async def generate(self, request: Request) -> Prediction:
        """Answer one request, whose media are resolved.

        Raises:
            GenerationError: This request failed after all retries.
            BackendUnavailable: Every request would fail.
        """
        ...

    async def close(self) -> None:
        """Release connections and processes."""
        ...

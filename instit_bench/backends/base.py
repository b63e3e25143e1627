"""The interface between the runner and whatever produces predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from instit_bench.backends.options import (
    AdapterOptions,
    EndpointOptions,
    EngineOptions,
    VideoAs,
)
from instit_bench.progress import Tell
from instit_bench.types import Prediction, Request


class GenerationError(Exception):
    """This one request failed for good; the run goes on."""


class BackendUnavailable(Exception):  # noqa: N818 - a state of the backend, not of a request
    """No further request can succeed (wrong key, unknown model, no server); the run stops."""


@dataclass(frozen=True, slots=True)
class Workload:
    """What a run will ask: enough to size an engine before the first request.

    ``images`` and ``videos`` are the most that one request holds, ``max_frames`` the most frames
    of a video, ``media_folders`` where files lie, and ``heaviest`` the longest request.
    """

    images: int = 0
    videos: int = 0
    max_frames: int = 32
    media_folders: tuple[Path, ...] = ()
    heaviest: Request | None = None


@dataclass(frozen=True, slots=True)
class BackendOptions:
    """What a user may set for a backend; each takes what it knows."""

    model: str
    base_url: str | None = None
    timeout_s: float = 600.0
    max_retries: int = 6
    concurrency: int = 16
    seed: int = 0
    engine: EngineOptions = field(default_factory=EngineOptions)
    adapter: AdapterOptions = field(default_factory=AdapterOptions)
    endpoint: EndpointOptions = field(default_factory=EndpointOptions)
    workload: Workload = field(default_factory=Workload)


class Backend(ABC):
    """Produces one prediction a request; many requests are in flight at once."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What the run's manifest says of this backend: versions and addresses, never a key.

        The same before and after the start.
        """

    def learned(self) -> dict[str, Any]:
        """What the manifest says besides, once requests were sent: a running server's facts."""
        return {}

    async def start(self, folder: Path, tell: Tell) -> None:  # noqa: B027 - most are ready
        """Get ready to answer; logs may be kept in ``folder``, the run's own.

        Raises:
            InputError: It cannot start; says why and what to change.
        """

    @abstractmethod
    async def generate(self, request: Request) -> Prediction:
        """Answer one request, whose media are resolved.

        Raises:
            GenerationError: This request failed after all retries.
            BackendUnavailable: Every request would fail.
        """

    async def close(self) -> None:  # noqa: B027 - most hold nothing
        """Release connections and processes."""

    def totals(self) -> dict[str, float]:
        """Tokens, seconds and cache hits so far, where an engine of our own counts them."""
        return {}


@dataclass(frozen=True, slots=True)
class BackendSpec:
    """A backend, and what the program needs to know of it before it makes one.

    ``name`` is its name for ``--backend``. ``takes`` names the options that it has besides those
    that all backends share; values of ``--model-arg`` reach it as ``options.adapter.arguments``.
    ``takes_roles`` says whether a model (with these options) takes messages with roles; else its
    prompt is one text, with media before it. ``in_flight`` is how many requests it is asked at
    once and ``video_as`` how it is given a video, unless the user says otherwise.
    """

    name: str
    make: Callable[[BackendOptions], Backend]
    takes: frozenset[str] = frozenset({"--model-arg"})
    takes_roles: Callable[[str, AdapterOptions], bool] = lambda model, adapter: True  # noqa: ARG005
    in_flight: Callable[[AdapterOptions], int] = lambda adapter: 16  # noqa: ARG005
    video_as: VideoAs = "frames"

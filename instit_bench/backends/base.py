"""The interface between the runner and anything that produces predictions."""

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
    """This request failed for good; the run continues."""


class BackendUnavailable(Exception):  # noqa: N818 - a state of the backend, not of a request
    """No further request can succeed (wrong key, unknown model, no server); the run stops."""


class EngineLost(Exception):  # noqa: N818 - a state of one engine of several
    """The engine died before it answered this request, which another one will answer."""


@dataclass(frozen=True, slots=True)
class Workload:
    """What a run will request: enough to size an engine before the first request.

    ``images`` and ``videos`` are the maximum per request, ``max_frames`` the maximum per video,
    ``media_folders`` are where the files are, and ``heaviest`` is the longest request, whose first
    image or frame has so many ``pixels`` (0: none, or in a file that is not an image).
    """

    images: int = 0
    videos: int = 0
    max_frames: int = 32
    media_folders: tuple[Path, ...] = ()
    heaviest: Request | None = None
    pixels: int = 0


@dataclass(frozen=True, slots=True)
class BackendOptions:
    """A user's settings for a backend; each backend reads those it supports."""

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
    """Produces one prediction per request; many requests are in flight at once.

    ``prefix_caches`` is how many engines behind it each keep what the beginnings of prompts
    compute. If there are any, the first request of those that share an image or video goes alone,
    through ``lead``.
    """

    prefix_caches: int = 0

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What the manifest records about this backend: versions and addresses, never a key.

        The same before and after the start.
        """

    def learned(self) -> dict[str, Any]:
        """What the manifest records besides, after the run: what requests showed of a server."""
        return {}

    async def start(self, folder: Path, tell: Tell) -> None:  # noqa: B027 - most are ready
        """Get ready to answer; logs may be written to ``folder``, the run directory.

        Raises:
            InputError: It cannot start; the message says why and what to change.
        """

    @abstractmethod
    async def generate(self, request: Request) -> Prediction:
        """Answer one request; its media are resolved.

        Raises:
            GenerationError: This request failed after all retries.
            BackendUnavailable: Every request would fail.
        """

    async def lead(
        self,
        request: Request,
        computed: Callable[[], None],  # noqa: ARG002 - without it, the answer is the sign
    ) -> Prediction:
        """Answer a request that others wait for, like ``generate``.

        ``computed`` is to be called, in the event loop's thread, as soon as its prompt is computed.
        """
        return await self.generate(request)

    async def close(self) -> None:  # noqa: B027 - most hold nothing
        """Release connections and processes."""

    async def waiting(self) -> int | None:
        """Return how many requests wait in the engine's queue; ``None`` if that is not known."""
        return None

    def totals(self) -> dict[str, float]:
        """Return tokens, seconds and cache hits so far, if our own engine counts them."""
        return {}


@dataclass(frozen=True, slots=True)
class BackendSpec:
    """A backend, and what the program needs to know before it creates one.

    ``name`` is its name for ``--backend``. ``takes`` names the options that it supports besides
    the common ones; values of ``--model-arg`` are in ``options.adapter.arguments``.
    ``takes_roles`` says whether a model (with these options) takes messages with roles; otherwise
    its prompt is one text, with media before it. ``in_flight`` is the default number of concurrent
    requests and ``video_as`` the default form of a video. ``needs_limit`` says that every request
    has to name a maximum number of tokens. ``loads_a_model`` says that it loads a model on this
    machine, unless ``--base-url`` names a server: a suite runs one of these at a time.
    """

    name: str
    make: Callable[[BackendOptions], Backend]
    takes: frozenset[str] = frozenset({"--model-arg"})
    takes_roles: Callable[[str, AdapterOptions], bool] = lambda model, adapter: True  # noqa: ARG005
    in_flight: Callable[[AdapterOptions], int] = lambda adapter: 16  # noqa: ARG005
    video_as: VideoAs = "frames"
    needs_limit: bool = False
    loads_a_model: bool = False

"""Ask a backend for one request, whose media are read where the backend runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from instit_bench.backends.base import Backend
from instit_bench.backends.options import VideoAs
from instit_bench.media import resolve_media
from instit_bench.media.fingerprint import Fingerprint, fingerprints
from instit_bench.types import Prediction, Request, VideoDecoder

Seen = Callable[[Request, Mapping[Path, Fingerprint]], None]
"""Takes a request with its media resolved, and the fingerprints of their files."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How media are read."""

    max_frames: int = 32
    video_as: VideoAs = "frames"
    decoder: VideoDecoder = "auto"


class Asker(Protocol):
    """Whoever a run asks: a backend here, or one on another machine."""

    async def ask(
        self, request: Request, seen: Seen, computed: Callable[[], None] | None
    ) -> Prediction:
        """Answer one request; with ``computed``, others wait for it (see `Backend.lead`).

        ``seen`` is called once the media are read, if there are any.

        Raises:
            MediaError: An image or video is missing or broken.
            GenerationError: This request failed after all retries.
            BackendUnavailable: Every request would fail.
            EngineLost: The engine died; another one may answer.
        """
        ...


class LocalAsker:
    """A backend in this process."""

    def __init__(self, backend: Backend, reading: Reading) -> None:
        self._backend = backend
        self._reading = reading

    async def ask(
        self, request: Request, seen: Seen, computed: Callable[[], None] | None
    ) -> Prediction:
        """Read the media in a thread, then ask."""
        if not request.text_only:
            request, shown = await asyncio.to_thread(self._resolved, request)
            seen(request, shown)
        if computed is None:
            return await self._backend.generate(request)
        return await self._backend.lead(request, computed)

    def _resolved(self, request: Request) -> tuple[Request, Mapping[Path, Fingerprint]]:
        how = self._reading
        resolved = resolve_media(request, how.max_frames, how.video_as, how.decoder)
        return resolved, fingerprints(request, resolved)

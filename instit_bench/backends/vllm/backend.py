"""A local engine as a backend: the run's own server behind the OpenAI client."""

from __future__ import annotations

import asyncio
import os
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import openai
from pydantic import BaseModel, ValidationError

from instit_bench.backends.base import (
    Backend,
    BackendOptions,
    BackendUnavailable,
    GenerationError,
)
from instit_bench.backends.openai import Dialect, OpenAIBackend
from instit_bench.backends.vllm.command import lora_name, serve_arguments, shared_folder
from instit_bench.backends.vllm.content import content
from instit_bench.backends.vllm.known import KnownMedia, leaves_out, takes_names
from instit_bench.backends.vllm.log import advice_for
from instit_bench.backends.vllm.server import SERVE, EngineEnded, EngineServer, fetch
from instit_bench.backends.vllm.totals import Totals, read_counters, read_queue
from instit_bench.errors import InputError
from instit_bench.media import MediaError, resolve_media
from instit_bench.progress import Tell
from instit_bench.types import Prediction, Request, TextPart

KEY_VARIABLE = "VLLM_API_KEY"
LOG_NAME = "engine.log"
MOST_RESTARTS = 3
PAUSE_S = 0.5
_LONGEST_PAUSE_S = 8.0


class _VersionPage(BaseModel):
    version: str


class VllmBackend(Backend):
    """Uses an engine that it starts itself, or with ``--base-url`` one that is already running.

    An engine that dies is restarted, at most ``MOST_RESTARTS`` times per process, and only its
    unanswered requests are sent again. ``gpus`` (``1`` or ``2,3``) are those that it may use.
    """

    def __init__(
        self, options: BackendOptions, gpus: str | None = None, log_name: str = LOG_NAME
    ) -> None:
        self._options = options
        self._gpus = gpus
        self._log_name = log_name
        self._version = installed_version()
        self._server_version: str | None = None
        self._own = options.base_url is None
        self.prefix_caches = options.engine.data_parallel or 1
        if self._own and self._version is None:
            raise InputError(
                'backend vllm needs vLLM: pip install "instit-bench[vllm]", or name a running '
                "server with --base-url, or choose --backend openai"
            )
        self._arguments = serve_arguments(options) if self._own else []
        self._server: EngineServer | None = None
        self._client: OpenAIBackend | None = None
        self._media: KnownMedia | None = None
        self._starting = asyncio.Lock()
        self._starts = 0
        self._totals = Totals()
        self._log_path = Path(log_name)
        self._tell: Tell = lambda _: None

    def settings(self) -> dict[str, Any]:
        """The engine's version and exact command; host, port and key change at each start."""
        settings: dict[str, Any] = {"vllm": self._version, "openai": openai.__version__}
        if self._own:
            return settings | {"command": ["vllm", "serve", *self._arguments]}
        return settings | (self._client or self._make_client()).settings()

    def learned(self) -> dict[str, Any]:
        """A running server's version, and what it refused."""
        if self._own or self._client is None:
            return {}
        return {"vllm": self._server_version} | self._client.learned()

    async def start(self, folder: Path, tell: Tell) -> None:
        """Start the engine, and test the longest request before any other is sent."""
        self._log_path, self._tell = folder / self._log_name, tell
        try:
            await self._start()
        except EngineEnded as ended:
            raise InputError(
                f"the engine did not start: {ended} (its log: {self._log_path})"
            ) from None
        await self._try_heaviest()

    async def generate(self, request: Request) -> Prediction:
        """Send the request; if the engine dies, to its successor, and again if it was only busy."""
        return await self._generate(request, None)

    async def lead(self, request: Request, computed: Callable[[], None]) -> Prediction:
        """Send a request that others wait for; its first token shows that its prompt is cached."""
        return await self._generate(request, computed)

    async def _generate(self, request: Request, computed: Callable[[], None] | None) -> Prediction:
        resends = 0
        whole = False
        while True:
            client, media = await self._ready(), self._media
            server = self._server
            named = await _named(media, request, whole) if media else request
            try:
                with self._totals.request():
                    prediction = await _asked(client, media, named, computed)
            except (GenerationError, BackendUnavailable) as error:
                if media and leaves_out(named) and _is_answer(error):
                    media.refused(named)
                    whole = True
                    continue
                if server is None or _refused(error):
                    raise
                if await server.lost():
                    continue
                if resends == self._options.max_retries or not _may_pass(error):
                    raise
                await asyncio.sleep(min(PAUSE_S * 2**resends, _LONGEST_PAUSE_S))
                resends += 1
            else:
                self._totals.add_usage(prediction.usage)
                return prediction

    async def close(self) -> None:
        """Read the engine's counters, then end it."""
        self._totals.switch(None)
        if self._client is not None:
            await self._client.close()
        if self._server is not None:
            await self._read_counters(self._server)
            await self._server.stop()

    def totals(self) -> dict[str, float]:
        """Return tokens, cache hits and seconds over all starts of the engine."""
        return self._totals.as_dict()

    async def waiting(self) -> int | None:
        """Read the queue from the page of metrics."""
        if self._server is not None:
            page = await self._server.get("/metrics") if self._server.running else None
        elif self._client is not None:
            address = (self._options.base_url or "").rstrip("/").removesuffix("/v1")
            page = await fetch(address + "/metrics", None)
        else:
            page = None
        return read_queue(page) if page else None

    async def _ready(self) -> OpenAIBackend:
        async with self._starting:
            if self._server is not None and not self._server.running:
                await self._restart(self._server)
            assert self._client is not None  # noqa: S101 - generate comes after start
            return self._client

    async def _restart(self, dead: EngineServer) -> None:
        if self._starts > MOST_RESTARTS:
            raise BackendUnavailable(
                f"the engine died {self._starts} times: {dead.reason} (its log: {self._log_path})"
            )
        self._tell(f"the engine died: {dead.reason}; restarting it")
        try:
            await self._start()
        except EngineEnded as ended:
            raise BackendUnavailable(f"the engine died and did not restart: {ended}") from None

    async def _start(self) -> None:
        if self._client is not None:
            await self._client.close()
        if self._own:
            self._totals.switch("starting")
            self._starts += 1
            self._totals.add("starts", 1)
            command = (*SERVE, *self._arguments)
            self._server = EngineServer(command, self._log_path, self._tell, self._gpus)
            await self._server.start()
        self._client = self._make_client()
        await self._client.start(self._log_path.parent, self._tell)
        self._totals.switch("waiting")
        if not self._own:
            self._server_version = await _server_version(self._options.base_url or "")
        version = self._version if self._own else self._server_version
        self._media = (
            KnownMedia(self._options.workload.max_frames) if takes_names(version) else None
        )

    def _make_client(self) -> OpenAIBackend:
        options, server = self._options, self._server
        engine, workload = options.engine, options.workload
        readable = shared_folder(workload.media_folders) if server else None
        dialect = Dialect(
            content=partial(content, readable=readable, max_frames=workload.max_frames),
            settings=self._extra_settings,
            headers=self._extra_headers,
            known=self._own,
        )
        if engine.lora is not None:
            options = replace(options, model=lora_name(engine.lora))
        if server is not None:
            # `generate` retries on our own server once it is known to be alive.
            options = replace(options, base_url=server.base_url, max_retries=0)
            return OpenAIBackend(options, dialect, server.key)
        return OpenAIBackend(options, dialect, os.environ.get(KEY_VARIABLE))

    def _extra_settings(self, request: Request) -> dict[str, Any]:
        """Return vLLM's settings beyond the protocol."""
        replies = list(request.replies)
        if self._options.engine.constrain_choices and not replies:
            replies = [chr(ord("A") + index) for index in range(len(request.sample.choices))]
        return {"structured_outputs": {"choice": replies}} if replies else {}

    def _extra_headers(self, request: Request) -> dict[str, str]:
        """Each rank has its own prefix cache: requests that share an image go to the same one.

        The engine itself chooses for requests that belong to no cluster.
        """
        ranks, cluster = self._options.engine.data_parallel or 1, request.sample.cluster
        if not self._own or ranks == 1 or not cluster:
            return {}
        return {"X-data-parallel-rank": str(zlib.crc32(cluster.encode()) % ranks)}

    async def _try_heaviest(self) -> None:
        request = self._options.workload.heaviest
        if not self._own or request is None:
            return
        assert self._client is not None  # noqa: S101 - it was started
        workload, video_as = self._options.workload, self._options.engine.video_as
        try:
            request = resolve_media(request, workload.max_frames, video_as)
            if request.params.max_tokens is None:  # a prompt that fits leaves room for any reply
                request = replace(request, params=replace(request.params, max_tokens=1))
            if self._media:
                request = await _named(self._media, request, whole=False)
            with self._totals.request():
                await _asked(self._client, self._media, request, None)
        except MediaError:
            return  # the sample's own error, reported when its turn comes
        except (GenerationError, BackendUnavailable) as error:
            if _refused(error):
                where = f"{request.sample.task} {request.sample.id}"
                advice = advice_for(str(error)) or (
                    "lower --max-frames or --max-tokens, raise --gpu-memory-utilization where "
                    "memory is the limit, or choose another model"
                )
                raise InputError(
                    f"the engine refuses the longest request, {where}: {error}; {advice}"
                ) from None
            if self._server is not None and await self._server.lost():
                raise InputError(
                    f"the engine died on the longest request: {self._server.reason} "
                    f"(its log: {self._log_path})"
                ) from None

    async def _read_counters(self, server: EngineServer) -> None:
        page = await server.get("/metrics") if server.running else None
        for name, value in read_counters(page or "").items():
            self._totals.add(name, value)


async def _named(media: KnownMedia, request: Request, whole: bool) -> Request:
    if all(isinstance(part, TextPart) for message in request.messages for part in message.parts):
        return request
    return await asyncio.to_thread(media.named, request, whole=whole)


async def _asked(
    client: OpenAIBackend,
    media: KnownMedia | None,
    request: Request,
    computed: Callable[[], None] | None,
) -> Prediction:
    """Ask, and remember which media the server has read."""

    def read() -> None:
        if media:
            media.keep(request)
        if computed:
            computed()

    if computed is None:
        prediction = await client.generate(request)
    else:
        prediction = await client.lead(request, read)
    if media:
        media.answered(request)
    return prediction


def _is_answer(error: Exception) -> bool:
    """Whether the server answered with an error, of whatever kind."""
    return isinstance(error.__cause__, openai.APIStatusError)


def _refused(error: Exception) -> bool:
    """Whether the engine answered, and refused this request."""
    cause = error.__cause__
    if not isinstance(cause, openai.APIStatusError):
        return False
    return cause.status_code < 500 and cause.status_code != 429


def _may_pass(error: Exception) -> bool:
    """Whether a living engine lost the request or was too busy for it, rather than too slow."""
    cause = error.__cause__
    if isinstance(cause, openai.APIStatusError):
        return True  # of 500 and above, else the engine refused
    lost = isinstance(cause, openai.APIConnectionError)
    return lost and not isinstance(cause, openai.APITimeoutError)


def installed_version() -> str | None:
    """Return the version of vLLM here, or ``None``."""
    try:
        return version("vllm")
    except PackageNotFoundError:
        return None


async def _server_version(base_url: str) -> str | None:
    """Return the version a running server reports, ``{"version": "0.32.0"}``, or ``None``."""
    page = await fetch(base_url.rstrip("/").removesuffix("/v1") + "/version", None)
    try:
        return _VersionPage.model_validate_json(page or "").version
    except ValidationError:
        return None

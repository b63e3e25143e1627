"""The lifetime of a ``vllm serve`` process: start, read its log, end."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import httpx

from instit_bench.backends.pipes import next_line
from instit_bench.backends.vllm import guard
from instit_bench.backends.vllm.log import progress_of, reason_of
from instit_bench.progress import Tell
from instit_bench.resources import NO_TELEMETRY

_LOOK_EVERY_S = 0.25
_GONE_WITHIN_S = 60.0
_ENDS_WITHIN_S = 30.0
_KEPT_LINES = 2000
_KEEPS_ALIVE_S = "3600"
_LARGEST_PAGE = 2**24  # bytes; metrics are the longest
SERVE = (sys.executable, "-m", "vllm.entrypoints.cli.main", "serve")


class EngineEnded(Exception):  # noqa: N818 - it may end in order
    """The engine has ended; the message is its own reason and what to change."""


class EngineServer:
    """A server on a free port of 127.0.0.1 with its own key.

    ``command`` is the program with its arguments except host and port; ``log_path`` gets all
    output of the engine, without the key; ``gpus`` (``1`` or ``2,3``) are those it may use.
    """

    def __init__(
        self, command: Sequence[str], log_path: Path, tell: Tell, gpus: str | None = None
    ) -> None:
        self.key = secrets.token_urlsafe(32)
        self.base_url = ""
        self._command = tuple(command)
        self._log_path = log_path
        self._tell = tell
        self._gpus = gpus
        self._last_lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether the engine has been started and has not ended."""
        return self._process is not None and self._process.returncode is None

    @property
    def reason(self) -> str:
        """The reason why the engine ended, from its log."""
        return reason_of(self._last_lines)

    async def start(self) -> None:
        """Start the engine and wait until it answers.

        Raises:
            EngineEnded: It ended instead.
        """
        port = _free_port()
        self.base_url = f"http://127.0.0.1:{port}/v1"
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", guard.__file__),
            *(*self._command, "--host", "127.0.0.1", "--port", str(port)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches the run, which then ends the engine
            env=_environment(self.key, self._gpus),
            limit=2**20,
        )
        self._reading = asyncio.create_task(self._read_log(self._process))
        while self.running:
            if await self.healthy():
                return
            await asyncio.sleep(_LOOK_EVERY_S)
        await self._reading
        raise EngineEnded(self.reason)

    async def healthy(self) -> bool:
        """Whether the server answers and its engine is alive."""
        return await self.get("/health") is not None

    async def get(self, path: str) -> str | None:
        """Return a page of the server outside ``/v1``, or ``None`` if it has none."""
        url = self.base_url.removesuffix("/v1") + path
        return await fetch(url, self.key)

    async def lost(self) -> bool:
        """After a failed request: whether the engine is gone, rather than the request at fault.

        A server whose engine has died answers for a moment longer; a server that neither answers
        nor ends is killed.
        """
        deadline = asyncio.get_running_loop().time() + _GONE_WITHIN_S
        while self.running and asyncio.get_running_loop().time() < deadline:
            if await self.healthy():
                return False
            await asyncio.sleep(_LOOK_EVERY_S)
        await self.stop()
        return True

    async def stop(self) -> None:
        """End the engine and all its processes."""
        if self._process is None or self._process.stdin is None:
            return
        self._process.stdin.close()
        try:
            async with asyncio.timeout(_ENDS_WITHIN_S):
                await self._process.wait()
                if self._reading is not None:
                    await self._reading
        except TimeoutError:  # with its guard the engine's first process is killed too
            with suppress(ProcessLookupError):
                self._process.kill()

    async def _read_log(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None  # noqa: S101 - it was started with a pipe
        told = ""
        with self._log_path.open("a", encoding="utf-8") as log:
            while line := await next_line(process.stdout):
                line = line.replace(self.key, "***")
                log.write(line)
                log.flush()
                self._last_lines.append(line)
                step = progress_of(line)
                if step and step != told:
                    told = step
                    self._tell(f"engine: {step}")


def _environment(key: str, gpus: str | None) -> dict[str, str]:
    """Return the process environment with the run's key, which a command line would reveal.

    Its server keeps idle connections open: one that it closed while busy could carry a request.
    """
    kept = {name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"}
    if gpus is not None:
        kept["CUDA_VISIBLE_DEVICES"] = gpus
    return (
        {"VLLM_HTTP_TIMEOUT_KEEP_ALIVE": _KEEPS_ALIVE_S}
        | kept
        | {
            "VLLM_API_KEY": key,
            "PYTHONUNBUFFERED": "1",
        }
        | NO_TELEMETRY
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def fetch(url: str, key: str | None, timeout_s: float = 10.0) -> str | None:
    """Fetch a small page of a server directly, without any proxy; ``None`` if it has none."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        async with (
            httpx.AsyncClient(trust_env=False, timeout=timeout_s) as client,
            client.stream("GET", url, headers=headers) as reply,
        ):
            page = bytearray()
            async for piece in reply.aiter_bytes():
                page += piece
                if len(page) > _LARGEST_PAGE:
                    return None
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
    return page.decode(errors="replace") if reply.is_success else None

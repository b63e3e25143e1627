"""The lifetime of a process that holds a model: start, ask, read, end."""

from __future__ import annotations

import asyncio
import os
import pickle
import re
import signal
import sys
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from instit_bench.backends.base import BackendUnavailable, GenerationError
from instit_bench.backends.lmms_eval.wire import Event, Question, Setup
from instit_bench.backends.options import is_secret
from instit_bench.backends.pipes import Pipe, next_line, open_pipe
from instit_bench.resources import NO_TELEMETRY, PACKAGE
from instit_bench.types import Message

_ENDS_WITHIN_S = 10.0
_LAST_LINES_WITHIN_S = 1.0
_KEPT_LINES = 200
_LONGEST_ANSWER = 2**26  # bytes
_SHORTEST_SECRET = 8
_WORKER = "instit_bench.backends.lmms_eval.worker"
_ERROR_LINE = re.compile(r"^[\w.]*(Error|Exception|Interrupt)\b|^Fatal Python error|^terminate")


class ModelProcess:
    """Answers many questions concurrently. ``log_path`` gets all output of the process.

    Values of environment variables that hold keys never reach the log or an error message.
    """

    def __init__(self, log_path: Path) -> None:
        self._log_path = log_path
        self._last_lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._numbers = count()
        self._asked: dict[int, asyncio.Future[Event]] = {}
        self._loaded: asyncio.Future[Event] | None = None
        self._broken: str | None = None
        self._gone: str | None = None
        self._secrets = [
            value
            for name, value in os.environ.items()
            if is_secret(name) and len(value) >= _SHORTEST_SECRET
        ]
        self._process: asyncio.subprocess.Process | None = None
        self._end_of_it: asyncio.Task[None] | None = None

    async def start(self, setup: Setup) -> None:
        """Load the model.

        Raises:
            BackendUnavailable: It cannot be loaded; the message says why.
        """
        self._loaded = asyncio.get_running_loop().create_future()
        answers, log = [await open_pipe(_LONGEST_ANSWER) for _ in range(2)]
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", _WORKER),
                stdin=asyncio.subprocess.PIPE,
                stdout=answers.write_end,
                stderr=log.write_end,
                start_new_session=True,  # Ctrl-C reaches the run, which then ends the model
                env=_environment(),
            )
        finally:
            os.close(answers.write_end)
            os.close(log.write_end)
        reading = (
            asyncio.create_task(self._listen(answers.reader)),
            asyncio.create_task(self._keep_log(log.reader)),
        )
        self._end_of_it = asyncio.create_task(self._see_it_end(reading, (answers, log)))
        self._send(setup)
        await self._loaded

    async def ask(
        self, messages: tuple[Message, ...], settings: Mapping[str, Any], frames: int
    ) -> Event:
        """Return the reply to one request.

        Raises:
            GenerationError: The model failed on this request.
            BackendUnavailable: The process has ended.
        """
        if self._gone is not None:
            raise BackendUnavailable(self._gone)
        number = next(self._numbers)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        self._send(Question(number, messages, settings, frames))
        event: Event = await answer
        if event.kind == "error":
            raise GenerationError(self._without_secrets(event.text))
        return event

    async def stop(self) -> None:
        """Kill the process and everything it has started."""
        if self._process is None or self._process.stdin is None or self._end_of_it is None:
            return
        self._process.stdin.close()
        await asyncio.wait([self._end_of_it], timeout=_ENDS_WITHIN_S)
        if not self._end_of_it.done():
            _kill_group(self._process)
            await self._end_of_it

    def _send(self, message: Setup | Question) -> None:
        assert self._process is not None  # noqa: S101 - it was started
        assert self._process.stdin is not None  # noqa: S101 - with a pipe
        self._process.stdin.write(pickle.dumps(message))

    async def _listen(self, answers: asyncio.StreamReader) -> None:
        while (line := await next_line(answers)).endswith("\n"):
            try:
                event = Event.model_validate_json(line)
            except ValidationError:
                self._broken = f"the model wrote into its own answers: {line.strip()[:80]!r}"
                return
            if event.kind == "ready":
                _settle(self._loaded, event)
            elif event.kind == "broken":
                self._broken = event.text
            else:
                _settle(self._asked.pop(event.number, None), event)
        if not answers.at_eof():
            self._broken = f"the model gave a reply of more than {_LONGEST_ANSWER} bytes"

    async def _see_it_end(
        self, reading: tuple[asyncio.Task[None], ...], pipes: tuple[Pipe, ...]
    ) -> None:
        """Make sure that nothing the model started outlives it or keeps its pipes open."""
        assert self._process is not None  # noqa: S101 - it was started
        exited = asyncio.create_task(self._process.wait())
        await asyncio.wait([exited, *reading], return_when=asyncio.FIRST_COMPLETED)
        if self._broken is None:
            await asyncio.wait([exited], timeout=_ENDS_WITHIN_S)
        _kill_group(self._process)
        status = await exited
        await asyncio.wait(reading, timeout=_LAST_LINES_WITHIN_S)
        for pipe in pipes:
            pipe.transport.close()
        failures = await asyncio.gather(*reading, return_exceptions=True)
        failure = next((str(error) for error in failures if error is not None), None)
        self._end(self._broken or failure or self._last_words(status))

    def _end(self, reason: str) -> None:
        """The process is gone: fail every question that it had not answered."""
        self._gone = f"{self._without_secrets(reason)} (its log: {self._log_path})"
        for waiting in (self._loaded, *self._asked.values()):
            _settle(waiting, BackendUnavailable(self._gone))
        self._asked.clear()

    def _last_words(self, status: int) -> str:
        how = f"exit status {status}"
        if status < 0:
            how = signal.Signals(-status).name
            how += ", which usually means out of memory" if status == -signal.SIGKILL else ""
        lines = [line.strip() for line in self._last_lines if line.strip()]
        telling = [line for line in lines if _ERROR_LINE.match(line)] or lines
        said = f"; its last message: {telling[-1][:300]}" if telling else ""
        return f"the model's process ended with {how}{said}"

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    async def _keep_log(self, said: asyncio.StreamReader) -> None:
        with self._log_path.open("a", encoding="utf-8") as log:
            while line := await next_line(said):
                line = self._without_secrets(line)
                log.write(line)
                log.flush()
                self._last_lines.append(line)


def _settle(waiting: asyncio.Future[Event] | None, outcome: Event | Exception) -> None:
    """Resolve a future if somebody still waits for it."""
    if waiting is None or waiting.done():
        return
    if isinstance(outcome, Event):
        waiting.set_result(outcome)
    else:
        waiting.set_exception(outcome)


def _kill_group(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _environment() -> dict[str, str]:
    """Return the environment, keys included for remote models, with this package's path."""
    package = str(PACKAGE.parent)
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **NO_TELEMETRY}

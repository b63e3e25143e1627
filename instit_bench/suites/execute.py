"""Run a suite: endpoints side by side, models on this machine one after the other."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from pydantic import ValidationError

from instit_bench.backends.pipes import Pipe, next_line, open_pipe
from instit_bench.resources import PACKAGE
from instit_bench.suites.plan import PlannedRun, Suite
from instit_bench.suites.worker import Event

_WORKER = "instit_bench.suites.worker"
_LONGEST_LINE = 2**20  # bytes
_LAST_LINES_WITHIN_S = 2.0
_KEPT_LINES = 20
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PATIENCE = 3  # after so many signals, runs are killed
NOT_STARTED = "not started"
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run of a suite ended: its exit code, why if it is not 0, and how long it took."""

    run: PlannedRun
    code: int
    message: str = ""
    seconds: float = 0.0


class View(Protocol):
    """Shows a suite's progress; every call returns at once."""

    def started(self, run: PlannedRun) -> None:
        """A run starts."""
        ...

    def event(self, run: PlannedRun, event: Event) -> None:
        """A run tells something."""
        ...

    def ended(self, outcome: Outcome) -> None:
        """A run has ended."""
        ...


class _Execution:
    """A suite in progress: the processes that run now, and how often it was told to stop."""

    def __init__(self, suite: Suite, view: View) -> None:
        self._suite = suite
        self._view = view
        self._endpoints = asyncio.Semaphore(suite.parallel)
        self._gpu = asyncio.Semaphore(1)
        self._processes: set[asyncio.subprocess.Process] = set()
        self._signals = 0

    async def outcomes(self) -> list[Outcome]:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            with suppress(NotImplementedError, RuntimeError, ValueError):  # not the main thread
                loop.add_signal_handler(number, self._stop, number)
        try:
            return await asyncio.gather(*map(self._outcome, self._suite.runs))
        finally:
            for number in _SIGNALS:
                with suppress(NotImplementedError, RuntimeError, ValueError):
                    loop.remove_signal_handler(number)

    def _stop(self, number: signal.Signals) -> None:
        """Pass a signal on to the runs, which end in their own way; no other run is started."""
        self._signals += 1
        for process in self._processes:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL if self._signals > _PATIENCE else number)

    async def _outcome(self, run: PlannedRun) -> Outcome:
        async with self._gpu if run.alone else self._endpoints:
            if self._signals:
                outcome = Outcome(run, INTERRUPTED, NOT_STARTED)
            else:
                self._view.started(run)
                outcome = await self._carried_out(run)
        self._view.ended(outcome)
        return outcome

    async def _carried_out(self, run: PlannedRun) -> Outcome:
        begun = time.monotonic()
        events, errors = [await open_pipe(_LONGEST_LINE) for _ in range(2)]
        last_lines = deque[str](maxlen=_KEPT_LINES)
        listening = asyncio.create_task(self._listen(run, events.reader))
        relaying = asyncio.create_task(self._relay(run, errors.reader, last_lines.append))
        try:
            process = await _start(run, events, errors)
            self._processes.add(process)
            status = await process.wait()
            self._processes.discard(process)
            # What the run has started may still hold the other ends.
            await asyncio.wait((listening, relaying), timeout=_LAST_LINES_WITHIN_S)
        finally:
            for pipe in (events, errors):
                pipe.transport.close()
        ended = await listening
        await relaying
        seconds = time.monotonic() - begun
        if ended is not None:
            return Outcome(run, ended.code, ended.text, seconds)
        return Outcome(run, *_crashed(status, last_lines), seconds)

    async def _listen(self, run: PlannedRun, events: asyncio.StreamReader) -> Event | None:
        """Pass on what the run tells; return its last word, or ``None`` if it died before."""
        while line := await next_line(events):
            try:
                event = Event.model_validate_json(line)
            except ValidationError:
                continue
            if event.kind == "ended":
                return event
            self._view.event(run, event)
        return None

    async def _relay(
        self, run: PlannedRun, lines: asyncio.StreamReader, keep: Callable[[str], None]
    ) -> None:
        """Show what the process prints besides, such as a library's warning."""
        while line := await next_line(lines):
            if text := line.rstrip():
                keep(text)
                self._view.event(run, Event(kind="status", text=text))


async def _start(run: PlannedRun, events: Pipe, errors: Pipe) -> asyncio.subprocess.Process:
    """Start a run's process and give it its settings."""
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", _WORKER),
            stdin=asyncio.subprocess.PIPE,
            stdout=events.write_end,
            stderr=errors.write_end,
            start_new_session=True,  # a signal reaches the suite, which passes it on
            env=_environment(),
        )
    finally:
        os.close(events.write_end)
        os.close(errors.write_end)
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    process.stdin.write(json.dumps(dict(run.settings), default=str).encode() + b"\n")
    with suppress(ConnectionError):
        await process.stdin.drain()
    return process


def run_suite(suite: Suite, view: View) -> list[Outcome]:
    """Carry out all runs of a suite, in their order as far as they wait for each other.

    A run that fails does not keep the others from running. A signal is passed on to the runs that
    are going, and no other is started.
    """

    async def outcomes() -> list[Outcome]:
        return await _Execution(suite, view).outcomes()

    return asyncio.run(outcomes())


def worst_code(outcomes: Sequence[Outcome]) -> int:
    """Return the exit code of the run that ended worst.

    Interrupted (130) is worse than not started (2), failed (1) and low coverage (3).
    """
    order = [0, 3, 1, 2, INTERRUPTED]
    codes = [outcome.code if outcome.code in order else 1 for outcome in outcomes]
    return max(codes, key=order.index, default=0)


def _crashed(status: int, last_lines: Sequence[str]) -> tuple[int, str]:
    how = f"exit status {status}" if status >= 0 else signal.Signals(-status).name
    if status == -signal.SIGKILL:
        how += ", which usually means out of memory"
    said = f"; its last line: {last_lines[-1][:300]}" if last_lines else ""
    code = INTERRUPTED if -status in _SIGNALS else 1
    return code, f"its process ended with {how}{said}"


def _environment() -> dict[str, str]:
    package = str(PACKAGE.parent)
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path}

"""Work that starts event loops of its own, called where one may be running already."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from contextvars import copy_context
from typing import Generic, TypeVar

from instit_bench.stopping import stop_work_of

Result = TypeVar("Result")

_RETRY_S = 0.2  # until work that is being prepared has an event loop to stop


def outside_any_loop(work: Callable[[], Result]) -> Result:
    """Do the work here, or in a thread where an event loop is running, as in a notebook.

    Interrupting the kernel stops the work in the thread as Ctrl-C does: twice stops it at once.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return work()
    with ThreadPoolExecutor(max_workers=1) as pool:
        thread = _InAThread(work)
        future = pool.submit(copy_context().run, thread)
        _wait(thread, future)
        return future.result()


async def beside_the_loop(work: Callable[[], Result]) -> Result:
    """Do the work in a thread; if this is cancelled, stop the work and wait for its end."""
    thread = _InAThread(work)
    future = asyncio.ensure_future(asyncio.to_thread(thread))
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        while not future.done():
            thread.stop(at_once=True)
            await asyncio.wait([future], timeout=_RETRY_S)
        with suppress(Exception):
            future.result()
        raise


class _InAThread(Generic[Result]):
    """Work that tells which thread does it."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self._work = work
        self._thread: int | None = None

    def __call__(self) -> Result:
        self._thread = threading.get_ident()
        return self._work()

    def stop(self, *, at_once: bool) -> bool:
        """Stop the work; return whether it had begun."""
        return self._thread is not None and stop_work_of(self._thread, at_once=at_once)


def _wait(thread: _InAThread[Result], future: Future[Result]) -> None:
    presses = told = 0
    while not future.done():
        try:
            wait([future], timeout=_RETRY_S if told < presses else None)
        except KeyboardInterrupt:
            presses += 1
        if told < presses and thread.stop(at_once=presses > 1):
            told = presses

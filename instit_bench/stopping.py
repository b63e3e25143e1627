"""Ending work before its end: by Ctrl-C, by a signal, or because nobody reads its output.

The first Ctrl-C lets what is in flight finish, so that nothing already paid for is lost; the second
one stops at once. SIGTERM and SIGHUP stop at once too, as a short time later the process is killed.
A signal that is ignored, as under ``nohup``, stays ignored.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

_AT_ONCE = ("SIGTERM", "SIGHUP")

Finish = Callable[[], bool]
"""Makes work end early by itself; returns whether there is anything in flight to wait for."""


def run_until_stopped(work: Coroutine[Any, Any, None], finish: Finish) -> bool:
    """Run ``work`` in a new event loop; return whether it was stopped before its end."""
    try:
        return asyncio.run(until_stopped(work, finish))
    except KeyboardInterrupt:  # where signals cannot be handled in the loop
        return True


async def until_stopped(work: Coroutine[Any, Any, None], finish: Finish) -> bool:
    """Await ``work``; return whether it was stopped before its end."""
    task = asyncio.ensure_future(work)
    stopped = False

    def stop(*, at_once: bool) -> None:
        nonlocal stopped
        at_once, stopped = at_once or stopped, True
        if at_once or not finish():
            task.cancel()

    handled = _handle(lambda: stop(at_once=False), lambda: stop(at_once=True))
    try:
        await task
    except BrokenPipeError:  # the reader of our output has gone, as in `… | head`
        return True
    except asyncio.CancelledError:
        if not stopped:  # somebody else cancelled us
            task.cancel()
            raise
    finally:
        for number in handled:
            asyncio.get_running_loop().remove_signal_handler(number)
    return stopped


def _handle(interrupt: Callable[[], None], end: Callable[[], None]) -> list[int]:
    """Install handlers for the signals that are not ignored; return which."""
    actions = {"SIGINT": interrupt} | dict.fromkeys(_AT_ONCE, end)
    handled = []
    for name, action in actions.items():
        number = getattr(signal, name, None)
        if number is None or signal.getsignal(number) is signal.SIG_IGN:
            continue
        # Not on Windows, and not outside the main thread.
        with suppress(NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().add_signal_handler(number, action)
            handled.append(number)
    return handled

"""Ending work before its end: by Ctrl-C, by a signal, or because nobody reads its output.

The first Ctrl-C lets what is in flight finish, so that nothing already paid for is lost; the second
one stops at once, even if a plugin's code blocks the event loop. SIGTERM and SIGHUP stop at once
too, as a short time later the process is killed. A signal that is ignored, as under ``nohup``,
stays ignored. Work in another thread is stopped by ``stop_work_of``.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

_AT_ONCE = ("SIGTERM", "SIGHUP")

Finish = Callable[[], bool]
"""Makes work end early by itself; returns whether there is anything in flight to wait for."""


_STOPS: dict[int, Callable[[bool], object]] = {}
"""Stops the work of a thread, by the thread's identity; the argument says whether at once."""


def stop_work_of(thread: int, *, at_once: bool) -> bool:
    """Stop what another thread runs, as Ctrl-C does; return whether it runs anything."""
    stop = _STOPS.get(thread)
    if stop is None:
        return False
    with suppress(RuntimeError):  # its loop has just been closed
        stop(at_once)
    return True


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
    loop, thread = asyncio.get_running_loop(), threading.get_ident()
    _STOPS[thread] = lambda at_once: loop.call_soon_threadsafe(partial(stop, at_once=at_once))
    try:
        await task
    except BrokenPipeError:  # the reader of our output has gone, as in `… | head`
        return True
    except asyncio.CancelledError:
        if not stopped:  # somebody else cancelled us
            task.cancel()
            raise
    finally:
        del _STOPS[thread]
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
            _install(number, action)
            handled.append(number)
    return handled


def _install(number: signal.Signals, action: Callable[[], None]) -> None:
    """Have the loop take an action; a second signal before it could ends whatever blocks it."""
    waiting = 0

    def act() -> None:
        nonlocal waiting
        waiting = 0
        action()

    def received(*_: object) -> None:
        nonlocal waiting
        waiting += 1
        if waiting > 1:
            raise KeyboardInterrupt

    asyncio.get_running_loop().add_signal_handler(number, act)
    signal.signal(number, received)  # the loop is woken all the same

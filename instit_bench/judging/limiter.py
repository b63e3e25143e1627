"""An adaptive limit for calls in flight: as many as the endpoint accepts.

Additive increase and multiplicative decrease, as in TCP: each successful call raises the limit a
little, a rejection because of load halves it, and no call starts before the time in Retry-After.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class AdaptiveLimiter:
    """Hands out slots for calls to one endpoint."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = float(most)
        self._running = 0
        self._not_before = 0.0
        self._lowered = 0.0
        self._freed = asyncio.Condition()

    @property
    def limit(self) -> int:
        """The number of calls that may be in flight now."""
        return int(self._limit)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[float]:
        """Wait for a slot; yields the time at which the call starts."""
        async with self._freed:
            await self._freed.wait_for(lambda: self._running < self.limit)
            self._running += 1
        try:
            while (wait := self._not_before - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            yield time.monotonic()
        finally:
            async with self._freed:
                self._running -= 1
                self._freed.notify_all()

    def answered(self) -> None:
        """Raise the limit a little after a successful call."""
        self._limit = min(self._limit + 1 / self._limit, float(self._most))

    def overloaded(self, started: float, retry_after_s: float | None) -> None:
        """Halve the limit after a rejection because of load, once per group of concurrent calls."""
        now = time.monotonic()
        if started >= self._lowered:
            self._limit = max(self._limit / 2, 1.0)
            self._lowered = now
        if retry_after_s is not None:
            self._not_before = max(self._not_before, now + retry_after_s)

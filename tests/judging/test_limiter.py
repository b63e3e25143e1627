"""The adaptive limit for calls in flight."""

from __future__ import annotations

import asyncio
import time

from instit_bench.judging.limiter import AdaptiveLimiter


def test_calls_in_flight_never_exceed_the_limit():
    async def scenario():
        limiter, running, most = AdaptiveLimiter(3), 0, 0

        async def call():
            nonlocal running, most
            async with limiter.slot():
                running += 1
                most = max(most, running)
                await asyncio.sleep(0.001)
                running -= 1

        await asyncio.gather(*(call() for _ in range(20)))
        return most

    assert asyncio.run(scenario()) == 3


def test_concurrent_overload_errors_halve_the_limit_once_and_it_recovers():
    limiter = AdaptiveLimiter(16)
    started = time.monotonic()
    for _ in range(10):
        limiter.overloaded(started, None)
    assert limiter.limit == 8
    limiter.overloaded(time.monotonic(), None)
    assert limiter.limit == 4
    for _ in range(1000):
        limiter.answered()
    assert limiter.limit == 16


def test_no_call_starts_before_the_requested_time():
    async def scenario():
        limiter = AdaptiveLimiter(2)
        limiter.overloaded(time.monotonic(), 0.3)
        before = time.monotonic()
        async with limiter.slot() as started:
            return started - before

    assert asyncio.run(scenario()) >= 0.29

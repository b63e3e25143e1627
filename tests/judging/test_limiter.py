"""The adaptive limit for calls in flight."""

from __future__ import annotations

import asyncio
import time
from math import inf

import openai
import pytest

from instit_bench.endpoint import Endpoint
from instit_bench.endpoint.transport import http_package
from instit_bench.judging.base import JudgeOptions
from instit_bench.judging.cache import VerdictCache
from instit_bench.judging.limiter import AdaptiveLimiter
from instit_bench.judging.openai_judge import OpenAIJudge, _retry_after


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


@pytest.mark.parametrize(
    ("header", "waits"),
    [
        *(("7", 7), ("0", 0), ("-3", 0), ("inf", inf), ("1e999", inf)),
        *(("nan", None), ("soon", None), ("", None), ("Fri, 99 Dec 99999 23:59:59 GMT", None)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
    ],
)
def test_any_retry_after_is_a_time_or_none(header, waits):
    assert _retry_after(refusal(header)) == waits


@pytest.mark.parametrize("header", ["inf", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_wait_of_years_is_capped_and_told_once(tmp_path, header):
    told: list[str] = []
    cache = VerdictCache(tmp_path / "c")
    judge = OpenAIJudge("openai:j", "j", Endpoint("http://x/v1", "k"), JudgeOptions(), cache)
    asyncio.run(judge.start(tmp_path, told.append))
    for _ in range(3):
        judge._after(refusal(header), time.monotonic())
    assert told == [
        "judge openai:j asks to wait longer than 300 s (Retry-After): asked again after that time"
    ]
    assert 299 < judge._limiter._not_before - time.monotonic() <= 300


def refusal(header):
    response = http_package().Response(
        429, headers={"retry-after": header}, request=http_package().Request("POST", "http://x")
    )
    return openai.RateLimitError("slow down", response=response, body=None)

"""Middleware for the real engine that records every request.

``--engine-arg middleware=tests.vllm.recorder.record`` adds it to ``vllm serve``. Each request is
written as one JSON line to the file in the environment variable ``RECORDED_REQUESTS``.
``tests.vllm.recorder.count`` writes the engine's process and counters besides, also as often as
its page of metrics is read. ``tests.vllm.recorder.together`` does the same, and lets no engine
answer before as many have started as ``RECORDED_ENGINES`` says.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

from instit_bench.backends.vllm.totals import read_counters


async def record(request, call_next):
    """Record a request's authorisation and body, then pass it to the engine."""
    if request.method == "POST":
        line = {
            "authorization": request.headers.get("authorization"),
            "body": json.loads(await request.body()),
        }
        with Path(os.environ["RECORDED_REQUESTS"]).open("a") as file:
            file.write(json.dumps(line) + "\n")
    return await call_next(request)


async def count(request, call_next):
    """Record a request's body, if it has one, with the engine's counters as it comes in."""
    if request.method == "POST" or request.url.path == "/metrics":
        from prometheus_client import REGISTRY, generate_latest

        line = {
            "process": os.getpid(),
            "body": json.loads(await request.body() or "null"),
            "counters": read_counters(generate_latest(REGISTRY).decode()),
        }
        with Path(os.environ["RECORDED_REQUESTS"]).open("a") as file:
            file.write(json.dumps(line) + "\n")
    return await call_next(request)


async def together(request, call_next):
    """Count, but hold prompts back until all engines have started, as their health checks show."""
    recorded = Path(os.environ["RECORDED_REQUESTS"])
    recorded.with_name(f"{recorded.name}.started-{os.getpid()}").touch()
    started = f"{recorded.name}.started-*"
    while request.method == "POST":
        if len(list(recorded.parent.glob(started))) >= int(os.environ["RECORDED_ENGINES"]):
            break
        await asyncio.sleep(0.05)
    return await count(request, call_next)

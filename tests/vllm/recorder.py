"""Middleware for the real engine that records every request.

``--engine-arg middleware=tests.vllm.recorder.record`` adds it to ``vllm serve``. Each request is
written as one JSON line to the file in the environment variable ``RECORDED_REQUESTS``.
"""

from __future__ import annotations

import json
import os
from pathlib import Path


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

"""Middleware for the real engine: writes down every request that reaches it.

``--engine-arg middleware=tests.vllm.recorder.record`` puts it into ``vllm serve``; the environment
variable ``RECORDED_REQUESTS`` names the file, which gets one JSON line per request.
"""

from __future__ import annotations

import json
import os
from pathlib import Path


async def record(request, call_next):
    """Keep a request's authorisation and body, then let the engine answer it."""
    if request.method == "POST":
        line = {
            "authorization": request.headers.get("authorization"),
            "body": json.loads(await request.body()),
        }
        with Path(os.environ["RECORDED_REQUESTS"]).open("a") as file:
            file.write(json.dumps(line) + "\n")
    return await call_next(request)

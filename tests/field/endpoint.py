"""Shared by the tests of endpoints: scripted replies, and a backend that requests them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from instit_bench.backends import BackendOptions, create_backend
from instit_bench.backends.options import EndpointOptions
from instit_bench.types import GenerationParams, Message, Prediction, Request, Sample, TextPart
from tests.openai_server import Answer, OpenAIServer, Reply, openai_server

SAMPLE = Sample(task="t", id="1", doc={}, target="A", cluster="1")
PARAMS = GenerationParams(max_tokens=7, temperature=0.0, top_k=40, stop=("\nEnd",), seed=3)


def ask(
    server: OpenAIServer,
    *,
    times: int = 1,
    retries: int = 0,
    style: str = "chat",
    params: GenerationParams = PARAMS,
    told: list[str] | None = None,
    **endpoint: Any,
) -> Prediction:
    """Send this many requests at once; return the last prediction or raise the first error.

    ``ask.settings`` is then what a manifest would record.
    """
    options = BackendOptions(
        "m",
        base_url=server.base_url,
        max_retries=retries,
        endpoint=EndpointOptions(**endpoint),
    )

    async def all_of_them():
        backend = create_backend("openai", options)
        try:
            await backend.start(None, (told if told is not None else []).append)
            request = Request(SAMPLE, (Message("user", (TextPart("Q"),)),), params, style)
            replies = await asyncio.gather(*(backend.generate(request) for _ in range(times)))
            return replies[-1], backend.settings() | backend.learned()
        finally:
            await backend.close()

    prediction, ask.settings = asyncio.run(all_of_them())
    return prediction


def body(document: Any) -> Reply:
    """Return a reply with this document or exactly these bytes."""
    return Reply(body=document if isinstance(document, bytes) else json.dumps(document).encode())


def choice(message: Any = None, finish: Any = "stop", **more: Any) -> dict[str, Any]:
    """A completion with one choice."""
    return {"choices": [{"index": 0, "finish_reason": finish, "message": message} | more]}


def answered(document: Any, **options: Any) -> Prediction:
    """Return what the backend reads from a document sent as the reply."""
    with openai_server(lambda _: body(document)) as server:
        return ask(server, **options)


def refusing(
    *names: str, words: str = "Unsupported parameter: '{}' is not supported with this model."
) -> Answer:
    """Reject a request with one of these settings; answer all others."""

    def answer(request: dict[str, Any]) -> Reply:
        for name in names:
            if name in request:
                return Reply(words.format(name), status=400)
        return Reply("B")

    return answer

"""Measure the overhead of a run beyond its engine, compared with a minimal client.

    python benchmarks/vllm_overhead.py [MODEL] [engine-arg…]

Both send the same requests, from a set shaped like Inst-IT Bench's videos, to the same server with
the same concurrency. After a first pass that fills the engine's caches, they take turns. Other load
on the machine can only add time, so the best times are compared, and the medians.
"""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import instit_bench
from instit_bench.backends.vllm.server import SERVE, EngineServer
from instit_bench.evaluation.config import RunConfig
from instit_bench.evaluation.order import in_order
from instit_bench.evaluation.plan import make_plan
from instit_bench.media import resolve_media
from instit_bench.types import ImagePart, Request, TextPart

sys.path.insert(0, str(Path(__file__).resolve().parent))
from instit_shape import make_data
from tiny_models import make_vision

ROUNDS, IN_FLIGHT = 3, 16
SCALE, FRAMES, SIZE = 0.3, 12, (112, 112)
SMALL = ("--enforce-eager", "--dtype=float32", "--max-num-seqs=16", "--max-model-len=8192")


def plain_body(request: Request, model: str) -> dict[str, Any]:
    """Return a request body as one would write it by hand."""
    content = []
    for part in request.messages[0].parts:
        if isinstance(part, TextPart):
            content.append({"type": "text", "text": part.text})
        elif isinstance(part, ImagePart):
            data = part.path.read_bytes() if part.path else part.data or b""
            url = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
            content.append({"type": "image_url", "image_url": {"url": url}})
    return {
        "model": model,
        "messages": [{"role": "user", "content": content}],
        "max_tokens": request.params.max_tokens,
        "temperature": 0.0,
        "seed": 0,
    }


async def plain(config: RunConfig, key: str) -> int:
    """Send all requests and discard the replies."""
    import openai

    plan = make_plan(config)
    todo = iter(in_order(plan.tasks, {task.task.name: set() for task in plan.tasks}))
    client = openai.AsyncOpenAI(base_url=config.base_url, api_key=key, max_retries=0)
    done = 0

    async def worker() -> None:
        nonlocal done
        for task, sample in todo:
            request = resolve_media(task.request(sample), config.max_frames)
            await client.chat.completions.create(**plain_body(request, config.model))
            done += 1

    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
    await client.close()
    return done


def compare(config: RunConfig, key: str) -> None:
    """Time both in turns and print the results."""
    times: dict[str, list[float]] = {"our run": [], "plain client": []}
    os.environ["VLLM_API_KEY"] = key
    asyncio.run(plain(config, key))
    for turn in range(2 * ROUNDS):
        # Ours, plain, plain, ours: a drift in the machine's speed then affects both equally.
        ours = turn % 4 in (0, 3)
        started = time.perf_counter()
        if ours:
            instit_bench.run(**config.model_dump(exclude_none=True))
            shutil.rmtree(config.output)
        else:
            asyncio.run(plain(config, key))
        times["our run" if ours else "plain client"].append(time.perf_counter() - started)
    for name, seconds in times.items():
        print(f"{name:13} {' '.join(f'{s:.2f}' for s in seconds)} s")
    for name, of in (("best", min), ("median", statistics.median)):
        more = of(times["our run"]) / of(times["plain client"]) - 1
        print(
            f"{name}: our run takes {more:+.1%} compared with the plain client (goal: within +5 %)"
        )


async def serve(model: str, words: Sequence[str], folder: Path) -> None:
    """Start a server, compare, and stop the server."""
    server = EngineServer([*SERVE, model, *words], folder / "engine.log", lambda _: None)
    await server.start()
    config = RunConfig(
        model=model,
        base_url=server.base_url,
        data=str(make_data(folder / "data", SCALE, FRAMES, SIZE)),
        tasks=("inst_it_video_mc", "inst_it_video_oe"),
        max_tokens=48,
        judge="none",
        output=folder / "runs",
        concurrency=IN_FLIGHT,
    )
    try:
        await asyncio.to_thread(compare, config, server.key)
    finally:
        await server.stop()


def main(arguments: Sequence[str]) -> None:
    """Compare with the given model or a tiny one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = arguments[0] if arguments else str(make_vision(folder / "vision"))
        words = tuple(f"--{word}" for word in arguments[1:]) or SMALL
        asyncio.run(serve(model, ["--generation-config=vllm", *words], folder))


if __name__ == "__main__":
    main(sys.argv[1:])

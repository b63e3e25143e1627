"""Throughput of one engine: our run against the plainest client, without weights.

    python benchmarks/gpu_throughput.py [--tiny] [--seconds 285] [engine-arg…]

Starts one engine with the configuration of Qwen2.5-VL-7B and dummy weights, asks it about data
shaped like Inst-IT Bench's videos at their real image size, and prints each figure as soon as it is
there: how long each step of the start takes, and for each pass its duration, the prompt tokens
computed and how busy the GPU was. Both clients keep 64 requests in flight, in our order with leads;
the plain one sends images by path. Every pass has images of its own, so no cache has to be reset.
A pass that would not end within ``--seconds`` is left out. ``--tiny`` is for a CPU.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import environ
from pathlib import Path
from typing import Any

import instit_bench
from instit_bench.backends import BackendOptions
from instit_bench.backends.options import EngineOptions
from instit_bench.backends.vllm.command import serve_arguments
from instit_bench.backends.vllm.server import SERVE, EngineServer
from instit_bench.evaluation.config import RunConfig
from instit_bench.evaluation.order import Asked, in_order
from instit_bench.evaluation.plan import make_plan
from instit_bench.evaluation.workload import workload_of
from instit_bench.media import resolve_media
from instit_bench.scheduling.dispatch import ask_all
from instit_bench.scheduling.schedule import Schedule, Turn, leads_ahead
from instit_bench.types import ImagePart, Request, TextPart

sys.path.insert(0, str(Path(__file__).resolve().parent))
from instit_shape import make_data
from tiny_models import make_vision

STARTED = time.monotonic()
SCALE, FRAMES, IN_FLIGHT, MAX_TOKENS = 0.05, 16, 64, 16
TASKS = ("inst_it_video_mc", "inst_it_video_oe")
# After a pass that warms up the engine: a drift in the machine's speed affects both equally.
PASSES = ("ours", "ours", "plain", "plain", "ours")
# GiB for the cache of an engine on a CPU, which else wants nearly all of the memory.
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
SMALL = ("enforce-eager", "dtype=float32", "max-num-seqs=64", "max-model-len=2048")
SEVEN_B = {
    "text_config": {
        "vocab_size": 152064,
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "max_position_embeddings": 128000,
        "rope_parameters": {
            "rope_type": "default",
            "mrope_section": [16, 24, 24],
            "rope_theta": 1e6,
        },
    },
    "vision_config": {
        "depth": 32,
        "hidden_size": 1280,
        "intermediate_size": 3420,
        "num_heads": 16,
        "out_hidden_size": 3584,
        "fullatt_block_indexes": [7, 15, 23, 31],
    },
}
_QUERY = ("nvidia-smi", "--query-gpu=name,utilization.gpu", "--format=csv,noheader,nounits")


class BusyShare:
    """Samples the GPUs' utilisation twice per second inside a ``with`` block, if there are any."""

    def __enter__(self) -> BusyShare:
        self.shares: list[float] = []
        self.name = ""
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def __str__(self) -> str:
        if not self.shares:
            return "no GPU to watch"
        return f"{self.name} busy {sum(self.shares) / len(self.shares):.0f} %"

    def _watch(self) -> None:
        while not self._end.wait(0.5):
            try:
                done = subprocess.run(_QUERY, capture_output=True, text=True, check=True)
            except (OSError, subprocess.CalledProcessError):
                return
            lines = [line.rsplit(",", 1) for line in done.stdout.splitlines()]
            self.name = f"{len(lines)} x {lines[0][0]}"
            self.shares.append(sum(float(share) for _, share in lines) / len(lines))


def make_model(folder: Path) -> Path:
    """Make a model folder like one from the hub, but without weights."""
    make_vision(folder)
    (folder / "model.safetensors").unlink()
    config = json.loads((folder / "config.json").read_text())
    for part, values in SEVEN_B.items():
        config[part] |= values
        config[part].pop("layer_types", None)
    config |= {"dtype": "bfloat16", "vocab_size": SEVEN_B["text_config"]["vocab_size"]}
    (folder / "config.json").write_text(json.dumps(config))
    for name in ("preprocessor_config.json", "video_preprocessor_config.json"):
        file = folder / name
        pixels = {"size": {"shortest_edge": 56 * 56, "longest_edge": 28 * 28 * 1280}}
        file.write_text(json.dumps(json.loads(file.read_text()) | pixels))
    return folder


@dataclass(frozen=True)
class Pass:
    """What one pass over a data set took."""

    samples: int
    prompt_tokens: float
    cached_tokens: float
    seconds: float


def say(text: str) -> None:
    """Print a line with the seconds since the start, at once: a call that is cut off keeps it."""
    print(f"{time.monotonic() - STARTED:6.1f} s  {text}", flush=True)


def plain_body(request: Request, model: str) -> dict[str, Any]:
    """Build a request as one would write it by hand."""
    content: list[dict[str, Any]] = []
    for part in request.messages[0].parts:
        if isinstance(part, TextPart):
            content.append({"type": "text", "text": part.text})
        elif isinstance(part, ImagePart) and part.path:
            content.append({"type": "image_url", "image_url": {"url": part.path.as_uri()}})
    return {
        "model": model,
        "messages": [{"role": "user", "content": content}],
        "max_tokens": request.params.max_tokens,
        "temperature": 0.0,
        "seed": 0,
    }


async def plain(config: RunConfig) -> Pass:
    """Read, send, count, in the best order; the others follow when the first is answered."""
    import openai

    started = time.perf_counter()
    plan = make_plan(config)
    items = in_order(plan, {task.task.name: set() for task in plan.tasks})
    prompt = cached = 0
    key = environ["VLLM_API_KEY"]
    async with openai.AsyncOpenAI(base_url=config.base_url, api_key=key) as client:

        async def ask(turn: Turn[Asked], _: Callable[[], None]) -> bool:
            nonlocal prompt, cached
            task, sample = turn.item.value
            request = resolve_media(task.request(sample), config.max_frames)
            reply = await client.chat.completions.create(**plain_body(request, config.model))
            assert reply.usage
            prompt += reply.usage.prompt_tokens
            details = reply.usage.prompt_tokens_details
            cached += (details and details.cached_tokens) or 0
            return True

        await ask_all(Schedule(items, leads_ahead(IN_FLIGHT, 1)), IN_FLIGHT, ask)
    return Pass(len(items), prompt, cached, time.perf_counter() - started)


def ours(config: RunConfig) -> Pass:
    """Run the product, from reading the data to the scored run."""
    started = time.perf_counter()
    run = instit_bench.run(**config.model_dump(exclude_none=True))
    seconds = time.perf_counter() - started
    engine = run.results.engine
    assert engine
    return Pass(len(run.samples), engine.prompt_tokens, engine.cached_tokens, seconds)


def measure(configs: Sequence[RunConfig], end: float) -> None:
    """Ask one data set after the other, and print a line for each."""
    seconds: dict[str, list[float]] = {"ours": [], "plain": []}
    longest = 0.0
    for number, (name, config) in enumerate(zip(PASSES, configs, strict=True)):
        if time.monotonic() - STARTED + 1.2 * longest > end:
            say(f"pass {number} ({name}): left out, there is no time")
            continue
        with BusyShare() as busy:
            found = ours(config) if name == "ours" else asyncio.run(plain(config))
        longest = max(longest, found.seconds)
        computed = found.prompt_tokens - found.cached_tokens
        say(
            f"pass {number} ({name}{', warming up' if number == 0 else ''}): "
            f"{found.samples} samples in {found.seconds:.2f} s, "
            f"{found.samples / found.seconds:.2f}/s; {computed:,.0f} of "
            f"{found.prompt_tokens:,.0f} prompt tokens computed "
            f"({computed / found.prompt_tokens:.1%}), {computed / found.seconds:,.0f}/s; {busy}"
        )
        if number:
            seconds[name].append(found.seconds)
    if all(seconds.values()):
        more = min(seconds["ours"]) / min(seconds["plain"]) - 1
        say(f"best of each: our run takes {more:+.1%} against the plain client (goal: +3 %)")


async def serve(model: str, folder: Path, options: argparse.Namespace) -> None:
    """Start the engine while the data are made, then measure, and end it."""
    size = (224, 224) if options.tiny else (1280, 720)
    folders = [folder / f"data/{number}" for number in range(len(PASSES))]

    def make(number: int) -> None:
        make_data(folders[number], SCALE, FRAMES, size, seed=number)

    def config(number: int, **more: Any) -> RunConfig:
        data = str(folders[number])
        settings = {"model": model, "data": data, "tasks": TASKS, "judge": "none"}
        return RunConfig(**settings, max_tokens=MAX_TOKENS, concurrency=IN_FLIGHT, **more)

    make(0)
    workload = workload_of(make_plan(config(0)))
    engine = EngineOptions(engine_arg=tuple(options.engine_arg))
    words = serve_arguments(BackendOptions(model, engine=engine, workload=workload))
    words[words.index("--allowed-local-media-path") + 1] = str(folder.resolve())
    server = EngineServer([*SERVE, *words], folder / "engine.log", say)
    say("model and first data made; starting the engine")
    try:
        others = asyncio.gather(*(asyncio.to_thread(make, n) for n in range(1, len(PASSES))))
        await server.start()
        await others
        environ["VLLM_API_KEY"] = server.key
        configs = [
            config(number, base_url=server.base_url, output=folder / "runs", name=str(number))
            for number in range(len(PASSES))
        ]
        await asyncio.to_thread(measure, configs, options.seconds)
    finally:
        await server.stop()


def main(arguments: Sequence[str]) -> None:
    """Make the model and measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tiny", action="store_true", help="a tiny model and small images")
    parser.add_argument("--seconds", type=float, default=285, help="end within so many")
    parser.add_argument("engine_arg", nargs="*", help="options of vllm serve: key or key=value")
    options = parser.parse_args(arguments)
    options.engine_arg += SMALL if options.tiny else ["load-format=dummy"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make = make_vision if options.tiny else make_model
        asyncio.run(serve(str(make(folder / "model")), folder, options))


if __name__ == "__main__":
    main(sys.argv[1:])

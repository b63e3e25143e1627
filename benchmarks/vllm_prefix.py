"""How many prompt tokens the engine computes, against the fewest possible.

    python benchmarks/vllm_prefix.py [MODEL] [engine-arg…]

Ten videos with ten questions each, for several budgets of tokens per step of the engine and
several numbers of requests in flight. The floor is what the same requests compute one at a time.
"Without leads" sends the questions of a video at once, next to each other. Each pass has videos of
its own, so no cache is reset. Without MODEL a tiny random one is made.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from instit_bench.backends import BackendOptions
from instit_bench.backends.options import EngineOptions
from instit_bench.backends.vllm.backend import VllmBackend
from instit_bench.evaluation.config import RunConfig
from instit_bench.evaluation.order import Asked, in_order
from instit_bench.evaluation.plan import RunPlan, make_plan
from instit_bench.evaluation.workload import workload_of
from instit_bench.media import resolve_media
from instit_bench.scheduling.dispatch import ask_all
from instit_bench.scheduling.schedule import Schedule, Turn, leads_ahead

sys.path.insert(0, str(Path(__file__).resolve().parent))
from instit_shape import make_data
from tiny_models import make_vision

SCALE, FRAMES, SIZE = 0.05, 16, (224, 224)
BUDGETS: tuple[int | None, ...] = (300, 512, None)
IN_FLIGHT = (8, 64)
# GiB for the cache of an engine on a CPU, which else wants nearly all of the memory.
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
SMALL = ("enforce-eager", "dtype=float32", "max-num-seqs=64", "max-model-len=2048")
TASKS = ("inst_it_video_mc", "inst_it_video_oe")


@dataclass(frozen=True)
class Pass:
    """What one pass over a data set took."""

    requests: int
    prompt_tokens: float
    computed: float
    seconds: float


def plans(model: str, folder: Path, count: int, max_tokens: int = 4) -> list[RunPlan]:
    """Plans for that many data sets of one shape, with other images in each."""
    configs = (
        RunConfig(
            model=model,
            data=str(make_data(folder / str(number), SCALE, FRAMES, SIZE, seed=number)),
            tasks=TASKS,
            max_tokens=max_tokens,
        )
        for number in range(count)
    )
    return [make_plan(config) for config in configs]


def engine_for(data: Sequence[RunPlan], folder: Path, engine_arg: Sequence[str]) -> VllmBackend:
    """The product's own engine, which may read all of the data, not yet started."""
    workload = replace(workload_of(data[0]), media_folders=(folder,), heaviest=None)
    engine = EngineOptions(engine_arg=tuple(engine_arg))
    return VllmBackend(BackendOptions(data[0].config.model, engine=engine, workload=workload))


async def one_pass(
    backend: VllmBackend, plan: RunPlan, in_flight: int, *, leads: bool = True
) -> Pass:
    """Ask everything as a run does, and read what the engine counted."""
    items = in_order(plan, {task.task.name: set() for task in plan.tasks})
    schedule = Schedule(items, leads_ahead(in_flight, backend.prefix_caches if leads else 0))
    before, started = backend.totals(), time.perf_counter()

    async def ask(turn: Turn[Asked], computed: Callable[[], None]) -> bool:
        task, sample = turn.item.value
        request = await asyncio.to_thread(
            resolve_media, task.request(sample), plan.config.max_frames
        )
        await (backend.lead(request, computed) if turn.leads else backend.generate(request))
        return True

    await ask_all(schedule, in_flight, ask)
    seconds = time.perf_counter() - started
    tokens, cached = (
        backend.totals()[name] - before.get(name, 0) for name in ("prompt_tokens", "cached_tokens")
    )
    return Pass(len(items), tokens, tokens - cached, seconds)


async def measure(model: str, folder: Path, engine_arg: Sequence[str]) -> None:
    """Start an engine for each budget, and print a line for each pass."""
    data = plans(model, folder / "data", 1 + len(BUDGETS) * 2 * len(IN_FLIGHT))
    unused = iter(data)
    floor = 0.0
    print("budget   in flight  order          prompt tokens  computed       / floor  seconds")
    for budget in BUDGETS:
        limit = () if budget is None else (f"max-num-batched-tokens={budget}",)
        backend = engine_for(data, folder / "data", (*engine_arg, *limit))
        try:
            await backend.start(folder, lambda _: None)
            if not floor:
                found = await one_pass(backend, next(unused), 1)
                floor = found.computed
                _show(budget, 1, "one at a time", found, floor)
            for in_flight in IN_FLIGHT:
                for name, leads in (("ours", True), ("without leads", False)):
                    found = await one_pass(backend, next(unused), in_flight, leads=leads)
                    _show(budget, in_flight, name, found, floor)
        finally:
            await backend.close()


def _show(budget: int | None, in_flight: int, name: str, found: Pass, floor: float) -> None:
    print(
        f"{budget or 'default':<8} {in_flight:9}  {name:13} {found.prompt_tokens:14,.0f} "
        f"{found.computed:9,.0f} {found.computed / found.prompt_tokens:6.1%} "
        f"{found.computed / floor:7.3f} {found.seconds:8.1f}",
        flush=True,
    )


def main(arguments: Sequence[str]) -> None:
    """Measure with the given model, or with a tiny one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = arguments[0] if arguments else str(make_vision(folder / "vision"))
        asyncio.run(measure(model, folder, arguments[1:] or SMALL))


if __name__ == "__main__":
    main(sys.argv[1:])

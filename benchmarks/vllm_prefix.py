"""Measure how many prompt tokens the engine computes with our request order and with others.

    python benchmarks/vllm_prefix.py [MODEL] [engine-arg…]

Uses a scaled-down set shaped like Inst-IT Bench's videos, and a cache that can hold only part of
it. The other orders are question by question (the first question of every video, then the second,
and so on), task by task (all multiple-choice questions, then all open-ended ones) and shuffled.
Without MODEL, a tiny random model is used.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from instit_bench.backends import BackendOptions, create_backend
from instit_bench.backends.options import EngineOptions
from instit_bench.evaluation.config import RunConfig
from instit_bench.evaluation.order import in_order
from instit_bench.evaluation.plan import RunPlan, TaskPlan, make_plan
from instit_bench.evaluation.workload import workload_of
from instit_bench.media import resolve_media
from instit_bench.types import Sample

sys.path.insert(0, str(Path(__file__).resolve().parent))
from instit_shape import make_data
from tiny_models import make_vision

SCALE, FRAMES, SIZE = 0.1, 12, (224, 224)
CACHE_BLOCKS = 96  # of 128 tokens each: room for the frames of about fifteen requests
IN_FLIGHT = 8
TASKS = ("inst_it_video_mc", "inst_it_video_oe")
Order = Sequence[tuple[TaskPlan, Sample]]


async def ask_all(plan: RunPlan, order: Order, engine_arg: tuple[str, ...]) -> dict[str, float]:
    """Send the requests in this order to a fresh engine and return its counts."""
    config = plan.config
    options = BackendOptions(
        model=config.model,
        engine=EngineOptions(engine_arg=engine_arg),
        workload=workload_of(plan),
    )
    backend = create_backend("vllm", options)
    todo = iter(order)

    async def worker() -> None:
        for task, sample in todo:
            request = resolve_media(task.request(sample), config.max_frames)
            await backend.generate(request)

    with tempfile.TemporaryDirectory() as folder:
        try:
            await backend.start(Path(folder), lambda _: None)
            await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
        finally:
            await backend.close()
    return backend.totals()


def orders(plan: RunPlan) -> dict[str, Order]:
    """Return our order and the ones it is compared with, by name."""
    ours = in_order(plan.tasks, {task.task.name: set() for task in plan.tasks})
    number = {id(sample): sample.id.split("-")[1] for _, sample in ours}
    return {
        "our order": ours,
        "task by task": [(task, sample) for task in plan.tasks for sample in task.selected],
        "question by question": sorted(
            ours, key=lambda item: (item[0].task.name, number[id(item[1])], item[1].id)
        ),
        "shuffled": random.Random(0).sample(ours, len(ours)),
    }


def main(arguments: Sequence[str]) -> None:
    """Try every order, each with a fresh engine, and print the computed tokens."""
    with tempfile.TemporaryDirectory() as folder:
        model = arguments[0] if arguments else str(make_vision(Path(folder) / "vision"))
        small = ("enforce-eager", "dtype=float32", "max-num-seqs=8", "max-model-len=2048")
        engine_arg = tuple(arguments[1:]) or (*small, f"num-gpu-blocks-override={CACHE_BLOCKS}")
        data = make_data(Path(folder) / "data", SCALE, FRAMES, SIZE)
        plan = make_plan(RunConfig(model=model, data=str(data), tasks=TASKS, max_tokens=4))
        computed = {}
        print(f"{'order':22} {'prompt tokens':>13} {'computed':>9} {'share':>8} {'seconds':>8}")
        for name, order in orders(plan).items():
            totals = asyncio.run(ask_all(plan, order, engine_arg))
            asked = totals["prompt_tokens"]
            computed[name] = asked - totals["cached_tokens"]
            print(
                f"{name:22} {asked:13,.0f} {computed[name]:9,.0f} {computed[name] / asked:8.1%} "
                f"{totals['seconds_working']:8.1f}",
                flush=True,
            )
        ratio = computed["our order"] / computed["question by question"]
        print(f"computed with our order / question by question: {ratio:.3f} (goal: at most 0.333)")


if __name__ == "__main__":
    main(sys.argv[1:])

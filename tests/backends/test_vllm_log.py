"""Reading the engine's log: the progress of a start, why it failed, and what to change."""

from __future__ import annotations

import pytest

from instit_bench.backends.vllm.log import progress_of, reason_of
from instit_bench.backends.vllm.totals import Totals, read_counters
from instit_bench.types import Usage

HEAD = "(EngineCore pid=12) ERROR 11-21 08:00:00 [core.py:10] "


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("INFO 11-21 08:00:00 [model.py:1] Resolved architecture: LlamaForCausalLM",
         "architecture LlamaForCausalLM"),
        ("Loading safetensors checkpoint shards:  50% Completed | 2/4", "weights 50 %"),
        ("(EngineCore pid=1) INFO [x.py:1] GPU KV cache size: 1,048,576 tokens",
         "cache for 1,048,576 tokens"),
        ("INFO:     Application startup complete.", "ready"),
        ("INFO 11-21 08:00:00 [x.py:1] something else", None),
    ],
)  # fmt: skip
def test_progress(line, words):
    assert progress_of(line) == words


@pytest.mark.parametrize(
    ("said", "reason", "change"),
    [
        ("RuntimeError: Failed to infer device type, please set VLLM_LOGGING_LEVEL=DEBUG",
         "Failed to infer device type", "finds no GPU"),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB",
         "out of memory", "--tensor-parallel"),
        ("ValueError: Free memory on device cuda:0 (1.2/80 GiB) on startup is less than desired",
         "Free memory on device", "--gpu-memory-utilization"),
        ("ValueError: To serve at least one request with the models's max seq len (128000), "
         "7.00 GiB KV cache is needed, which is larger than the available KV cache memory",
         "7.00 GiB KV cache is needed", "--max-model-len"),
        ("  Value error, Model architectures ['X'] are not supported for now.",
         "architectures ['X']", "use a newer one"),
        ("RuntimeError: Cannot find any model weights with `m`", "Cannot find", "no weights"),
        ("OSError: x/y is not a local folder and is not a valid model identifier",
         "x/y", "check the model's name"),
        ("vllm serve: error: unrecognized arguments: --foo", "--foo", "check --engine-arg"),
        ("RuntimeError: something new", "something new", ""),
    ],
)  # fmt: skip
def test_a_failure_is_reported_with_the_engine_s_reason_and_what_to_change(said, reason, change):
    lines = [
        HEAD + "EngineCore failed to start.",
        HEAD + "Traceback (most recent call last):",
        HEAD + said,
        "RuntimeError: Engine core initialization failed. See root cause above.",
    ]
    found = reason_of(lines)
    assert reason in found
    assert change in found
    assert "Engine core initialization failed" not in found


def test_without_a_known_error_the_last_lines_are_quoted():
    assert reason_of(["one\n", "Killed\n", "\n"]) == "Killed"
    assert reason_of([]) == "it printed nothing"


def test_counters_are_summed_over_engines():
    page = (
        "# HELP vllm:prefix_cache_hits_total x\n"
        'vllm:prefix_cache_hits_total{engine="0",model_name="m"} 5.0\n'
        'vllm:prefix_cache_hits_total{engine="1",model_name="m"} 1.2e+02\n'
        'vllm:prefix_cache_queries_total{engine="0"} 200.0\n'
        'vllm:something_else{engine="0"} 7.0\n'
    )
    assert read_counters(page) == {"prefix_cache_hits": 125.0, "prefix_cache_queries": 200.0}


def test_every_second_counts_as_starting_waiting_or_working(monkeypatch):
    now = iter([0, 0, 5, 7, 11, 12])
    monkeypatch.setattr("instit_bench.backends.vllm.totals.time.monotonic", lambda: next(now))
    totals = Totals()
    totals.switch("starting")
    totals.switch("waiting")
    with totals.request(), totals.request():  # two requests in parallel count as long as one
        totals.add_usage(Usage(prompt_tokens=100, completion_tokens=3, cached_tokens=60))
    totals.switch(None)
    assert totals.as_dict() == {
        "cached_tokens": 60,
        "generated_tokens": 3,
        "prompt_tokens": 100,
        "seconds_starting": 5,
        "seconds_waiting": 2 + 1,
        "seconds_working": 4,
    }

"""The arguments of ``vllm serve`` for given settings; no engine is needed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from instit_bench.backends import BackendOptions, create_backend
from instit_bench.backends.base import Workload
from instit_bench.backends.options import EngineOptions
from instit_bench.backends.vllm.command import gpus_needed, serve_arguments, shared_folder
from instit_bench.errors import InputError
from instit_bench.evaluation.config import RunConfig
from instit_bench.evaluation.plan import make_plan
from instit_bench.evaluation.workload import workload_of

NO_MEDIA = Workload()


def arguments(workload=NO_MEDIA, model="org/m", seed=0, **engine):
    options = BackendOptions(model, seed=seed, engine=EngineOptions(**engine), workload=workload)
    return serve_arguments(options)


def value(words, option):
    return words[words.index(option) + 1]


def test_the_default_command_ignores_the_model_s_sampling_defaults_and_length_limit():
    words = arguments(seed=7)
    assert words[0] == "org/m"
    assert value(words, "--seed") == "7"
    assert value(words, "--generation-config") == "vllm"
    assert value(words, "--max-model-len") == "auto"
    assert "--enable-prefix-caching" in words
    assert not any("mm" in word or "media" in word for word in words)


@pytest.mark.parametrize(
    ("engine", "option", "expected"),
    [
        ({"tensor_parallel": 4}, "--tensor-parallel-size", "4"),
        ({"data_parallel": 2}, "--data-parallel-size", "2"),
        ({"max_model_len": 4096}, "--max-model-len", "4096"),
        ({"gpu_memory_utilization": 0.8}, "--gpu-memory-utilization", "0.8"),
        ({"dtype": "bfloat16"}, "--dtype", "bfloat16"),
        ({"quantization": "fp8"}, "--quantization", "fp8"),
        ({"engine_arg": ("max-num-seqs=64",)}, "--max-num-seqs", "64"),
        ({"engine_arg": ("max_num_seqs=64",)}, "--max-num-seqs", "64"),
        ({"engine_arg": ('hf-overrides={"a": 1}',)}, "--hf-overrides", '{"a": 1}'),
        ({"engine_arg": ("generation-config=auto",)}, "--generation-config", "auto"),
    ],
)
def test_an_option_becomes_an_argument(engine, option, expected):
    words = arguments(**engine)
    assert value(words, option) == expected
    assert words.count(option) == 1, "the user's value replaces the default"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("enforce-eager", "--enforce-eager"),
        ("enforce-eager=true", "--enforce-eager"),
        ("enable-prefix-caching=false", "--no-enable-prefix-caching"),
    ],
)
def test_switches_take_no_value(text, word):
    words = arguments(engine_arg=(text,))
    assert word in words
    assert words[-1] == word or words[words.index(word) + 1].startswith("--")


def test_limits_follow_from_the_tasks(tmp_path):
    workload = Workload(images=1, videos=1, max_frames=8, media_folders=(tmp_path / "a",))
    words = arguments(workload)
    assert json.loads(value(words, "--limit-mm-per-prompt")) == {"image": 9, "video": 0}
    assert value(words, "--allowed-local-media-path") == str(tmp_path / "a")
    words = arguments(workload, video_as="video")
    assert json.loads(value(words, "--limit-mm-per-prompt")) == {"image": 1, "video": 1}
    assert json.loads(value(words, "--media-io-kwargs")) == {"video": {"num_frames": 8}}


@pytest.mark.parametrize(
    ("pixels", "images", "frames", "in_flight", "gib"),
    [
        (1280 * 720, 1, 32, 64, "8"),
        (1280 * 720, 1, 8, 16, None),  # the engine's default has room
        (1280 * 720, 1, 32, 5000, "16"),  # a quarter of the memory
        (0, 1, 32, 64, None),
    ],
)
def test_the_cache_of_media_holds_those_of_all_requests_in_flight(
    monkeypatch, pixels, images, frames, in_flight, gib
):
    monkeypatch.setattr("os.sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 2**24}.get)
    workload = Workload(videos=images, max_frames=frames, pixels=pixels)
    words = serve_arguments(BackendOptions("m", workload=workload, concurrency=in_flight))
    assert ("--mm-processor-cache-gb" in words) == (gib is not None)
    if gib:
        assert value(words, "--mm-processor-cache-gb") == gib


def test_the_workload_is_derived_from_the_requests(tmp_path):
    plan = make_plan(RunConfig(model="m", data="demo", max_frames=12))
    workload = workload_of(plan)
    assert (workload.images, workload.videos, workload.max_frames) == (1, 1, 12)
    assert workload.heaviest.sample.task.startswith("inst_it_video")
    assert workload.pixels > 100 * 100
    assert all(folder.is_dir() for folder in workload.media_folders)
    text = workload_of(make_plan(RunConfig(model="m", data="demo", tasks=("gpt4tools",))))
    assert (text.images, text.videos, text.media_folders) == (0, 0, ())


def test_the_engine_may_read_the_media_folder_but_never_the_whole_disk(tmp_path):
    one, two = tmp_path / "a/images", tmp_path / "a/videos"
    assert shared_folder([one]) == one
    assert shared_folder([one, two]) == tmp_path / "a"
    assert shared_folder([tmp_path, Path("/")]) is None
    assert shared_folder([]) is None


def test_an_adapter_is_passed_with_its_rank_rounded_up_to_a_supported_one(tmp_path):
    (tmp_path / "adapter_config.json").write_text('{"r": 24}')
    words = arguments(lora=f"gpt4tools={tmp_path}")
    assert "--enable-lora" in words
    assert value(words, "--lora-modules") == f"gpt4tools={tmp_path}"
    assert value(words, "--max-lora-rank") == "32"


@pytest.mark.parametrize(
    ("engine", "told"),
    [
        ({"lora": "adapters/x"}, "must be NAME=PATH"),
        ({"lora": "x=./nowhere"}, "no such folder"),
        ({"engine_arg": ("=3",)}, "must be key=value"),
        ({"engine_arg": ("api-key=secret",)}, "--engine-arg api-key: is set by"),
        ({"engine_arg": ("--port=1",)}, "--engine-arg port: is set by"),
    ],
)
def test_wrong_options_are_errors_that_name_the_option(engine, told):
    with pytest.raises(InputError, match=told):
        arguments(**engine)


@pytest.mark.parametrize("model", ["./m", "/no/such/m", "~/m", "a/b/c"])
def test_a_model_that_looks_like_a_path_must_exist(model):
    with pytest.raises(InputError, match="no such folder"):
        arguments(model=model)


def test_a_folder_without_a_rank_is_not_an_adapter(tmp_path):
    with pytest.raises(InputError, match="does not name the rank"):
        arguments(lora=f"x={tmp_path}")


def test_other_backends_reject_engine_options():
    options = BackendOptions("first", engine=EngineOptions(tensor_parallel=2))
    with pytest.raises(InputError, match="--tensor-parallel: only --backend vllm"):
        create_backend("baseline", options)


def test_the_settings_of_the_run_reach_the_engine():
    config = RunConfig(model="m", engine_arg={"max-num-seqs": 8}, lora="a=b", video_as="video")
    assert config.backend == "vllm"
    assert config.in_flight == 64
    assert config.engine_options() == EngineOptions(
        engine_arg=("max-num-seqs=8",), lora="a=b", video_as="video"
    )


@pytest.mark.parametrize(
    ("engine", "gpus"),
    [
        (EngineOptions(), 1),
        (EngineOptions(tensor_parallel=4, data_parallel=2), 8),
        (EngineOptions(tensor_parallel=4, engine_arg=("pipeline_parallel_size=2",)), 8),
        (EngineOptions(tensor_parallel=4, engine_arg=("tensor-parallel-size=2",)), 2),
    ],
)
def test_a_replica_gets_the_gpus_that_its_engine_uses(engine, gpus):
    assert gpus_needed(BackendOptions("m", engine=engine)) == gpus


def test_a_parallel_size_that_is_not_a_number_is_refused():
    engine = EngineOptions(engine_arg=("pipeline-parallel-size=two",))
    with pytest.raises(InputError, match="--engine-arg pipeline-parallel-size=two: is not a num"):
        gpus_needed(BackendOptions("m", engine=engine))

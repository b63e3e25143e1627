"""Convert a run's settings to the arguments of ``vllm serve``; nothing is started here."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from pathlib import Path

from instit_bench.backends.base import BackendOptions, Workload
from instit_bench.errors import InputError

# The run sets these itself: otherwise it would not find its server, or a key would show.
_RESERVED = ("model", "host", "port", "uds", "api-key", "served-model-name", "lora-modules")
_PARALLEL = ("tensor-parallel-size", "pipeline-parallel-size", "data-parallel-size")
_LORA_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
# A processed image holds three float32 per pixel, in some models each twice. An image or video has
# some eight questions; a few more than are being asked are ahead.
_BYTES_PER_PIXEL = 24
_REQUESTS_PER_GROUP = 8
_GROUPS_AHEAD = 4
_DEFAULT_CACHE_GB = 4

Arguments = dict[str, str | None]
"""Option names without dashes; ``None`` where an option takes no value."""


def serve_arguments(options: BackendOptions) -> list[str]:
    """Return the arguments of ``vllm serve`` except address and key, which are new at each start.

    Raises:
        InputError: The model, the LoRA or an ``--engine-arg`` is not valid.
    """
    _check_folder("--model", options.model)
    return [options.model, *_flat(_arguments(options))]


def gpus_needed(options: BackendOptions) -> int:
    """Return how many GPUs one engine uses, by its parallel sizes.

    Raises:
        InputError: One of them is not a number, or another option is not valid.
    """
    arguments, gpus = _arguments(options), 1
    for name in _PARALLEL:
        size = arguments.get(name)
        if size is not None:
            if not (size.isascii() and size.isdigit()):
                raise InputError(f"--engine-arg {name}={size}: is not a number")
            gpus *= int(size)
    return gpus


def _arguments(options: BackendOptions) -> Arguments:
    engine = options.engine
    arguments: Arguments = {
        "seed": str(options.seed),
        # The run sets the sampling, not the model's folder.
        "generation-config": "vllm",
        # The maximum that the model allows and the memory holds.
        "max-model-len": "auto" if engine.max_model_len is None else str(engine.max_model_len),
        "enable-prompt-tokens-details": None,
        "enable-prefix-caching": None,
    }
    for name in (
        "tensor-parallel",
        "data-parallel",
        "gpu-memory-utilization",
        "dtype",
        "quantization",
    ):
        value = getattr(engine, name.replace("-", "_"))
        if value is not None:
            arguments[f"{name}-size" if name.endswith("parallel") else name] = str(value)
    arguments |= _media_arguments(options.workload, engine.video_as)
    arguments |= _cache_arguments(options.workload, options.concurrency)
    if engine.lora is not None:
        arguments |= _lora_arguments(engine.lora)
    arguments |= dict(_parsed(text) for text in engine.engine_arg)
    return arguments


def _media_arguments(workload: Workload, video_as: str) -> Arguments:
    if not (workload.images or workload.videos):
        return {}
    frames = workload.max_frames * workload.videos if video_as == "frames" else 0
    limits = {
        "image": workload.images + frames,
        "video": 0 if video_as == "frames" else workload.videos,
    }
    arguments: Arguments = {"limit-mm-per-prompt": json.dumps(limits)}
    if limits["video"]:
        frames_of_a_video = {"video": {"num_frames": workload.max_frames}}
        arguments["media-io-kwargs"] = json.dumps(frames_of_a_video)
    folder = shared_folder(workload.media_folders)
    if folder is not None:
        arguments["allowed-local-media-path"] = str(folder)
    return arguments


def _cache_arguments(workload: Workload, in_flight: int) -> Arguments:
    """Room for the processed media of all requests in flight, if the default has too little."""
    images = workload.images + workload.max_frames * workload.videos
    groups = _GROUPS_AHEAD + in_flight // _REQUESTS_PER_GROUP
    needed = math.ceil(workload.pixels * _BYTES_PER_PIXEL * images * groups / 2**30)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
    size = min(needed, memory // 4)
    return {"mm-processor-cache-gb": str(size)} if size > _DEFAULT_CACHE_GB else {}


def shared_folder(folders: Iterable[Path]) -> Path | None:
    """Return the common folder of all media, which the engine may read; never the whole disk."""
    real = [folder.resolve() for folder in folders]
    common = Path(os.path.commonpath(real)) if real else Path("/")
    return None if common == Path(common.anchor) else common


def lora_name(lora: str) -> str:
    """Return the name under which the adapted model is served.

    Raises:
        InputError: The text is not ``NAME=PATH``.
    """
    name, equals, path = lora.partition("=")
    if not (name and equals and path):
        raise InputError(f"--lora {lora}: must be NAME=PATH, such as gpt4tools=adapters/gpt4tools")
    return name


def _lora_arguments(lora: str) -> Arguments:
    path = lora.removeprefix(lora_name(lora) + "=")
    _check_folder("--lora", path)
    arguments: Arguments = {"enable-lora": None, "lora-modules": lora}
    config = Path(path) / "adapter_config.json"
    if Path(path).is_dir():
        try:
            rank = int(json.loads(config.read_text(encoding="utf-8"))["r"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"--lora {lora}: {config} does not name the rank 'r'") from error
        # The engine reserves space for certain ranks only.
        fitting = [size for size in _LORA_RANKS if size >= rank]
        arguments["max-lora-rank"] = str(fitting[0] if fitting else rank)
    return arguments


def _check_folder(option: str, name: str) -> None:
    """Check that a name that can only be a folder exists; any other may be a model on the hub."""
    looks_local = name.startswith(("/", "./", "../", "~")) or name.count("/") > 1
    if looks_local and not Path(name).is_dir():
        raise InputError(
            f"{option} {name}: no such folder; name a folder, or a model on the hub as "
            "organisation/name"
        )


def _parsed(argument: str) -> tuple[str, str | None]:
    """Parse ``key=value``; ``key`` and ``key=true`` switch on, ``key=false`` switches off."""
    key, equals, value = argument.partition("=")
    key = key.strip().lstrip("-").replace("_", "-")
    if not key:
        raise InputError(f"--engine-arg {argument}: must be key=value, such as max-num-seqs=64")
    if key in _RESERVED:
        raise InputError(f"--engine-arg {key}: is set by the run itself")
    if not equals or value.lower() == "true":
        return key, None
    if value.lower() == "false":
        return f"no-{key}", None
    return key, value


def _flat(arguments: Arguments) -> list[str]:
    words = []
    for name, value in arguments.items():
        words += [f"--{name}"] if value is None else [f"--{name}", value]
    return words

"""Read the engine's log: the progress of a start, and the reason of a failure."""

from __future__ import annotations

import re
from collections.abc import Sequence

# `(APIServer pid=12) INFO 11-21 08:00:00 [file.py:10] message` -> `message`
_HEAD = re.compile(
    r"^(\(\S+ pid=\d+\)\s*)?((INFO|WARNING|ERROR|DEBUG) [\d-]+ [\d:]+ \[[^\]]*\]\s*)?"
)

_STEPS = (
    (r"vLLM (API server )?version (\S+)", r"version \2"),
    (r"Resolved architecture: (\S+)", r"architecture \1"),
    (r"Starting to load model", "loading the weights"),
    (r"shards:\s+(\d+)% Completed", r"weights \1 %"),
    (r"Loading weights took ([\d.]+) seconds", r"weights loaded in \1 s"),
    (r"KV cache size: ([\d,]+) tokens", r"cache for \1 tokens"),
    (r"[Aa]uto-fit max_model_len.*?: reduced from (\d+) to (\d+)", r"longest request \2 tokens"),
    (r"Capturing CUDA graphs.*?(\d+)%", r"CUDA graphs \1 %"),
    (r"torch\.compile takes ([\d.]+)", r"compiled in \1 s"),
    (r"Application startup complete", "ready"),
)

# The first match says what to change; the engine's own line says why.
_ADVICE = (
    (
        r"Free memory on device|out of memory|OutOfMemory|No available memory for the cache",
        "lower --gpu-memory-utilization if others use the GPU, raise it if nobody does, or use "
        "--tensor-parallel, --quantization or a smaller --max-model-len",
    ),
    (
        r"KV cache is needed|maximum number of tokens that can be stored",
        "lower --max-model-len, or raise --gpu-memory-utilization",
    ),
    (
        r"Failed to infer device type|No CUDA GPUs are available|NVIDIA driver|libcuda",
        "vLLM finds no GPU: run on a machine with one, or name a running server with --base-url",
    ),
    (
        r"architectures? .*(not supported|failed to be inspected)|does not recognize this arch"
        r"|model type .* not recogni|No model architectures",
        "this version of vLLM does not know the model's architecture: use a newer one, or another "
        "model",
    ),
    (
        r"Cannot find any model weights|no .*safetensors|does not appear to have a file named"
        r".*(safetensors|bin)",
        "the model folder contains no weights: copy or download all of its files",
    ),
    (
        r"Repository Not Found|RepositoryNotFound|not a valid model identifier|couldn't connect"
        r"|LocalEntryNotFound|OfflineMode|Invalid repository ID|not a local folder",
        "check the model's name and the network, log in with `hf auth login` for a gated model, "
        "or name a local folder",
    ),
    (
        r"chat template",
        "choose --prompt-style raw, or give one with --engine-arg chat-template=FILE",
    ),
    (r"unrecognized arguments|invalid choice|expected one argument", "check --engine-arg"),
    (r"LoRA rank", "set --engine-arg max-lora-rank=N"),
    (r"[Tt]ensor parallel|divisible", "choose another --tensor-parallel"),
)
_ERROR_LINE = re.compile(
    r"^(?:[\w.]*\.)?(\w*(?:Error|Exception|Interrupt|NotFound)\b.*)|error[:,] .*"
)
_WRAPPERS = (
    "Engine core initialization failed",
    "See root cause above",
    "WorkerProc init",
    "validation error for",
)


def message_of(line: str) -> str:
    """Return a log line without process, level, time and source."""
    return _HEAD.sub("", line.rstrip()).strip()


def progress_of(line: str) -> str | None:
    """Return a few words if the line shows the progress of a start."""
    for pattern, words in _STEPS:
        if match := re.search(pattern, line):
            return match.expand(words)
    return None


def reason_of(lines: Sequence[str]) -> str:
    """Return the engine's own reason for ending, and what to change."""
    messages = [message_of(line) for line in lines]
    errors = [text for text in messages if _ERROR_LINE.search(text)]
    telling = [text for text in errors if not any(words in text for words in _WRAPPERS)]
    # An error with known advice, else the first error: later ones follow from it.
    for pattern, advice in _ADVICE:
        for text in telling:
            if re.search(pattern, text):
                return f"{_short(text)}; {advice}"
    spoken = [text for text in messages if text]
    return _short((telling or errors or spoken[-1:] or ["it printed nothing"])[0])


def advice_for(text: str) -> str | None:
    """Return what to change, if the error is a known one."""
    return next((advice for pattern, advice in _ADVICE if re.search(pattern, text)), None)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 240 else text[:239] + "…"

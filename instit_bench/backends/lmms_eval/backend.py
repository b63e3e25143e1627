"""lmms-eval models as a backend: one process with the model, called in batches."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from instit_bench.backends.base import Backend, BackendOptions, BackendUnavailable
from instit_bench.backends.lmms_eval.process import ModelProcess
from instit_bench.backends.lmms_eval.questions import limit_of, settings_of, with_images
from instit_bench.backends.lmms_eval.registry import find_adapter
from instit_bench.backends.lmms_eval.wire import Event, Setup
from instit_bench.errors import InputError
from instit_bench.progress import Tell
from instit_bench.types import Prediction, Request, Usage

LOG_NAME = "lmms_eval.log"
_PACKAGES = ("lmms_eval", "torch", "transformers")
_ADVICE = {
    "out of memory": "use a larger or a free GPU, or --model-arg device_map=auto for several",
    "unexpected keyword argument": "check --model-arg",
    "Unexpected kwargs": "check --model-arg",
    "CUDA": "on a machine without a GPU: --model-arg device=cpu (and device_map=cpu)",
    "NVIDIA driver": "on a machine without a GPU: --model-arg device=cpu (and device_map=cpu)",
    "No module named": "install the package that this model needs",
    "is not a local folder": "check --model-arg pretrained",
    "find them in the cached files": "check --model-arg pretrained, or fetch it while online",
}


class LmmsEvalBackend(Backend):
    """Drives one model through lmms-eval's Python interface, without its command line."""

    def __init__(self, options: BackendOptions) -> None:
        if options.base_url is not None:
            raise InputError(
                "--base-url: an lmms-eval model takes its server's address, if it has one, "
                "as --model-arg"
            )
        self._adapter = find_adapter(options.model, options.adapter.force_simple)
        self._setup = Setup(
            model=options.model,
            force_simple=options.adapter.force_simple,
            arguments=options.adapter.arguments,
            batch_size=options.adapter.batch_size or 1,
            seed=options.seed,
        )
        self._max_frames = options.workload.max_frames
        self._process = ModelProcess(Path(LOG_NAME))

    def settings(self) -> dict[str, Any]:
        """The adapter, its kind, and the versions that its replies depend on."""
        return {
            "adapter": self._adapter.class_path,
            "interface": "chat" if self._adapter.is_chat else "simple",
            "batch_size": self._setup.batch_size,
        } | {name: _installed(name) for name in _PACKAGES}

    async def start(self, folder: Path, tell: Tell) -> None:
        """Load the model; its output goes to ``lmms_eval.log`` in ``folder``."""
        tell(f"{self._adapter.name}: loading")
        self._process = ModelProcess(folder / LOG_NAME)
        try:
            await self._process.start(self._setup)
        except BackendUnavailable as error:
            advice = next((words for key, words in _ADVICE.items() if key in str(error)), None)
            raise InputError(
                f"--model {self._setup.model}: cannot be loaded: {error}"
                + (f"; {advice}" if advice else "")
            ) from None
        tell(f"{self._adapter.name}: ready")

    async def generate(self, request: Request) -> Prediction:
        """Send the request; the process gathers what is in flight into batches."""
        messages, frames = with_images(request.messages, self._max_frames)
        event = await self._process.ask(messages, settings_of(request.params), frames)
        return _prediction(event, limit_of(request.params))

    async def close(self) -> None:
        """End the process."""
        await self._process.stop()


def _prediction(event: Event, max_tokens: int | None) -> Prediction:
    finish_reason = None
    if event.tokens is not None and max_tokens is not None:
        finish_reason = "length" if event.tokens >= max_tokens else "stop"
    return Prediction(
        event.text,
        finish_reason=finish_reason,
        usage=Usage(completion_tokens=event.tokens),
        latency_s=event.seconds,
    )


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None

"""Our backends as chat models of lmms-eval: ``instit_bench_vllm`` and ``instit_bench_openai``.

lmms-eval passes all requests of an evaluation at once. They are sent concurrently, with media in
their files' own bytes. lmms-eval has no sample without a reply, and would score an empty one as
wrong, so a request that fails for good ends the evaluation with one line.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar

from lmms_eval.api.instance import GenerationResult, TokenCounts
from lmms_eval.api.model import lmms
from loguru import logger
from tqdm import tqdm

from instit_bench.backends import (
    Backend,
    BackendUnavailable,
    GenerationError,
    create_backend,
)
from instit_bench.backends.base import Workload
from instit_bench.backends.options import EngineOptions
from instit_bench.errors import InputError, InstitBenchError
from instit_bench.evaluation.config import RunConfig, make_config
from instit_bench.evaluation.scoring import ReasoningWatch
from instit_bench.evaluation.workload import workload
from instit_bench.integrations.lmms_eval.exits import exit_on_error
from instit_bench.integrations.lmms_eval.messages import request_of
from instit_bench.media import MediaError, resolve_media
from instit_bench.scheduling.dispatch import ask_all
from instit_bench.scheduling.schedule import Item, Schedule, Turn, leads_ahead
from instit_bench.types import Prediction, Request, TextPart

_OPTIONS = ("model", "base_url", "concurrency", "timeout", "max_retries", "max_frames", "seed")
_THEIRS = ("batch_size", "max_batch_size", "device")  # a batch is what is in flight
LOG_FOLDER = "logs"  # where lmms-eval itself writes unless told otherwise


class BackendModel(lmms):  # type: ignore[misc]
    """A chat model served by one of our backends; ``model_args`` are options of ``run``."""

    is_simple = False
    backend: ClassVar[str]

    def __init__(self, **model_args: object) -> None:
        """Check the arguments; an unknown or invalid one ends the process."""
        super().__init__()
        with exit_on_error():
            self._config = self._configure(model_args)
        self._loop = asyncio.new_event_loop()
        self._started: Backend | None = None

    def generate_until(self, requests: Sequence[Any]) -> list[Any]:
        """Return the replies in the order of the requests; a permanent failure ends the process."""
        with exit_on_error():
            asked = [self._request(instance.args) for instance in requests]
            try:
                return self._loop.run_until_complete(self._answer_all(asked))
            except InstitBenchError:
                self._close()
                raise

    def loglikelihood(self, requests: Sequence[Any]) -> list[Any]:
        """Raise: an endpoint does not report likelihoods of given texts."""
        raise NotImplementedError(f"{self.backend}: tasks that need likelihoods are not supported")

    def generate_until_multi_round(self, requests: Sequence[Any]) -> list[Any]:
        """Raise: several rounds are not supported."""
        raise NotImplementedError(f"{self.backend}: multi-round tasks are not supported")

    def clean(self) -> None:
        """Close connections and end the engine; lmms-eval calls this when all is generated."""
        self._close()
        super().clean()

    def _close(self) -> None:
        if self._started is not None:
            self._loop.run_until_complete(self._started.close())
            self._started = None

    def _configure(self, model_args: Mapping[str, object]) -> RunConfig:
        settings = {name: value for name, value in model_args.items() if name in self._known()}
        others = {
            name: value
            for name, value in model_args.items()
            if name not in settings and name not in _THEIRS
        }
        if others:
            settings |= self._more_settings(others)
        settings |= {"model": str(settings.get("model", "")), "backend": self.backend}
        return make_config(None, settings)

    def _known(self) -> tuple[str, ...]:
        return _OPTIONS

    def _more_settings(self, others: Mapping[str, object]) -> dict[str, object]:
        raise InputError(
            f"--model_args {next(iter(others))}: no such option; choose from "
            f"{', '.join(self._known())} (a key is read from OPENAI_API_KEY)"
        )

    def _request(self, arguments: tuple[Any, ...]) -> Request:
        _, doc_to_messages, settings, number, task, split = arguments
        messages = doc_to_messages(self.task_dict[task][split][number])
        return request_of(messages, settings, (task, number))

    async def _answer_all(self, requests: Sequence[Request]) -> list[Any]:
        backend = await self._start(requests)
        answers: list[Any] = [None] * len(requests)
        reasoning = ReasoningWatch(logger.warning)
        items = [Item(index, _media_of(request)) for index, request in enumerate(requests)]
        in_flight = self._config.in_flight
        with tqdm(total=len(requests), desc="Model Responding") as progress:

            async def ask(turn: Turn[int], computed: Callable[[], None]) -> bool:
                index = turn.item.value
                request = requests[index]
                prediction = await self._ask(backend, request, computed if turn.leads else None)
                reasoning.see(f"{request.sample.task} {request.sample.id}", prediction)
                answers[index] = _result(prediction)
                progress.update()
                return True

            schedule = Schedule(items, leads_ahead(in_flight, backend.prefix_caches))
            await ask_all(schedule, in_flight, ask)
        if reasoning.summary:
            logger.warning(reasoning.summary)
        return answers

    async def _ask(
        self, backend: Backend, request: Request, computed: Callable[[], None] | None
    ) -> Prediction:
        try:
            resolved = await asyncio.to_thread(
                resolve_media, request, self._config.max_frames, self._config.video_as
            )
            if computed is not None:
                return await backend.lead(resolved, computed)
            return await backend.generate(resolved)
        except (GenerationError, BackendUnavailable, MediaError) as error:
            sample = request.sample
            raise InstitBenchError(f"{sample.task}: record {sample.id}: {error}") from error

    async def _start(self, requests: Sequence[Request]) -> Backend:
        """Start the backend, sized by the first requests."""
        if self._started is None:
            config = self._config
            workload = _workload(requests, config.max_frames)
            self._started = create_backend(config.backend, config.backend_options(workload))
            Path(LOG_FOLDER).mkdir(exist_ok=True)
            await self._started.start(Path(LOG_FOLDER), logger.info)
        return self._started


class OpenAIModel(BackendModel):
    """``instit_bench_openai``: an OpenAI-compatible endpoint."""

    backend = "openai"


class VllmModel(BackendModel):
    """``instit_bench_vllm``: its own engine; further arguments are the engine's."""

    backend = "vllm"

    def _known(self) -> tuple[str, ...]:
        own = {"engine_arg", "constrain_choices"}
        return (*_OPTIONS, *(f.name for f in fields(EngineOptions) if f.name not in own))

    def _more_settings(self, others: Mapping[str, object]) -> dict[str, object]:
        return {"engine_arg": dict(others)}


def _workload(requests: Sequence[Request], max_frames: int) -> Workload:
    parts = [p for request in requests for message in request.messages for p in message.parts]
    paths = [part.path for part in parts if not isinstance(part, TextPart)]
    return workload(requests, {path.parent for path in paths if path is not None}, max_frames)


def _media_of(request: Request) -> Hashable | None:
    """Return what a request may share with others: its images and videos, if it has any."""
    parts = (part for message in request.messages for part in message.parts)
    return tuple(part for part in parts if not isinstance(part, TextPart)) or None


def _result(prediction: Prediction) -> Any:
    usage = prediction.usage
    counts = TokenCounts(input_tokens=usage.prompt_tokens, output_tokens=usage.completion_tokens)
    return GenerationResult(prediction.text, counts)

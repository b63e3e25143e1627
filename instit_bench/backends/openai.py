"""Any OpenAI-compatible endpoint, through the ``openai`` package.

The client retries transient errors (``instit_bench.endpoint.client``). The rest is classified here:
an error of this request, an error of the endpoint, or a setting that it does not accept.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

import openai

from instit_bench.backends.accepted import Accepted
from instit_bench.backends.base import (
    Backend,
    BackendOptions,
    BackendUnavailable,
    GenerationError,
)
from instit_bench.endpoint import ReplyError, find_endpoint
from instit_bench.endpoint.client import ask_chat, ask_completion
from instit_bench.endpoint.faults import words_of
from instit_bench.media import data_url
from instit_bench.progress import Tell
from instit_bench.types import (
    ImagePart,
    Message,
    Part,
    Prediction,
    Request,
    TextPart,
    Tokens,
)

_FIRST_ALONE_S = 0.1  # a refusal comes at once, an answer takes longer
# Each token with its best alternative. The ids are vLLM's own addition to the protocol.
_CHAT_TOKENS = {"logprobs": True, "top_logprobs": 2, "return_token_ids": True}
_RAW_TOKENS = {"logprobs": 2, "return_token_ids": True}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How an endpoint departs from the plain protocol: the form of parts, extra settings, headers.

    ``known`` says that it accepts all that is sent, so nothing has to be learned first.
    """

    content: Callable[[Part], dict[str, Any]] = field(default_factory=lambda: plain_content)
    settings: Callable[[Request], dict[str, Any]] = field(default_factory=lambda: lambda _: {})
    headers: Callable[[Request], dict[str, str]] = field(default_factory=lambda: lambda _: {})
    known: bool = False


class OpenAIBackend(Backend):
    """Requests completions of one model from one endpoint; ``key`` is the endpoint's, if any.

    The first request is sent alone: whatever the endpoint refuses in it (``seed``, ``max_tokens``
    under this name, unstreamed replies, …) is left out of all others, reported once, and kept in
    the manifest.
    """

    def __init__(
        self, options: BackendOptions, dialect: Dialect | None = None, key: str | None = None
    ) -> None:
        self._headers = options.endpoint.headers()
        self._header_names = options.endpoint.header_names
        self._endpoint = find_endpoint(
            options.base_url, "--base-url", key, self._headers, options.endpoint.api_key_env
        )
        self._model = options.model
        self._dialect = dialect or Dialect()
        self._extra = options.endpoint.extra_body
        self._logprobs = options.endpoint.logprobs
        self._told_none = False
        self._accepted = Accepted(stream=options.endpoint.stream)
        self._first: asyncio.Event | None = None
        self._unavailable: str | None = None
        self._longest_s = options.timeout_s * (options.max_retries + 1)
        self._tell: Tell = lambda _: None
        self._client = self._endpoint.client(options.timeout_s, options.max_retries, self._told)

    def settings(self) -> dict[str, Any]:
        """The address without credentials and query, and the client's version."""
        settings: dict[str, Any] = {"base_url": self._endpoint.shown, "openai": openai.__version__}
        if self._header_names:
            settings["headers"] = self._header_names
        return settings

    def learned(self) -> dict[str, Any]:
        """What the endpoint refused."""
        return self._accepted.told()

    async def start(self, folder: Path, tell: Tell) -> None:  # noqa: ARG002 - logs nothing
        """Do nothing; the first request shows what the endpoint accepts."""
        self._tell = tell

    def _told(self, text: str) -> None:
        self._tell(text)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def generate(self, request: Request) -> Prediction:
        """Request one completion."""
        return await self._in_turn(request, None)

    async def lead(self, request: Request, computed: Callable[[], None]) -> Prediction:
        """Request one completion as a stream; its first bytes show that the prompt is computed."""
        return await self._in_turn(request, computed)

    async def _in_turn(self, request: Request, begun: Callable[[], None] | None) -> Prediction:
        if self._dialect.known:
            return await self._generate(request, begun)
        if self._first is None:
            self._first = asyncio.Event()
            try:
                return await self._generate(request, begun)
            except BackendUnavailable as error:
                self._unavailable = str(error)
                raise
            finally:
                self._first.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_ALONE_S):
                await self._first.wait()
        if self._unavailable is not None:  # do not ask the endpoint again
            raise BackendUnavailable(self._unavailable)
        return await self._generate(request, begun)

    async def _generate(self, request: Request, begun: Callable[[], None] | None) -> Prediction:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._longest_s):
                prediction = self._endpoint.redacted(await self._ask(request, begun))
        except TimeoutError as error:  # a reply that trickles in, so that no single read times out
            raise GenerationError(f"no reply within {self._longest_s:g} s") from error
        except openai.APIError as error:
            self._sort(error)
        except ReplyError as error:
            raise GenerationError(self._endpoint.told(error)) from error
        return replace(
            prediction,
            latency_s=time.perf_counter() - started,
            tokens=self._kept(prediction) if self._logprobs else None,
        )

    def _kept(self, prediction: Prediction) -> Tokens | None:
        """Say once if the endpoint accepts the request for tokens, but tells none."""
        tokens = prediction.tokens
        if (tokens is None or not tokens.texts) and prediction.text and not self._told_none:
            self._told_none = True
            self._tell("warning: --logprobs: the endpoint returns no log-probabilities")
        return tokens

    async def _ask(self, request: Request, begun: Callable[[], None] | None) -> Prediction:
        """Send the request, leaving out after each refusal what was refused."""
        accepted = before = self._accepted
        while True:
            shown = accepted if begun is None else replace(accepted, stream=True)
            settings = shown.settings(self._sampling(request), self._extra)
            try:
                prediction = await self._send(request, settings, begun)
            except openai.APIStatusError as error:
                words = f"{words_of(error.response.content)} ({error.param})"
                remaining = accepted.after(words, settings, self._extra)
                if remaining == accepted:
                    raise
                accepted = remaining
                continue
            if accepted != before:
                self._learn(accepted)
            return self._stopped(prediction, request)

    def _learn(self, accepted: Accepted) -> None:
        known = self._accepted.told()
        self._accepted = self._accepted.joined(accepted)
        for name, value in self._accepted.told().items():
            if known.get(name) == value:
                continue
            match name:
                case "not_sent":
                    self._tell(f"the endpoint refuses {', '.join(value)}: no longer sent")
                case "token_limit":
                    self._tell(f"the endpoint accepts the token limit only as {value}")
                case "stream":
                    self._tell("the endpoint only streams: streamed replies are assembled")

    def _stopped(self, prediction: Prediction, request: Request) -> Prediction:
        """If the endpoint does not accept stop texts, end the reply at the first one here."""
        if "stop" not in self._accepted.dropped:
            return prediction
        found = [prediction.text.find(stop) for stop in request.params.stop if stop]
        ends = [place for place in found if place >= 0]
        if not ends:
            return prediction
        return replace(prediction, text=prediction.text[: min(ends)], finish_reason="stop")

    async def _send(
        self, request: Request, settings: dict[str, Any], begun: Callable[[], None] | None
    ) -> Prediction:
        body = {"model": self._model, **settings}
        headers = self._dialect.headers(request)
        if request.form == "raw":
            prompt = request.messages[0].text
            return await ask_completion(self._client, {**body, "prompt": prompt}, headers, begun)
        messages = await self._messages(request)
        return await ask_chat(self._client, {**body, "messages": messages}, headers, begun)

    async def _messages(self, request: Request) -> list[dict[str, Any]]:
        """Return the messages in the protocol's form; media are read in a thread."""

        def form() -> list[dict[str, Any]]:
            return [_chat_message(m, self._dialect.content) for m in request.messages]

        return form() if request.text_only else await asyncio.to_thread(form)

    def _sampling(self, request: Request) -> dict[str, Any]:
        params = request.params
        names = ("max_tokens", "temperature", "top_p", "top_k", "seed")
        settings = {name: getattr(params, name) for name in names}
        if params.stop:
            settings["stop"] = list(params.stop)
        given = {name: value for name, value in settings.items() if value is not None}
        if self._logprobs:
            given |= _RAW_TOKENS if request.form == "raw" else _CHAT_TOKENS
        return given | self._dialect.settings(request)

    def _sort(self, error: openai.APIError) -> NoReturn:
        """Raise the error as one of this request, or of the endpoint as a whole."""
        if fatal := self._endpoint.fatal(error, self._model):
            raise BackendUnavailable(fatal) from error
        raise GenerationError(self._endpoint.told(error)) from error


def _chat_message(message: Message, content: Callable[[Part], dict[str, Any]]) -> dict[str, Any]:
    if not message.apart and all(isinstance(part, TextPart) for part in message.parts):
        return {"role": message.role, "content": message.text}
    return {"role": message.role, "content": [content(part) for part in message.parts]}


def plain_content(part: Part) -> dict[str, Any]:
    """Return a part in the protocol's form, an image inline as ``bytes``."""
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    if isinstance(part, ImagePart):
        return {"type": "image_url", "image_url": {"url": data_url(part)}}
    raise TypeError("videos must be resolved to frames before they are sent")

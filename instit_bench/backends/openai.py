"""Any OpenAI-compatible endpoint, through the ``openai`` package.

The package retries 408, 409, 429, 5xx and broken connections with exponential back-off and
honours Retry-After. What remains is sorted here: an error of this request, or of the endpoint.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import openai
from openai.types import Completion, CompletionUsage
from openai.types.chat import ChatCompletion

from instit_bench.backends.base import (
    Backend,
    BackendOptions,
    BackendUnavailable,
    GenerationError,
)
from instit_bench.endpoint import ask_chat, ask_completion, count_of, find_endpoint, text_of
from instit_bench.media import load_image
from instit_bench.types import (
    ImagePart,
    Message,
    NativeToolCall,
    Part,
    Prediction,
    Request,
    TextPart,
    Usage,
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How an endpoint departs from the plain protocol: a part's form, more settings, headers."""

    content: Callable[[Part], dict[str, Any]] = field(default_factory=lambda: plain_content)
    settings: Callable[[Request], dict[str, Any]] = field(default_factory=lambda: lambda _: {})
    headers: Callable[[Request], dict[str, str]] = field(default_factory=lambda: lambda _: {})


class OpenAIBackend(Backend):
    """Asks one endpoint for one model's completions; ``key`` is its own, if it has one."""

    def __init__(
        self, options: BackendOptions, dialect: Dialect | None = None, key: str | None = None
    ) -> None:
        self._endpoint = find_endpoint(options.base_url, "--base-url", key)
        self._model = options.model
        self._dialect = dialect or Dialect()
        self._limit_name = "max_tokens"
        self._longest_s = options.timeout_s * (options.max_retries + 1)
        self._client = self._endpoint.client(options.timeout_s, options.max_retries)

    def settings(self) -> dict[str, Any]:
        """The address without user, password and query, and the client's version."""
        return {"base_url": self._endpoint.shown, "openai": openai.__version__}

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def generate(self, request: Request) -> Prediction:
        """Ask for one completion."""
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._longest_s):
                reply = await self._ask(request)
        except TimeoutError as error:  # a reply that drips in, which no single read runs out on
            raise GenerationError(f"no reply within {self._longest_s:g} s") from error
        except openai.APIError as error:
            self._sort(error)
        except ValueError as error:  # a reply that is not JSON
            raise GenerationError(f"the endpoint's reply cannot be read: {error}") from error
        return _prediction(reply, time.perf_counter() - started)

    async def _ask(self, request: Request) -> ChatCompletion | Completion:
        try:
            return await self._send(request)
        except openai.BadRequestError as error:
            # Newer models of one provider take the limit under another name only.
            if self._limit_name == "max_tokens" and "max_completion_tokens" in str(error):
                self._limit_name = "max_completion_tokens"
                return await self._send(request)
            raise

    async def _send(self, request: Request) -> ChatCompletion | Completion:
        body = {"model": self._model, **self._sampling(request)}
        headers = self._dialect.headers(request)
        if request.form == "raw":
            prompt = request.messages[0].text
            return await ask_completion(self._client, {**body, "prompt": prompt}, headers)
        content = self._dialect.content
        messages = [_chat_message(message, content) for message in request.messages]
        return await ask_chat(self._client, {**body, "messages": messages}, headers)

    def _sampling(self, request: Request) -> dict[str, Any]:
        params = request.params
        limit_name = self._limit_name if request.form == "chat" else "max_tokens"
        settings: dict[str, Any] = {}
        if params.max_tokens is not None:
            settings[limit_name] = params.max_tokens
        for name in ("temperature", "top_p", "top_k", "seed"):
            if getattr(params, name) is not None:
                settings[name] = getattr(params, name)
        if params.stop:
            settings["stop"] = list(params.stop)
        return settings | self._dialect.settings(request)

    def _sort(self, error: openai.APIError) -> NoReturn:
        """Raise the error as one of this request, or of the endpoint as a whole."""
        if fatal := self._endpoint.fatal(error, self._model):
            raise BackendUnavailable(fatal) from error
        raise GenerationError(self._endpoint.told(error)) from error


def _chat_message(message: Message, content: Callable[[Part], dict[str, Any]]) -> dict[str, Any]:
    if all(isinstance(part, TextPart) for part in message.parts):
        return {"role": message.role, "content": message.text}
    return {"role": message.role, "content": [content(part) for part in message.parts]}


def plain_content(part: Part) -> dict[str, Any]:
    """A part in the protocol's form, a picture inline in its own bytes."""
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    if isinstance(part, ImagePart):
        return {"type": "image_url", "image_url": {"url": load_image(part).data_url}}
    raise TypeError("videos must be resolved to frames before they are sent")


def _prediction(reply: ChatCompletion | Completion, latency_s: float) -> Prediction:
    """The reply as the server sent it: the client does not check types, so we do."""
    if not getattr(reply, "choices", None):
        raise GenerationError("the endpoint's reply is no completion: it has no choices")
    choice = reply.choices[0]
    message: Any = getattr(choice, "message", None)
    try:
        return Prediction(
            text=text_of(getattr(choice, "text", None) if message is None else message.content),
            finish_reason=None if choice.finish_reason is None else str(choice.finish_reason),
            usage=_usage(reply.usage),
            latency_s=latency_s,
            tool_calls=tuple(
                NativeToolCall(text_of(call.function.name), text_of(call.function.arguments))
                for call in getattr(message, "tool_calls", None) or ()
                if call.type == "function"
            ),
        )
    except (AttributeError, TypeError, ValueError) as error:
        raise GenerationError(f"the endpoint's reply cannot be read: {error}") from error


def _usage(usage: CompletionUsage | None) -> Usage:
    details = getattr(usage, "prompt_tokens_details", None)
    return Usage(
        prompt_tokens=count_of(getattr(usage, "prompt_tokens", None)),
        completion_tokens=count_of(getattr(usage, "completion_tokens", None)),
        cached_tokens=count_of(getattr(details, "cached_tokens", None)),
    )

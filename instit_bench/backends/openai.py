"""Any OpenAI-compatible endpoint, through the ``openai`` package.

The package retries 408, 409, 429, 5xx and broken connections with exponential back-off and
honours Retry-After. What remains is sorted here: an error of this request, or of the endpoint.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn, cast
from urllib.parse import urlsplit, urlunsplit

import openai
from openai.types import Completion, CompletionUsage
from openai.types.chat import ChatCompletion

from instit_bench.backends.base import (
    Backend,
    BackendOptions,
    BackendUnavailable,
    GenerationError,
)
from instit_bench.errors import InputError
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

KEY_VARIABLE = "OPENAI_API_KEY"
_DEFAULT_BASE_URL = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How an endpoint departs from the plain protocol: in a part's form, and in extra settings."""

    content: Callable[[Part], dict[str, Any]] = field(default_factory=lambda: plain_content)
    settings: Callable[[Request], dict[str, Any]] = field(default_factory=lambda: lambda _: {})


class OpenAIBackend(Backend):
    """Asks one endpoint for one model's completions; ``key`` is its own, if it has one."""

    def __init__(
        self, options: BackendOptions, dialect: Dialect | None = None, key: str | None = None
    ) -> None:
        base_url = options.base_url or os.environ.get("OPENAI_BASE_URL") or _DEFAULT_BASE_URL
        if urlsplit(base_url).scheme not in ("http", "https"):
            raise InputError(
                f"--base-url {redacted(base_url)}: must start with http:// or https://"
            )
        key = key or os.environ.get(KEY_VARIABLE)
        if not key and base_url == _DEFAULT_BASE_URL:
            raise InputError(
                f"set {KEY_VARIABLE} to ask {_DEFAULT_BASE_URL}, or name another endpoint with "
                "--base-url"
            )
        self._key = key or "none"  # servers of one's own rarely ask for a key
        self._base_url = base_url
        self._model = options.model
        self._dialect = dialect or Dialect()
        self._limit_name = "max_tokens"
        self._client = openai.AsyncOpenAI(
            api_key=self._key,
            base_url=base_url,
            timeout=options.timeout_s,
            max_retries=options.max_retries,
            http_client=_direct_client() if _on_this_machine(base_url) else None,
        )

    def settings(self) -> dict[str, Any]:
        """The address without user, password and query, and the client's version."""
        return {"base_url": redacted(self._base_url), "openai": openai.__version__}

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def generate(self, request: Request) -> Prediction:
        """Ask for one completion."""
        started = time.perf_counter()
        try:
            reply = await self._ask(request)
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
        settings = self._sampling(request)
        if request.style == "raw":
            raw = await self._client.completions.create(
                model=self._model, prompt=request.messages[0].text, **settings
            )
            return cast(Completion, raw)
        chat = await self._client.chat.completions.create(
            model=self._model, messages=cast(Any, self._messages(request)), **settings
        )
        return cast(ChatCompletion, chat)

    def _messages(self, request: Request) -> list[dict[str, Any]]:
        return [_chat_message(message, self._dialect.content) for message in request.messages]

    def _sampling(self, request: Request) -> dict[str, Any]:
        params = request.params
        limit_name = self._limit_name if request.style == "chat" else "max_tokens"
        settings: dict[str, Any] = {limit_name: params.max_tokens}
        for name in ("temperature", "top_p", "seed"):
            if getattr(params, name) is not None:
                settings[name] = getattr(params, name)
        if params.stop:
            settings["stop"] = list(params.stop)
        if params.top_k is not None:
            settings["extra_body"] = {"top_k": params.top_k}
        more = self._dialect.settings(request)
        body = settings.get("extra_body", {}) | more.get("extra_body", {})
        return settings | more | ({"extra_body": body} if body else {})

    def _sort(self, error: openai.APIError) -> NoReturn:
        """Raise the error as one of this request, or of the endpoint as a whole."""
        text = " ".join(str(error).replace(self._key, "***").split())[:500]
        where = redacted(self._base_url)
        if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
            raise BackendUnavailable(
                f"{where} refuses the key: {text}; set {KEY_VARIABLE}"
            ) from error
        if isinstance(error, openai.NotFoundError):
            raise BackendUnavailable(
                f"{where} does not know model {self._model!r} or this path: {text}"
            ) from error
        if getattr(error, "code", None) == "insufficient_quota":
            raise BackendUnavailable(f"{where}: the account's quota is used up: {text}") from error
        # The client wraps its transport's errors; only this one says that nobody listens.
        if type(error.__cause__).__name__ == "ConnectError":
            raise BackendUnavailable(f"cannot reach {where}: {error.__cause__}") from error
        raise GenerationError(text) from error


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
    choices = getattr(reply, "choices", None)
    if not choices:
        raise GenerationError("the endpoint's reply is no completion: it has no choices")
    choice = choices[0]
    message = getattr(choice, "message", None)
    if message is None:
        text, calls = getattr(choice, "text", None), None
    else:
        text, calls = message.content, message.tool_calls
    return Prediction(
        text=text or "",
        finish_reason=choice.finish_reason,
        usage=_usage(reply.usage),
        latency_s=latency_s,
        tool_calls=tuple(
            NativeToolCall(call.function.name, call.function.arguments)
            for call in calls or ()
            if call.type == "function"
        ),
    )


def _usage(usage: CompletionUsage | None) -> Usage:
    if usage is None:
        return Usage()
    details = usage.prompt_tokens_details
    return Usage(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cached_tokens=details.cached_tokens if details else None,
    )


def _on_this_machine(url: str) -> bool:
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def _direct_client() -> openai.DefaultAsyncHttpxClient:
    """A client that ignores the environment's proxies, which do not know this machine's ports."""
    return openai.DefaultAsyncHttpxClient(trust_env=False)


def redacted(url: str) -> str:
    """A URL without user, password, query and fragment."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))

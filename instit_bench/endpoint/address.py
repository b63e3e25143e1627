"""An endpoint's address, key and headers, and the errors after which no request can succeed."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from instit_bench.display import one_line
from instit_bench.endpoint.faults import words_of
from instit_bench.endpoint.hosts import is_address
from instit_bench.endpoint.keys import (
    KEY_VARIABLE,
    NO_KEY,
    NO_VARIABLE,
    forms_of,
    is_withheld,
    key_from,
)
from instit_bench.errors import InputError
from instit_bench.progress import Tell
from instit_bench.types import NativeToolCall, Prediction

if TYPE_CHECKING:
    import openai

DEFAULT_BASE_URL = "https://api.openai.com/v1"
_SHORTEST_ECHO = 8  # characters: a shorter secret may be a word of an answer
_TOLD_AT_MOST = 500


@dataclass(frozen=True)
class Endpoint:
    """An address with key and headers; none of their values is ever shown.

    ``key_option`` is the option that names the key's variable; ``withheld`` says that the usual key
    is not sent to this address.
    """

    base_url: str
    key: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    key_option: str = "--api-key-env"
    withheld: bool = False

    @property
    def shown(self) -> str:
        """The address without user, password, query and fragment."""
        return shown_address(self.base_url)

    def client(
        self, timeout_s: float, max_retries: int, tell: Tell = lambda _: None
    ) -> openai.AsyncOpenAI:
        """Return a client of the ``openai`` package.

        ``tell`` is called once, before the retries, if nobody listens at the address.

        Raises:
            InputError: A proxy or certificates named in the environment cannot be used.
        """
        from instit_bench.endpoint.client import make_client

        def unreachable(why: str) -> None:
            again = f"; trying again, {max_retries} times at most" if max_retries else ""
            tell(f"cannot reach {self.shown}: {self._without_secrets(why)}{again}")

        return make_client(
            self.base_url, self.key, self.headers, timeout_s, max_retries, unreachable
        )

    def told(self, error: Exception) -> str:
        """Return an error in the provider's words: one bounded line, without any secret."""
        return self._without_secrets(_words(error))[:_TOLD_AT_MOST]

    def fatal(self, error: Exception, model: str) -> str | None:
        """Return why no further request can succeed, or ``None`` if only this one failed."""
        from instit_bench.endpoint.transport import http_package

        status, told = getattr(error, "status_code", None), self.told(error)
        if status in (401, 403) and not _is_moderation(error):
            return f"{self.shown} refuses the key: {told}; {self._advice}"
        if status is not None and 300 <= status < 400:
            return (
                f"{self.shown} redirects to {self._redirected(error)}, where nothing was sent: the "
                "key, the headers and the prompts would go there; if you trust that address, name "
                "it instead"
            )
        if status == 402 or getattr(error, "code", None) == "insufficient_quota":
            return f"{self.shown}: the account's quota or credit is used up: {told}"
        if status == 404:
            return f"{self.shown} does not know model {model!r} or this path: {told}"
        # The client wraps its transport's errors; only this one means that nobody listens.
        if isinstance(error.__cause__, http_package().ConnectError):
            return f"cannot reach {self.shown}: {self._without_secrets(str(error.__cause__))}"
        return None

    def _redirected(self, error: Any) -> str:
        """Return where a redirect leads to, as a base address if it names the same call there."""
        location = error.response.headers.get("location")
        if not location:
            return "an address that it does not name"
        asked = error.response.request.url
        call = shown_address(str(asked)).removeprefix(self.shown.rstrip("/"))
        return self._without_secrets(shown_address(str(asked.join(location))).removesuffix(call))

    @property
    def _advice(self) -> str:
        if self.withheld:
            return (
                f"{KEY_VARIABLE} is not sent in clear to another machine; "
                f"{self.key_option} {KEY_VARIABLE} sends it"
            )
        return f"set {KEY_VARIABLE}, or name another variable with {self.key_option}"

    @cached_property
    def _secrets(self) -> tuple[str, ...]:
        return forms_of((self.key, *self.headers.values()), self.base_url)

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return one_line(text)

    def redacted(self, prediction: Prediction) -> Prediction:
        """Return the reply with ``***`` for any secret of this endpoint that it repeats."""
        calls = [word for c in prediction.tool_calls for word in (c.name, c.arguments)]
        texts = [prediction.text, prediction.reasoning, prediction.refusal, *calls]
        texts.append(prediction.finish_reason)
        long = [secret for secret in self._secrets if len(secret) >= _SHORTEST_ECHO]
        found = [secret for secret in long if any(text and secret in text for text in texts)]
        if not found:
            return prediction

        def clean(text: str | None) -> str | None:
            for secret in found:
                text = text and text.replace(secret, "***")
            return text

        cleaned = (
            NativeToolCall(clean(call.name) or "", clean(call.arguments) or "")
            for call in prediction.tool_calls
        )
        return replace(
            prediction,
            text=clean(prediction.text) or "",
            finish_reason=clean(prediction.finish_reason),
            reasoning=clean(prediction.reasoning),
            refusal=clean(prediction.refusal),
            tool_calls=tuple(cleaned),
        )


def _words(error: Exception) -> str:
    import openai

    status = getattr(error, "status_code", None)
    if status is not None:
        return f"error {status}: {words_of(error.response.content)}"  # type: ignore[attr-defined]
    cause = error.__cause__
    if isinstance(error, openai.APIConnectionError) and cause is not None:
        return f"the connection broke: {cause or type(cause).__name__}"
    return str(error)


def _is_moderation(error: Exception) -> bool:
    """Whether a gateway's filter refused this one request, rather than the key."""
    body = getattr(error, "body", None)
    metadata = body.get("metadata") if isinstance(body, dict) else None
    flagged = isinstance(metadata, dict) and bool({"reasons", "flagged_input"} & metadata.keys())
    return flagged or bool(re.search(r"\bflagged\b|\bmoderation\b", _words(error), re.IGNORECASE))


def find_endpoint(
    base_url: str | None,
    option: str,
    key: str | None = None,
    headers: Mapping[str, str] | None = None,
    key_env: str | None = None,
) -> Endpoint:
    """Return the endpoint at ``base_url`` (default: ``OPENAI_BASE_URL``, else OpenAI's own).

    ``key`` is the endpoint's own key; else ``key_env`` is the variable that the user named for it
    (``NO_VARIABLE``: it gets none); else the usual key is sent where it belongs (see
    ``instit_bench.endpoint.keys``).

    Raises:
        InputError: The address or the key is not valid, or OpenAI's own endpoint is used without a
            key.
    """
    address = address_of(base_url)
    if not is_address(address):
        raise InputError(f"{option}: must be an address such as http://127.0.0.1:8000/v1")
    if urlsplit(address).query or urlsplit(address).fragment:
        raise InputError(f"{option}: must end with its path; leave out what follows ? or #")
    key_option = option.replace("base-url", "api-key-env")
    withheld = False
    if not key and key_env is not None:
        key = NO_KEY if key_env == NO_VARIABLE else key_from(key_env, key_option)
    elif not key:
        key = key_from(KEY_VARIABLE)
        withheld = key != NO_KEY and is_withheld(address)
        key = NO_KEY if withheld else key
    if key == NO_KEY and address == DEFAULT_BASE_URL:
        raise InputError(
            f"set {KEY_VARIABLE} to use {DEFAULT_BASE_URL}, or name another endpoint with {option}"
        )
    return Endpoint(address, key, headers or {}, key_option, withheld)


def address_of(base_url: str | None) -> str:
    """The address, by default that in ``OPENAI_BASE_URL``, else OpenAI's own."""
    return base_url or os.environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL


def shown_address(address: str) -> str:
    """Return an address without user, password, query and fragment."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))

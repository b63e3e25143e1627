"""OpenAI-compatible endpoints: address, key, and which errors mean that no request can succeed."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from instit_bench.errors import InputError

if TYPE_CHECKING:
    import openai
    from openai.types import Completion
    from openai.types.chat import ChatCompletion

KEY_VARIABLE = "OPENAI_API_KEY"
DEFAULT_BASE_URL = "https://api.openai.com/v1"
_NO_KEY = "none"  # servers of one's own rarely ask for a key
_TOLD_AT_MOST = 500


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to ask, and the key to ask with; the key never shows."""

    base_url: str
    key: str = field(repr=False)

    @property
    def shown(self) -> str:
        """The address without user, password, query and fragment."""
        parts = urlsplit(self.base_url)
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, host, parts.path, "", ""))

    def client(self, timeout_s: float, max_retries: int) -> openai.AsyncOpenAI:
        """A client of the ``openai`` package."""
        import openai

        # The environment's proxies do not know this machine's ports.
        here = urlsplit(self.base_url).hostname in ("127.0.0.1", "localhost", "::1")
        return openai.AsyncOpenAI(
            api_key=self.key,
            base_url=self.base_url,
            timeout=timeout_s,
            max_retries=max_retries,
            http_client=openai.DefaultAsyncHttpxClient(trust_env=False) if here else None,
        )

    def told(self, error: Exception) -> str:
        """An error's words on one line, without the key."""
        return " ".join(str(error).replace(self.key, "***").split())[:_TOLD_AT_MOST]

    def fatal(self, error: openai.APIError, model: str) -> str | None:
        """Why no further request can succeed, or ``None`` where this one alone failed."""
        import openai

        if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
            return f"{self.shown} refuses the key: {self.told(error)}; set {KEY_VARIABLE}"
        if isinstance(error, openai.NotFoundError):
            return f"{self.shown} does not know model {model!r} or this path: {self.told(error)}"
        if getattr(error, "code", None) == "insufficient_quota":
            return f"{self.shown}: the account's quota is used up: {self.told(error)}"
        # The client wraps its transport's errors; only this one says that nobody listens.
        if type(error.__cause__).__name__ == "ConnectError":
            return f"cannot reach {self.shown}: {error.__cause__}"
        return None


def text_of(content: object) -> str:
    """A reply's text: a string, a list of text parts, or nothing.

    Raises:
        TypeError: Anything else.
    """
    if content is None:
        return ""
    if isinstance(content, list):
        content = "".join(text_of(part.get("text")) for part in content if isinstance(part, dict))
    if not isinstance(content, str):
        raise TypeError(f"the content is no text but {type(content).__name__}")
    return content.encode("utf-8", errors="replace").decode()  # half a surrogate pair is no text


def count_of(tokens: object) -> int | None:
    """A token count as an endpoint reports it, if it is one."""
    whole = isinstance(tokens, int) and not isinstance(tokens, bool)
    return tokens if whole and 0 <= tokens < 2**53 else None  # type: ignore[operator,return-value]


async def ask_chat(
    client: openai.AsyncOpenAI, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> ChatCompletion:
    """Send a chat request as it stands.

    The client's own method walks through the body to rename fields, which for our bodies changes
    nothing and takes longer than sending them.
    """
    from openai.types.chat import ChatCompletion

    return await client.post(
        "/chat/completions", body=body, cast_to=ChatCompletion, options={"headers": headers or {}}
    )


async def ask_completion(
    client: openai.AsyncOpenAI, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Completion:
    """Send a text completion request as it stands."""
    from openai.types import Completion

    return await client.post(
        "/completions", body=body, cast_to=Completion, options={"headers": headers or {}}
    )


def find_endpoint(base_url: str | None, option: str, key: str | None = None) -> Endpoint:
    """The endpoint at ``base_url`` (default: ``OPENAI_BASE_URL``, else OpenAI's own).

    ``key`` stands in for the one in ``OPENAI_API_KEY``.

    Raises:
        InputError: The address is none, or the key that OpenAI's own endpoint needs is not set.
    """
    address = base_url or os.environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL
    key = (key or os.environ.get(KEY_VARIABLE, "")).strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise InputError(f"{KEY_VARIABLE} holds characters that no key has; set it again")
    endpoint = Endpoint(address, key or _NO_KEY)
    if not _is_address(address):
        raise InputError(f"{option}: must be an address such as http://127.0.0.1:8000/v1")
    if not key and address == DEFAULT_BASE_URL:
        raise InputError(
            f"set {KEY_VARIABLE} to ask {DEFAULT_BASE_URL}, or name another endpoint with {option}"
        )
    return endpoint


def _is_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
        port_is_one = parts.port is None or parts.port > 0
    except ValueError:
        return False
    named = bool(parts.hostname) and not re.search(r"\s", address)
    return parts.scheme in ("http", "https") and named and port_is_one

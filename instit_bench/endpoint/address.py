"""An endpoint's address, key and headers, and the errors after which no request can succeed."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from instit_bench.display import one_line
from instit_bench.endpoint.faults import words_of
from instit_bench.errors import InputError

if TYPE_CHECKING:
    import openai

KEY_VARIABLE = "OPENAI_API_KEY"
DEFAULT_BASE_URL = "https://api.openai.com/v1"
_NO_KEY = "none"  # private servers rarely require a key
_SHORTEST_SECRET = 4
_TOLD_AT_MOST = 500


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address with key and headers; none of their values is ever shown."""

    base_url: str
    key: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def shown(self) -> str:
        """The address without user, password, query and fragment."""
        return _shown(self.base_url)

    def client(self, timeout_s: float, max_retries: int) -> openai.AsyncOpenAI:
        """Return a client of the ``openai`` package.

        Raises:
            InputError: A proxy or certificates named in the environment cannot be used.
        """
        from instit_bench.endpoint.client import make_client

        return make_client(self.base_url, self.key, self.headers, timeout_s, max_retries)

    def told(self, error: Exception) -> str:
        """Return an error in the provider's words: one bounded line, without any secret."""
        return self._without_secrets(_words(error))[:_TOLD_AT_MOST]

    def fatal(self, error: Exception, model: str) -> str | None:
        """Return why no further request can succeed, or ``None`` if only this one failed."""
        from instit_bench.endpoint.client import http_package

        status, told = getattr(error, "status_code", None), self.told(error)
        if status in (401, 403) and not _is_moderation(error):
            return f"{self.shown} refuses the key: {told}; set {KEY_VARIABLE}"
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
        call = _shown(str(asked)).removeprefix(self.shown.rstrip("/"))
        return self._without_secrets(_shown(str(asked.join(location))).removesuffix(call))

    def _without_secrets(self, text: str) -> str:
        for secret in (self.key, *self.headers.values()):
            if secret != _NO_KEY and len(secret) >= _SHORTEST_SECRET:
                text = text.replace(secret, "***")
        return one_line(text)


def _shown(address: str) -> str:
    """An address without user, password, query and fragment."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


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
) -> Endpoint:
    """Return the endpoint at ``base_url`` (default: ``OPENAI_BASE_URL``, else OpenAI's own).

    ``key`` stands in for the one in ``OPENAI_API_KEY``.

    Raises:
        InputError: The address is not valid, or OpenAI's own endpoint is used without a key.
    """
    address = address_of(base_url)
    key = (key or os.environ.get(KEY_VARIABLE, "")).strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise InputError(f"{KEY_VARIABLE} contains characters that are not allowed; set it again")
    endpoint = Endpoint(address, key or _NO_KEY, headers or {})
    if not _is_address(address):
        raise InputError(f"{option}: must be an address such as http://127.0.0.1:8000/v1")
    if not key and address == DEFAULT_BASE_URL:
        raise InputError(
            f"set {KEY_VARIABLE} to use {DEFAULT_BASE_URL}, or name another endpoint with {option}"
        )
    return endpoint


def address_of(base_url: str | None) -> str:
    """The address, by default that in ``OPENAI_BASE_URL``, else OpenAI's own."""
    return base_url or os.environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL


def is_nearby(address: str) -> bool:
    """Whether an address is this machine's or of a private network, where no call costs anything.

    A host name without a dot, or under ``.local``, ``.lan`` or ``.internal``, is private too.
    """
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return False
    try:
        number = ip_address(host)
    except ValueError:
        return "." not in host or host.endswith((".localhost", ".local", ".lan", ".internal"))
    return number.is_loopback or number.is_private or number.is_link_local


def _is_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
        port_is_one = parts.port is None or parts.port > 0
    except ValueError:
        return False
    named = bool(parts.hostname) and not re.search(r"\s", address)
    return parts.scheme in ("http", "https") and named and port_is_one

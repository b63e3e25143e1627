"""Requests to an endpoint, through the ``openai`` package.

The package retries 408, 409, 429, 5xx and broken connections with exponential back-off and
honours Retry-After. This module bounds the size of replies, turns an error inside a success into
the error it is, follows a redirect only on the same server, and applies the environment's proxies
and certificates where they belong.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import openai

from instit_bench.display import one_line
from instit_bench.endpoint.body import Body
from instit_bench.endpoint.document import ReplyError, read_document
from instit_bench.endpoint.faults import Fault, find_fault
from instit_bench.endpoint.hosts import host_of, is_this_machine
from instit_bench.endpoint.keys import NO_KEY
from instit_bench.endpoint.reply import read_reply
from instit_bench.endpoint.transport import (
    MOST_CONNECTIONS,
    AiohttpTransport,
    http_package,
)
from instit_bench.errors import InputError
from instit_bench.types import Prediction

LARGEST_REPLY = 64 * 2**20
LARGEST_FILE = 256 * 2**20  # a batch's output: 50,000 verdicts of a kilobyte are 50 MB
# Many servers close an idle connection after five seconds; a request sent at that moment
# is lost, so the client closes first.
_IDLE_S = 3.0
_MOST_CLOSED = 64
_MOST_REDIRECTS = 5
_MAY_BE_FAULT = re.compile(rb'error|abort|cancel|fail|resource|"detail"|"base_resp"', re.IGNORECASE)
_ENCODED = (b"content-encoding", b"content-length", b"transfer-encoding")
_MOST_PATTERNS = 64
# The body of the request that is being sent.
_body: ContextVar[Body | None] = ContextVar("body", default=None)
# Set while a request is sent whose first sign of an answer somebody waits for.
_begun: ContextVar[Callable[[], None] | None] = ContextVar("begun", default=None)


class ReplyTooLarge(openai.APIError):
    """A reply's body is larger than ``LARGEST_REPLY``, or a file than ``LARGEST_FILE``."""


def make_client(
    base_url: str,
    key: str,
    headers: Mapping[str, str],
    timeout_s: float,
    max_retries: int,
    unreachable: Callable[[str], None] = lambda _: None,
) -> openai.AsyncOpenAI:
    """Create a client for one endpoint.

    ``unreachable`` is called once, with the reason, if nobody listens there; retries follow.

    Raises:
        InputError: A proxy or certificate file named in the environment cannot be used.
    """
    try:
        http_client = _BoundedClient(
            unreachable,
            **_transport(base_url),
            timeout=timeout_s,
            follow_redirects=False,  # ``send`` follows those that stay on the same server
        )
    except ImportError as error:
        if "SOCKS" not in str(error).upper():
            raise
        raise InputError(
            f"{_proxy_variable()} names a SOCKS proxy, which needs another package: "
            'pip install "instit-bench[socks]", or unset the variable'
        ) from None
    except (ValueError, TypeError) as error:
        if (variable := _proxy_variable()) is None:
            raise
        raise InputError(f"{variable}: is not a valid proxy address; set or unset it") from error
    return openai.AsyncOpenAI(
        api_key=key,
        base_url=base_url,
        timeout=timeout_s,
        max_retries=max_retries,
        default_headers=dict(headers),
        http_client=http_client,
    )


async def ask_chat(
    client: openai.AsyncOpenAI,
    body: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
    begun: Callable[[], None] | None = None,
) -> Prediction:
    """Send a chat request unchanged, and read its reply.

    A value of type ``bytes`` in ``body`` is text that needs no escaping, such as base64.

    ``begun`` is called when the first bytes of the reply are there: of a stream, its first token.

    Raises:
        ReplyError: The reply contains no answer.
        openai.APIError: The endpoint refused, or could not be reached.
    """
    return await _ask(client, "chat/completions", body, headers, begun)


async def ask_completion(
    client: openai.AsyncOpenAI,
    body: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
    begun: Callable[[], None] | None = None,
) -> Prediction:
    """Send a text completion request unchanged, like ``ask_chat``."""
    return await _ask(client, "completions", body, headers, begun)


async def _ask(
    client: openai.AsyncOpenAI,
    path: str,
    body: Mapping[str, Any],
    headers: Mapping[str, str] | None,
    begun: Callable[[], None] | None,
) -> Prediction:
    """Bypass the client's own methods, which walk through the body without checking the reply."""
    # The package sends only what it can send again: bytes. The body reaches our client past it.
    tokens = _body.set(Body(body)), _begun.set(begun)
    try:
        raw = await client.post(
            f"{client.base_url}{path}",  # joining the two is slower in the package
            cast_to=bytes,
            options={"headers": headers or {}},
        )
    finally:
        _body.reset(tokens[0])
        _begun.reset(tokens[1])
    return read_reply(raw)


class _BoundedClient(openai.DefaultAsyncHttpxClient):
    """Reads replies up to a limit, and gives an error inside a success its own status."""

    def __init__(self, unreachable: Callable[[str], None], **options: Any) -> None:
        super().__init__(**options)
        self._unreachable = unreachable
        self._told = False
        self._patterns: dict[Any, Any] = {}

    def build_request(self, method: str, url: Any, **options: Any) -> Any:
        """Build a request; those that differ in their bodies alone are built only once.

        Merging headers and parsing addresses would take longer than sending the request.
        """
        body = _body.get()
        if body is None:
            return super().build_request(method, url, **options)
        headers = tuple(dict(options["headers"]).items())
        key = method, url, headers, tuple(self.cookies.items())
        pattern = self._patterns.get(key)
        if pattern is None:
            pattern = super().build_request(method, url, **options)
            del pattern.headers["Content-Length"]
            if len(self._patterns) >= _MOST_PATTERNS:
                self._patterns.clear()
            self._patterns[key] = pattern
        return type(pattern)(
            method,
            pattern.url,
            headers=[*pattern.headers.raw, (b"Content-Length", str(body.size).encode())],
            content=body if len(body.pieces) > 1 else body.pieces[0],
            extensions=pattern.extensions,
        )

    async def send(self, request: Any, **options: Any) -> Any:
        """Send a request and read its reply, which is always read whole here."""
        path = request.url.path
        response = await self._followed(request, **options | {"stream": True})
        try:
            most = LARGEST_FILE if path.endswith("/content") else LARGEST_REPLY
            body = await _read(response, most)
        finally:
            await response.aclose()
        completed = response.is_success and path.endswith("/completions")
        fault = _hidden_fault(body) if completed else None
        return type(response)(
            fault.status if fault else response.status_code,
            headers=[(k, v) for k, v in response.headers.raw if k.lower() not in _ENCODED],
            content=fault.as_body() if fault else body,
            request=response.request,
            extensions=response.extensions,
        )

    async def _followed(self, request: Any, **options: Any) -> Any:
        """Send; follow a redirect of the same request to the same server, and no other.

        Key, headers and prompts would go along to another one; it is told as an error.
        """
        response = await self._sent(request, **options)
        for _ in range(_MOST_REDIRECTS):
            following = response.next_request
            if following is None or not _is_same(following, request):
                break
            await response.aclose()
            response = await self._sent(following, **options)
        return response

    async def _sent(self, request: Any, **options: Any) -> Any:
        """Send; retry while a kept-alive connection turns out to be closed.

        After a pause a server may have closed all of them. Each attempt uses up one.
        """
        fresh = False

        async def trace(event: str, _: object) -> None:
            nonlocal fresh
            fresh = fresh or ".connect_" in event

        if request.headers.get("Authorization") == f"Bearer {NO_KEY}":  # the package demands one
            del request.headers["Authorization"]
        request.extensions = {**request.extensions, "trace": trace}
        attempt = 0
        while True:
            try:
                return await super().send(request, **options)
            except (http_package().NetworkError, http_package().RemoteProtocolError) as error:
                if isinstance(error, http_package().ConnectError) and not self._told:
                    self._told = True
                    self._unreachable(str(error))
                attempt += 1
                if fresh or attempt > _MOST_CLOSED:
                    raise


def _is_same(following: Any, request: Any) -> bool:
    """Whether a request that a redirect asks for goes to the same server, method included."""
    old, new = request.url, following.url
    origins = [(url.scheme, url.host, url.port) for url in (old, new)]
    return origins[0] == origins[1] and following.method == request.method


async def _read(response: Any, most: int) -> bytes:
    body = bytearray()
    begun = _begun.get() if response.is_success else None
    packed = "content-encoding" in response.headers
    async for chunk in response.aiter_bytes() if packed else response.stream:
        if begun is not None and chunk[:1] not in (b"", b":"):  # a comment keeps the stream alive
            begun()
            begun = None
        body += chunk
        if len(body) > most:
            raise ReplyTooLarge(
                f"the endpoint's reply is larger than {most // 2**20} MiB",
                response.request,
                body=None,
            )
    return bytes(body)


def _hidden_fault(body: bytes) -> Fault | None:
    """Return the error that a success reports in its body, if any."""
    if b'"choices"' in body and not _MAY_BE_FAULT.search(body):
        return None
    try:
        return find_fault(read_document(body))
    except ReplyError:
        return None  # reported where the reply is read


def _transport(base_url: str) -> dict[str, Any]:
    """Return how to connect: by aiohttp, or by httpx's own transport where a proxy is set."""
    parts = urlsplit(base_url)
    here = is_this_machine(host_of(base_url))
    tls = None if here and parts.scheme == "http" else _trusted()
    # The environment's proxies cannot reach this machine's ports.
    if not here and getproxies().keys() & {"http", "https", "all"}:
        limits = http_package().Limits(
            max_connections=MOST_CONNECTIONS,
            max_keepalive_connections=MOST_CONNECTIONS,
            keepalive_expiry=_IDLE_S,
        )
        return {"limits": limits} | ({} if tls is None else {"verify": tls})
    if tls is None and parts.scheme == "https":
        tls = http_package().create_ssl_context()
    return {"transport": AiohttpTransport(tls, _IDLE_S), "trust_env": False}


def _trusted() -> ssl.SSLContext | None:
    """Return the certificates named in the environment, if any."""
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        path = os.environ.get(variable)
        if not path:
            continue
        if not Path(path).exists():
            raise InputError(f"{variable}: no such file: {one_line(path)}; correct or unset it")
        try:
            return ssl.create_default_context(
                cafile=path if variable == "SSL_CERT_FILE" else None,
                capath=path if variable == "SSL_CERT_DIR" else None,
            )
        except (OSError, ValueError) as error:
            raise InputError(
                f"{variable}: {one_line(path)} cannot be used: {error}; correct or unset it"
            ) from error
    return None


def _proxy_variable() -> str | None:
    """Return the variable that names a proxy; its value may contain a password and is not shown."""
    names = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY")
    found = [name for name in (*names, *map(str.lower, names)) if os.environ.get(name)]
    socks = [name for name in found if os.environ[name].lower().startswith("socks")]
    return next(iter([*socks, *found]), None)

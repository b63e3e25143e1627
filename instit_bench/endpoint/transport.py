"""HTTP by aiohttp beneath the ``openai`` package, at a third of the CPU time of its own transport.

The package has a client over aiohttp too, but that one reports a refused or lost connection as a
timeout, and does not say whether a connection was new. The errors here are those of httpx, by which
the package retries and ``Endpoint`` sorts them.
"""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import openai
from yarl import URL

MOST_CONNECTIONS = 5000
_LONGEST_HEADER = 2**16


def http_package() -> Any:
    """Return the package under the client: httpx, from version 3 on httpx2."""
    base = openai.DefaultAsyncHttpxClient.__bases__[0]
    return sys.modules[base.__module__.partition(".")[0]]


class AiohttpTransport:
    """A transport for httpx's clients; idle connections are closed after ``idle_s`` seconds.

    ``tls`` are the settings of encrypted connections, ``None`` if there are none.
    """

    def __init__(self, tls: ssl.SSLContext | None, idle_s: float) -> None:
        self._tls = tls
        self.idle_s = idle_s
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: Any) -> Any:
        """Send a request; return its response, whose body is still to be read."""
        session = self._session = self._session or self._opened()
        http = http_package()
        try:
            data = request.content
        except http.RequestNotRead:  # a body in pieces
            data = request.stream
        url = URL(str(request.url), encoded=True)
        if url.raw_user is not None:  # httpx has made a header of it
            url = url.with_user(None)
        limits = request.extensions.get("timeout", {})
        with _errors_of_httpx():
            response = await session.request(
                request.method,
                url,
                headers=[(k.decode(), v.decode("latin-1")) for k, v in request.headers.raw],
                data=data or None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=limits.get("connect"), sock_read=limits.get("read")
                ),
                trace_request_ctx=request,
            )
        return http.Response(
            response.status,
            headers=response.raw_headers,
            stream=_Stream(response),
            request=request,
            extensions={"http_version": b"HTTP/1.1"},
        )

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def __aenter__(self) -> AiohttpTransport:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _opened(self) -> aiohttp.ClientSession:
        """Return a new session, which belongs to the running event loop."""
        traced = aiohttp.TraceConfig()
        traced.on_connection_create_start.append(_tell_of_connection)
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=MOST_CONNECTIONS,
                keepalive_timeout=self.idle_s,
                ssl=True if self._tls is None else self._tls,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # httpx does it
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
            trace_configs=[traced],
        )


async def _tell_of_connection(_: object, context: Any, __: object) -> None:
    """Tell of a new connection as httpx's transport does."""
    trace = context.trace_request_ctx.extensions.get("trace")
    if trace is not None:
        await trace("connection.connect_tcp.started", {})


class _Stream(http_package().AsyncByteStream):  # type: ignore[misc]
    """A response's body as it arrives, still compressed."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _errors_of_httpx():
            async for chunk in self._response.content.iter_any():
                yield chunk

    async def aclose(self) -> None:
        """Close the connection if the body was not read to its end; else it is kept already."""
        self._response.close()


@contextmanager
def _errors_of_httpx() -> Iterator[None]:
    http = http_package()
    try:
        yield
    except aiohttp.ConnectionTimeoutError as error:
        raise http.ConnectTimeout(str(error)) from error
    except TimeoutError as error:
        raise http.ReadTimeout(str(error)) from error
    except aiohttp.ClientConnectorError as error:  # refused, no such host, certificates
        raise http.ConnectError(_words(error)) from error
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError) as error:
        words = "the server closed the connection without a complete reply"
        raise http.RemoteProtocolError(words) from error
    except aiohttp.ClientResponseError as error:
        words = f"the server's reply is not valid HTTP: {error.message}"
        raise http.RemoteProtocolError(words) from error
    except (aiohttp.ClientError, OSError) as error:
        raise http.ReadError(str(error)) from error


def _words(error: aiohttp.ClientConnectorError) -> str:
    """Return the reason alone; host and port are known."""
    reason = getattr(error, "certificate_error", error.os_error)
    if isinstance(reason, ConnectionError) and reason.errno:  # asyncio has put its own words there
        return os.strerror(reason.errno)
    return str(getattr(reason, "strerror", None) or reason)

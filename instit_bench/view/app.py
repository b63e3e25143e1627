"""The server of ``view``: a few pages on 127.0.0.1, which read runs and change nothing.

A page of another site cannot read them: a request must name this machine as its host, so that a
name that is made to point here (DNS rebinding) is refused, and no answer may be embedded elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
)
from starlette.routing import Route

from instit_bench.errors import InputError
from instit_bench.view.folder import as_json
from instit_bench.view.pages import Pages

HOST = "127.0.0.1"
_HOSTS = [HOST, "localhost"]
_MEDIA = "report_media"
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def make_app(pages: Pages) -> Starlette:
    """Return the application; every route answers GET and HEAD only."""

    async def home(_: Request) -> Response:
        return HTMLResponse(await asyncio.to_thread(pages.home))

    async def states(_: Request) -> Response:
        return JSONResponse(as_json(await asyncio.to_thread(pages.folder.states)))

    async def board(request: Request) -> Response:
        published = "published" in request.query_params
        return HTMLResponse(await asyncio.to_thread(pages.board, published=published))

    async def report(request: Request) -> Response:
        # By the raw path: a name may contain an encoded slash.
        raw = request.scope["raw_path"].decode("ascii", "replace")
        *names, last = map(unquote, raw.removeprefix("/reports/").split("/"))
        if last:
            found = pages.thumbnail(names[:-1], last) if names[-1:] == [_MEDIA] else None
        else:
            found = await asyncio.to_thread(pages.report, names)
        return FileResponse(found) if found else _not_found()

    async def broken(_: Request, error: Exception) -> Response:
        return PlainTextResponse(f"{error}\n", status_code=500)

    return Starlette(
        routes=[
            Route("/", home),
            Route("/runs.json", states),
            Route("/leaderboard", board),
            Route("/reports/{rest:path}", report),
        ],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=_HOSTS, www_redirect=False),
            Middleware(BaseHTTPMiddleware, dispatch=_with_headers),
        ],
        exception_handlers={InputError: broken},
    )


async def _with_headers(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    response = await call_next(request)
    response.headers.update(_HEADERS)
    return response


def _not_found() -> Response:
    return PlainTextResponse("There is no such run or file.\n", status_code=404)

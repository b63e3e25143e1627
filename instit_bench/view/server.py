"""Run the server of ``view`` until it is interrupted."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from instit_bench.errors import InputError
from instit_bench.view.folder import RunFolder

_GRACE_S = 2  # for answers under way when it ends


def serve(folder: Path, port: int, started: Callable[[str], None]) -> None:
    """Serve the runs in ``folder`` on 127.0.0.1; port 0 is any free one.

    ``started`` is told the address once connections are accepted.

    Raises:
        InputError: There is no such folder, the port is taken, or a package is missing.
    """
    runs = RunFolder(folder)
    try:
        import uvicorn

        from instit_bench.view.app import HOST, make_app
        from instit_bench.view.pages import Pages
    except ImportError as error:
        raise InputError(
            f"view needs Starlette and uvicorn ({error}): pip install 'instit-bench[view]'"
        ) from error
    try:
        listening = socket.create_server((HOST, port), backlog=128)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise InputError(f"--port {port}: {why}; choose another one") from error
    with listening, tempfile.TemporaryDirectory(prefix="instit-bench-view-") as cache:
        app = make_app(Pages(runs, Path(cache)))
        settings = uvicorn.Config(
            app, log_level="warning", lifespan="off", timeout_graceful_shutdown=_GRACE_S
        )
        started(f"http://{HOST}:{listening.getsockname()[1]}/")
        with suppress(KeyboardInterrupt):  # how it ends
            uvicorn.Server(settings).run(sockets=[listening])

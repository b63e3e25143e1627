"""``instit-bench view``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from instit_bench.cli.console import note


def view_command(
    folder: Annotated[Path, typer.Argument(help="Folder with runs.")] = Path("results"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 for any free one.")] = 8765,
    open_browser: Annotated[bool, typer.Option("--open", help="Open a browser.")] = False,
) -> int:
    """Show runs in the browser on this machine, live while they go on (Ctrl-C ends it)."""
    from instit_bench.view.server import serve

    def started(address: str) -> None:
        note(f"view: {address} (read-only, this machine only; Ctrl-C ends it)")
        if open_browser:
            import webbrowser

            webbrowser.open(address)

    serve(folder, port, started)
    return 0

"""Read a child process's output line by line."""

from __future__ import annotations

import asyncio


async def next_line(stream: asyncio.StreamReader) -> str:
    """Read a line, or a piece of one that is too long."""
    try:
        data = await stream.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        data = error.partial
    except asyncio.LimitOverrunError as error:
        data = await stream.readexactly(error.consumed)
    return data.decode("utf-8", errors="replace").replace("\r", "\n")

"""Pipes from child processes: opened so that their reader can close them, read line by line.

``asyncio``'s own pipes only end when nobody holds the other end any more, and a model may leave
processes behind that do.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pipe:
    """``write_end`` is the file descriptor for the process; the opener closes its own copy."""

    reader: asyncio.StreamReader
    transport: asyncio.ReadTransport
    write_end: int


async def open_pipe(longest_line: int) -> Pipe:
    """Open a pipe whose lines have at most ``longest_line`` bytes."""
    read_end, write_end = os.pipe()
    reader = asyncio.StreamReader(limit=longest_line)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_end, "rb")
    )
    return Pipe(reader, transport, write_end)


async def next_line(stream: asyncio.StreamReader) -> str:
    """Read a line, or a piece of one that is too long."""
    try:
        data = await stream.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        data = error.partial
    except asyncio.LimitOverrunError as error:
        data = await stream.readexactly(error.consumed)
    return data.decode("utf-8", errors="replace").replace("\r", "\n")

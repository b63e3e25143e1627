"""A pipe that a process writes to and its reader can close.

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

"""A pipe that a process writes to, and that its reader can close.

``asyncio``'s own ends only when nobody holds its other end any more, and a model may leave
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
    """A pipe whose lines have at most so many bytes."""
    read_end, write_end = os.pipe()
    reader = asyncio.StreamReader(limit=longest_line)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_end, "rb")
    )
    return Pipe(reader, transport, write_end)

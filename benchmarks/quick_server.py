"""A server in a process of its own that replies to every request after a fixed time.

It reads bodies without keeping them, so that what is measured is the client. ``python -m
benchmarks.quick_server LATENCY REPLY`` prints its port; ``GET /`` returns what it has seen.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_USAGE = {"prompt_tokens": 400, "completion_tokens": 8, "total_tokens": 408}


@dataclass
class Seen:
    """What the server has seen: requests, bytes of bodies, and when the work began and ended."""

    requests: int = 0
    received: int = 0
    began: float = 0.0
    ended: float = 0.0

    @property
    def seconds(self) -> float:
        """From the first request to the last reply."""
        return self.ended - self.began


def completion(text: str) -> bytes:
    """A whole HTTP response with a chat completion that says ``text``."""
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": text},
        "text": text,
    }
    body = json.dumps(
        {"id": "1", "object": "chat.completion", "created": 0, "model": "m"}
        | {"choices": [choice], "usage": _USAGE}
    ).encode()
    return _response(body)


def _response(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


class _Connection(asyncio.BufferedProtocol):
    """One client's connection: its requests come one after another."""

    def __init__(self, seen: Seen, latency_s: float, reply: bytes) -> None:
        self._seen, self._latency_s, self._reply = seen, latency_s, reply
        self._buffer = memoryview(bytearray(2**20))
        self._head = b""
        self._left = 0  # bytes of the current body still to come

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        """Return the one buffer, whose content is counted and forgotten."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Count what came; schedule the reply when the body is complete."""
        if self._left == 0:
            self._head += self._buffer[:nbytes]
            head, end, rest = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            self._head = b""
            if head.startswith(b"GET"):
                self._transport.write(_response(json.dumps(vars(self._seen)).encode()))
                return
            self._seen.began = self._seen.began or time.perf_counter()
            at = head.lower().index(b"content-length:") + 15
            length = int(head[at:].partition(b"\r\n")[0])
            self._seen.received += length
            self._left = length - len(rest)
        else:
            self._left -= nbytes
        if self._left == 0:
            self._seen.requests += 1
            if self._latency_s:
                asyncio.get_running_loop().call_later(self._latency_s, self._answer)
            else:
                self._answer()

    def _answer(self) -> None:
        self._transport.write(self._reply)
        self._seen.ended = time.perf_counter()


async def _serve(latency_s: float, text: str) -> None:
    seen, reply = Seen(), completion(text)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Connection(seen, latency_s, reply), "127.0.0.1", 0, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def quick_server(latency_s: float, text: str) -> Iterator[str]:
    """Serve until the block ends; yields the address."""
    command = [sys.executable, "-m", "benchmarks.quick_server", str(latency_s), text]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.terminate()


def seen_by(base_url: str) -> Seen:
    """What the server has seen so far."""
    with urllib.request.urlopen(base_url) as page:
        return Seen(**json.load(page))


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1]), sys.argv[2]))

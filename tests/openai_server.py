"""A real HTTP server that speaks the OpenAI protocol."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.http_server import http_server


@dataclass
class Reply:
    """A response: a text, or a status other than 200 with headers and a body."""

    text: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    finish_reason: str = "stop"
    delay_s: float = 0.0
    drop: bool = False
    drip_s: float = 0.0


# Of the request that is being answered in this thread.
asked = threading.local()

Answer = Callable[[dict[str, Any]], Reply]


@dataclass
class OpenAIServer:
    """The running server: its address and every request that it has received."""

    base_url: str
    requests: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    headers: list[Message] = field(default_factory=list)
    contacts: int = 0  # connections, whatever was sent on them
    in_flight: int = 0
    most_in_flight: int = 0


@contextmanager
def openai_server(answer: Answer) -> Iterator[OpenAIServer]:
    """Serve until the block ends; ``answer`` turns a request's body into a reply."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            with lock:
                state.contacts += 1

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.headers = self.headers
            with lock:
                state.requests.append(body)
                state.paths.append(self.path)
                state.keys.append(self.headers.get("Authorization", ""))
                state.headers.append(self.headers)
                state.in_flight += 1
                state.most_in_flight = max(state.most_in_flight, state.in_flight)
            try:
                with suppress(ConnectionError):  # the client may have given up
                    self._send(answer(body), chat=self.path.endswith("/chat/completions"))
            finally:
                with lock:
                    state.in_flight -= 1

        def _send(self, reply: Reply, *, chat: bool) -> None:
            time.sleep(reply.delay_s)
            if reply.drop:
                self.close_connection = True
                self.connection.close()
                return
            body = reply.body if reply.body is not None else _completion(reply, chat)
            self.send_response(reply.status)
            headers = {"Content-Type": "application/json", **reply.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if reply.drip_s:
                for byte in body:
                    self.wfile.write(bytes([byte]))
                    time.sleep(reply.drip_s)
            else:
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    with http_server(Handler) as address:
        state = OpenAIServer(f"{address}/v1")
        yield state


def _completion(reply: Reply, chat: bool) -> bytes:
    if reply.status != 200:
        return json.dumps({"error": {"message": reply.text, "type": "test"}}).encode()
    choice: dict[str, Any] = {"index": 0, "finish_reason": reply.finish_reason}
    if chat:
        choice["message"] = {"role": "assistant", "content": reply.text}
    else:
        choice["text"] = reply.text
    usage = {"prompt_tokens": 100, "completion_tokens": 2, "total_tokens": 102}
    return json.dumps(
        {
            "id": "1",
            "object": "chat.completion" if chat else "text_completion",
            "created": 0,
            "model": "test",
            "choices": [choice],
            "usage": usage | {"prompt_tokens_details": {"cached_tokens": 60}},
        }
    ).encode()

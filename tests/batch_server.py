"""A real HTTP server that implements the files and batches part of the OpenAI protocol."""

from __future__ import annotations

import email.parser
import email.policy
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.http_server import http_server


@dataclass
class BatchServer:
    """The server's files and batches; a test advances a batch by setting its ``status``."""

    base_url: str
    reply: Callable[[dict[str, Any]], dict[str, Any]]
    files: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    die_after_create: bool = False

    def finish(self) -> None:
        """Answer every request of every batch."""
        for batch in self.batches.values():
            lines = self.files[batch["input_file_id"]].decode().splitlines()
            replies = [json.dumps(self.reply(json.loads(line))) for line in lines]
            name = f"file-out-{batch['id']}"
            self.files[name] = "\n".join(replies).encode()
            batch |= {"status": "completed", "output_file_id": name}


@contextmanager
def batch_server(reply: Callable[[dict[str, Any]], dict[str, Any]]) -> Iterator[BatchServer]:
    """Serve until the block ends; ``reply`` turns an input line into an output line."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/v1/files":
                name = f"file-{len(state.files)}"
                state.files[name] = upload(self.headers["Content-Type"], data)
                self._send({"id": name, "object": "file", "bytes": len(data), "purpose": "batch"})
                return
            asked = json.loads(data)
            name = f"batch_{len(state.batches)}"
            state.batches[name] = {
                **asked,
                "id": name,
                "object": "batch",
                "status": "in_progress",
                "created_at": 0,
                "request_counts": {"total": 9, "completed": 3, "failed": 0},
            }
            if state.die_after_create:
                self.connection.close()
                return
            self._send(state.batches[name])

        def do_GET(self) -> None:
            path = self.path.split("?")[0].removeprefix("/v1/")
            if path == "batches":
                self._send({"object": "list", "data": list(state.batches.values())})
            elif path.startswith("batches/"):
                self._send(state.batches[path.removeprefix("batches/")])
            else:
                name = path.removeprefix("files/").removesuffix("/content")
                self._write(state.files[name], "application/binary")

        def _send(self, value: dict[str, Any]) -> None:
            self._write(json.dumps(value).encode(), "application/json")

        def _write(self, body: bytes, content_type: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    with http_server(Handler) as address:
        state = BatchServer(f"{address}/v1", reply)
        yield state


def upload(content_type: str, data: bytes) -> bytes:
    """Return the file in a multipart form."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + data)
    parts = {
        part.get_param("name", header="content-disposition"): part for part in form.iter_parts()
    }
    return parts["file"].get_payload(decode=True)

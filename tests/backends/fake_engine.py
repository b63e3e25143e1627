"""Stand-in for ``vllm serve``: answers health checks and requests, and has a worker process.

The JSON file given by ``--fake`` sets its behaviour: ``say`` (lines for the log), ``fail`` (exit at
once), ``die_at`` (the numbers of the requests at which it kills itself, counted over all restarts),
``drop_at`` (requests whose connection it closes without a reply), ``busy_at`` (requests that it
rejects as busy), ``keeps`` (how many named media it keeps; it refuses the name of any other).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FILE = Path(sys.argv[sys.argv.index("--fake") + 1])
PORT = int(sys.argv[sys.argv.index("--port") + 1])
SETTINGS = json.loads(FILE.read_text())
ASKED = FILE.with_suffix(".asked")
PROCESSES = FILE.with_suffix(".processes")
KEPT: list[str] = []


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        page = b'vllm:prefix_cache_queries_total{engine="0"} 10.0\n' * (self.path == "/metrics")
        self.answer(page)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        record = {
            "body": body,
            "authorised": self.headers["Authorization"] == f"Bearer {os.environ['VLLM_API_KEY']}",
            "rank": self.headers["X-data-parallel-rank"],
            "keep_alive": os.environ["VLLM_HTTP_TIMEOUT_KEEP_ALIVE"],
        }
        with ASKED.open("a") as file:
            file.write(json.dumps(record) + "\n")
        if len(ASKED.read_text().splitlines()) in SETTINGS.get("die_at", []):
            os.kill(os.getpid(), signal.SIGKILL)
        if len(ASKED.read_text().splitlines()) in SETTINGS.get("drop_at", []):
            self.close_connection = True
            self.connection.close()
            return
        if len(ASKED.read_text().splitlines()) in SETTINGS.get("busy_at", []):
            self.send_error(503, "busy")
            return
        if not keep_media(body):
            self.send_error(400, "Cache miss for image at index 0 but data is not provided.")
            return
        choice = {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": "A"},
        }
        reply = {"id": "1", "object": "chat.completion", "created": 0, "model": "m"}
        usage = {"prompt_tokens": 7, "completion_tokens": 1, "total_tokens": 8}
        self.answer(json.dumps(reply | {"choices": [choice], "usage": usage}).encode())

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


def keep_media(body: dict) -> bool:
    """Keep named media, the oldest of which make room; False if one is neither sent nor kept."""
    content = body["messages"][0]["content"]
    for part in content if isinstance(content, list) else []:
        name = part.get("uuid")
        if name and part["image_url"] is None and name not in KEPT:
            return False
        if name:
            KEPT[:] = [*(kept for kept in KEPT if kept != name), name]
    del KEPT[: max(0, len(KEPT) - SETTINGS.get("keeps", 100))]
    return True


for line in SETTINGS.get("say", []):
    print(line.replace("KEY", os.environ["VLLM_API_KEY"]), flush=True)
if SETTINGS.get("fail"):
    sys.exit(1)
# A worker that ignores SIGINT and SIGTERM and would outlive all other processes.
stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
worker = subprocess.Popen([sys.executable, "-c", stubborn])
PROCESSES.write_text(json.dumps([os.getpid(), worker.pid, os.getppid()]))
time.sleep(SETTINGS.get("slow", 0))
ThreadingHTTPServer.request_queue_size = 1024  # the default of five resets connections under load
ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()

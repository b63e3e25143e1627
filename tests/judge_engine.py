"""A stand-in for vLLM, installed in a folder for PYTHONPATH: a judge that answers by a digest.

tests/vllm has the real engine. What it answers, and in which process, is written down in ``log``;
``delay`` has the seconds of a reply; it does not start while there is a file ``refuse``, nor in
the replica whose process ``broken`` names.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

ENGINE = """
import json, os, sys, time, zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[3]

def note(*words):
    with (FOLDER / "log").open("a") as log:
        log.write(" ".join(map(str, words)) + "\\n")

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(b"")

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        parts = [part["text"] for part in body["messages"][0]["content"]]
        choice = body["structured_outputs"]["choice"]
        item = zlib.crc32(parts[1].encode())
        note("asked", os.getpid(), item)
        time.sleep(float((FOLDER / "delay").read_text()))
        note("answered", os.getpid(), item)
        message = {"role": "assistant", "content": choice[item % len(choice)]}
        reply = {"id": "1", "object": "chat.completion", "created": 0, "model": "j"}
        usage = {"prompt_tokens": 7, "completion_tokens": 1, "total_tokens": 8}
        choices = [{"index": 0, "finish_reason": "stop", "message": message}]
        self.answer(json.dumps(reply | {"choices": choices, "usage": usage}).encode())

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass

if (FOLDER / "refuse").exists():
    sys.exit("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 9.00 GiB")
guard = Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()
if (FOLDER / "broken").exists() and (FOLDER / "broken").read_text() == guard[1]:
    sys.exit("RuntimeError: CUDA error: an illegal memory access was encountered")
note("started", os.getpid(), os.environ.get("CUDA_VISIBLE_DEVICES", ""))
port = int(sys.argv[sys.argv.index("--port") + 1])
ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


def install_engine(folder: Path) -> Path:
    """Install the stand-in for vLLM."""
    package = folder / "vllm/entrypoints/cli"
    package.mkdir(parents=True)
    (package / "main.py").write_text(ENGINE)
    info = folder / "vllm-0.99.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: vllm\nVersion: 0.99.0\n")
    (folder / "delay").write_text("0")
    return folder


def log_of(engine: Path) -> list[list[str]]:
    """What the engines have noted: what, process, and item."""
    try:
        return [line.split(" ") for line in (engine / "log").read_text().splitlines()]
    except FileNotFoundError:
        return []


def kill_replica_of(engine: int) -> None:
    """Kill the actor that has started an engine, through its guard."""
    os.kill(_parent(_parent(engine)), signal.SIGKILL)


def break_replica_of(engine: int, installed: Path) -> None:
    """Kill an engine, and let the replica that has started it start no other."""
    (installed / "broken").write_text(str(_parent(_parent(engine))))
    os.kill(engine, signal.SIGKILL)


def _parent(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])

"""Programs that send the same requests as a run does: what our command is measured against.

A request is a text and the names of its images. The bare client is the floor: it joins each body
once, from the bytes of files, and sends it by aiohttp; it neither checks, retries, scores nor
writes anything. The threads are the script one would write without a harness. inspect_ai and
lmms-eval run from environments of their own, which ``benchmarks/peers-env`` builds.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.quick_server import Seen, seen_by

Asked = Sequence[Sequence[str]]
"""Requests: each a text and the names of its images."""

HERE = Path(__file__).parent
PEERS = Path(os.environ.get("PEERS", HERE.parent / ".peers"))

_LMMS_TASK = """
task: asked
dataset_path: json
dataset_kwargs: {{data_files: {{test: {file}}}}}
test_split: test
output_type: generate_until
doc_to_text: text
doc_to_messages: !function utils.messages
doc_to_target: text
generation_kwargs: {{max_new_tokens: 16, temperature: 0, do_sample: false}}
process_results: !function utils.results
metric_list: [{{metric: answered, aggregation: mean, higher_is_better: true}}]
"""
_LMMS_UTILS = """
from PIL import Image


def messages(doc):
    images = [{"type": "image", "url": Image.open(name)} for name in doc["images"]]
    return [{"role": "user", "content": [*images, {"type": "text", "text": doc["text"]}]}]


def results(doc, results):
    return {"answered": float(bool(results[0]))}
"""


@dataclass(frozen=True)
class Cost:
    """Seconds of the whole command, of its work at the server, and of CPU; MiB at its peak."""

    whole_s: float
    served_s: float
    cpu_s: float
    peak_mib: float
    requests: int


@dataclass(frozen=True)
class Command:
    """A command to measure: its words, what it reads, and what its environment has besides."""

    words: Sequence[object]
    stdin: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    def cost(self, server: str) -> Cost:
        """Run it, in a process of its own; it is all that the server has seen."""
        environment = os.environ | self.environment
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # installed programs are compiled
        words = [*map(str, self.words)]
        with tempfile.TemporaryFile("w+") as stdin, tempfile.TemporaryFile("w+") as told:
            stdin.write(self.stdin)
            stdin.seek(0)
            started = time.perf_counter()
            process = subprocess.Popen(
                words, env=environment, stdin=stdin, stdout=told, stderr=subprocess.STDOUT
            )
            _, status, used = os.wait4(process.pid, 0)
            whole = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
            told.seek(0)
            if process.returncode:
                sys.exit(f"{' '.join(words)}\n{told.read()[-2000:]}")
        seen: Seen = seen_by(server)
        cpu = used.ru_utime + used.ru_stime
        return Cost(whole, seen.seconds, cpu, used.ru_maxrss / 1024, seen.requests)


def bare(asked: Asked, in_flight: int, server: str, folder: Path) -> Command:  # noqa: ARG001
    """The bare client."""
    words = (sys.executable, "-m", "benchmarks.programs", "bare")
    return Command(words, stdin=json.dumps([asked, in_flight, server]))


def threads(asked: Asked, in_flight: int, server: str, folder: Path) -> Command:  # noqa: ARG001
    """The ``openai`` package in threads."""
    words = (sys.executable, "-m", "benchmarks.programs", "threads")
    return Command(words, stdin=json.dumps([asked, in_flight, server]))


def inspect(asked: Asked, in_flight: int, server: str, folder: Path) -> Command:
    """inspect_ai, with as many connections and samples at once."""
    file = folder / "asked.json"
    file.write_text(json.dumps(asked))
    words = (
        *(PEERS / "inspect/bin/inspect", "eval", f"{HERE / 'inspect_task.py'}@asked"),
        *("-T", f"file={file}", "--model", "openai-api/local/m"),
        *("--max-connections", in_flight, "--max-samples", in_flight, "--max-tokens", 16),
        *("--display", "none", "--log-dir", folder / "inspect"),
    )
    return Command(words, environment={"LOCAL_API_KEY": "none", "LOCAL_BASE_URL": server})


def lmms_eval(asked: Asked, in_flight: int, server: str, folder: Path) -> Command:
    """lmms-eval's ``openai`` model, with its default images (PNG)."""
    task = folder / "lmms-eval"
    task.mkdir(exist_ok=True)
    rows = [json.dumps({"text": text, "images": images}) for text, *images in asked]
    (task / "asked.jsonl").write_text("\n".join(rows))
    (task / "asked.yaml").write_text(_LMMS_TASK.format(file=task / "asked.jsonl"))
    (task / "utils.py").write_text(_LMMS_UTILS)
    words = (
        *(
            PEERS / "lmms-eval/bin/python",
            "-m",
            "lmms_eval",
            "--model",
            "openai",
            "--tasks",
            "asked",
        ),
        *("--model_args", f"model=m,base_url={server},num_concurrent={in_flight},timeout=600"),
        *("--include_path", task, "--batch_size", in_flight),
    )
    environment = {"OPENAI_API_KEY": "none", "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "hub")}
    return Command(words, environment=environment)


def lmms_eval_jpeg(asked: Asked, in_flight: int, server: str, folder: Path) -> Command:
    """lmms-eval told to send JPEG."""
    command = lmms_eval(asked, in_flight, server, folder)
    environment = {**command.environment, "LMMS_IMAGE_ENCODE_FORMAT": "JPEG"}
    return Command(command.words, environment=environment)


async def _bare(asked: Asked, in_flight: int, server: str) -> None:
    import aiohttp

    left = iter(asked)

    async def worker(session: aiohttp.ClientSession) -> None:
        for text, *images in left:
            body = await asyncio.to_thread(_joined, text, images) if images else _joined(text, ())
            async with session.post(f"{server}/chat/completions", data=body) as reply:
                await reply.json()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(worker(session) for _ in range(in_flight)))


def _joined(text: str, images: Sequence[str]) -> bytes:
    head = b'{"model":"m","temperature":0.0,"max_tokens":16,"messages":[{"role":"user","content":['
    parts = [b'{"type":"text","text":%s}' % json.dumps(text).encode()]
    for image in images:
        data = base64.b64encode(Path(image).read_bytes())
        parts.append(b'{"type":"image_url","image_url":{"url":"data:image/png;base64,%s"}}' % data)
    return head + b",".join(parts) + b"]}]}"


def _threads(asked: Asked, in_flight: int, server: str) -> None:
    import openai

    client = openai.OpenAI(base_url=server, api_key="none", timeout=600)

    def ask(request: Sequence[str]) -> object:
        text, *images = request
        content = [{"type": "text", "text": text}]
        for image in images:
            data = base64.b64encode(Path(image).read_bytes()).decode()
            url = {"url": f"data:image/png;base64,{data}"}
            content.append({"type": "image_url", "image_url": url})  # type: ignore[dict-item]
        messages = [{"role": "user", "content": content}]
        return client.chat.completions.create(
            model="m",
            messages=messages,  # type: ignore[arg-type]
            temperature=0.0,
            max_tokens=16,
        )

    with ThreadPoolExecutor(in_flight) as pool:
        for _ in pool.map(ask, asked):
            pass


if __name__ == "__main__":
    if sys.argv[1] == "bare":
        asyncio.run(_bare(*json.load(sys.stdin)))
    else:
        _threads(*json.load(sys.stdin))

"""Measure how close judging comes to the lower bound given by the endpoint's latency.

Sends 1001 calls to a local server with a fixed latency, 64 in flight. The lower bound is calls x
latency / concurrency seconds. Prints the time of judging and of the whole command, and their ratios
to that bound.

    python benchmarks/judge_throughput.py
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

REPLY = json.dumps(
    {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "judge",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": '{"sample_score": 0.5}'},
            }
        ],
        "usage": {"prompt_tokens": 400, "completion_tokens": 8, "total_tokens": 408},
    }
).encode()


ASKED: list[float] = []
ANSWERED: list[float] = []


async def answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, latency_s: float
) -> None:
    """Answer every request on a connection after ``latency_s`` seconds."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = next(
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length")
            )
            await reader.readexactly(length)
            ASKED.append(time.perf_counter())
            await asyncio.sleep(latency_s)
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(REPLY), REPLY)
            )
            await writer.drain()
            ANSWERED.append(time.perf_counter())
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def serve(latency_s: float) -> int:
    """Start the server in a thread and return its port."""
    port: list[int] = []
    ready = threading.Event()

    async def run() -> None:
        server = await asyncio.start_server(
            lambda r, w: answer(r, w, latency_s), "127.0.0.1", 0, backlog=256
        )
        port.append(server.sockets[0].getsockname()[1])
        ready.set()
        await server.serve_forever()

    threading.Thread(target=lambda: asyncio.run(run()), daemon=True).start()
    ready.wait()
    return port[0]


def predictions(path: Path, count: int) -> None:
    """Write predictions in the benchmark's own format."""
    rows = [
        {
            "question_id": f"{number:04}-01",
            "question": f"What does [{number}] do?",
            "model_prediction": f"It runs, then stops at <{number}>.",
            "ground_truth": f"[{number}] runs at <{number}>.",
            "split": "video",
        }
        for number in range(count)
    ]
    path.write_text(json.dumps(rows))


def main() -> None:
    """Measure once and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1001)
    parser.add_argument("--latency", type=float, default=0.5)
    parser.add_argument("--concurrency", type=int, default=64)
    options = parser.parse_args()
    url = f"http://127.0.0.1:{serve(options.latency)}/v1"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "predictions.json"
        predictions(file, options.calls)
        command = [
            *(sys.executable, "-m", "instit_bench", "score", str(file)),
            *("--task", "inst_it_video_oe", "--name", "r", "--output", folder),
            *("--judge", "openai:judge", "--judge-base-url", url),
            *("--judge-concurrency", str(options.concurrency)),
        ]
        environment = os.environ | {"INSTIT_BENCH_HOME": folder}
        started = time.perf_counter()
        subprocess.run(command, env=environment, check=True, capture_output=True)
        took = time.perf_counter() - started
        results = json.loads((Path(folder) / "r/results.json").read_text())
    scored = results["tasks"]["inst_it_video_oe"]["n_scored"]
    floor = options.calls * options.latency / options.concurrency
    print(f"{scored} of {options.calls} judged, {options.concurrency} in flight")
    judging = max(ANSWERED) - min(ASKED)
    print(f"lower bound: {floor:.2f} s")
    print(f"judging, from first call to last reply: {judging:.2f} s, ratio {judging / floor:.2f}")
    print(f"whole command, with start and tables: {took:.2f} s, ratio {took / floor:.2f}")


if __name__ == "__main__":
    main()

"""What a run costs beyond its endpoint: our command beside a bare client, on the same requests.

``python -m benchmarks.endpoint_costs [ROW …]`` measures the rows of docs/performance.md against a
local server that replies at once or after half a second, and prints for each: ours, the floor,
their ratio and the goal. The bare client joins each body once, from the bytes of files, and sends
it by aiohttp; it neither checks, retries, scores nor writes anything.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import instit_bench
from benchmarks.quick_server import Seen, quick_server, seen_by
from instit_bench.resources import demo_data

REAL_FRAMES = Path(__file__).parents[2] / "shared/data/inst_it/videos_vpt/1"
VIDEOS, QUESTIONS, FRAMES = 206, 1001, 12


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
    home: Path | None = None

    def cost(self, server: str) -> Cost:
        """Run it, in a process of its own; it is all that the server has seen."""
        environment = os.environ | {"INSTIT_BENCH_HOME": str(self.home)}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # installed programs are compiled
        words = [sys.executable, "-m", *map(str, self.words)]
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


def ours(folder: Path, tasks: str, in_flight: int, server: str) -> Command:
    """Our whole command."""
    words = (
        *("instit_bench", "run", "--model", "m", "--backend", "openai", "--base-url", server),
        *("--judge", "none", "--data", folder / "data", "--tasks", tasks, "--name", "r"),
        *("--concurrency", in_flight, "--output", folder / "runs"),
    )
    return Command(words, home=folder / "home")


def bare(bodies: Sequence[Sequence[str]], in_flight: int, server: str) -> Command:
    """The bare client; each body is a text and the names of its images."""
    words = ("benchmarks.endpoint_costs", "--bare")
    return Command(words, stdin=json.dumps([bodies, in_flight, server]))


async def _bare(bodies: Sequence[Sequence[str]], in_flight: int, server: str) -> None:
    import aiohttp

    left = iter(bodies)

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


def _videos(folder: Path, files: Sequence[Path], videos: int, questions: int) -> list[list[str]]:
    """Multiple-choice questions about folders of frames; returns the bare client's bodies."""
    root = folder / "data/Inst-It-Bench"
    for video in range(1, videos + 1):
        place = root / "videos_vpt" / str(video)
        place.mkdir(parents=True)
        for number, file in enumerate(files, start=1):
            os.link(file, place / f"{number}{file.suffix}")
    records = [
        {
            "question_id": f"{index % videos + 1:03d}-{index // videos + 1:02d}",
            "video_path": f"videos_vpt/{index % videos + 1}",
            "question": f"What does [{index}] do at <2> beside [{index + 1}]?",
            "answer": "A",
            "options": {letter: f"It walks to [{letter}]." for letter in "ABCD"},
        }
        for index in range(questions)
    ]
    records.sort(key=lambda record: str(record["question_id"]))
    (root / "video_multi_choices.json").write_text(json.dumps(records))
    return [
        [str(r["question"]), *map(str, sorted((root / str(r["video_path"])).iterdir()))]
        for r in records
    ]


def _tools(folder: Path, count: int) -> list[list[str]]:
    """Text requests: the demo data's tool prompts under new ids."""
    records = json.loads((demo_data() / "gpt4tools/gpt4tools_test_unseen.json").read_text())
    many = [records[number % len(records)] | {"id": number} for number in range(count)]
    place = folder / "data/gpt4tools"
    place.mkdir(parents=True)
    (place / "gpt4tools_test_unseen.json").write_text(json.dumps(many))
    return [[str(record["instruction"])] for record in many]


def _frames_720p(folder: Path, count: int) -> list[Path]:
    from PIL import Image

    files = []
    for number in range(count):
        noise = Image.effect_noise((160, 90), 80).convert("RGB")
        file = folder / f"frame-{number}.jpg"
        noise.resize((1280, 720), Image.Resampling.BICUBIC).save(file, quality=90)
        files.append(file)
    return files


def _real_frames(folder: Path) -> list[Path]:
    """Twelve RGBA PNGs: the benchmark's own where they are at hand, else drawn of like size."""
    from PIL import Image

    if REAL_FRAMES.is_dir():
        names = sorted(REAL_FRAMES.iterdir(), key=lambda path: int(path.stem))
        return [Path(shutil.copy(path, folder / path.name)) for path in names]
    files = []
    for number in range(FRAMES):
        noise = Image.effect_noise((320, 212), 80).convert("RGBA")
        file = folder / f"frame-{number}.png"
        noise.resize((640, 424), Image.Resampling.BICUBIC).save(file)
        files.append(file)
    return files


def frames_row(folder: Path) -> str:
    """32 requests of 8 frames, 720p, 0.5 s."""
    bodies = _videos(folder, _frames_720p(folder, 8), 32, 32)
    mine, floor = _both(partial(ours, folder, "inst_it_video_mc", 32), bodies, 32, 0.5, "A")
    words = "32 x 8 frames 720p, replies after 0.5 s, whole command"
    return _told(words, mine, floor, mine.whole_s, floor.whole_s, "s", "< 1.5")


def real_row(folder: Path) -> str:
    """1,001 multiple-choice questions about 206 videos of 12 RGBA frames."""
    bodies = _videos(folder, _real_frames(folder), VIDEOS, QUESTIONS)
    mine, floor = _both(partial(ours, folder, "inst_it_video_mc", 64), bodies, 64, 0, "A")
    words = "1,001 questions x 12 RGBA frames, 64 in flight, whole command"
    return _told(words, mine, floor, mine.whole_s, floor.whole_s, "s", "< 20")


def text_row(folder: Path) -> str:
    """5,000 text requests, answered at once."""
    bodies = _tools(folder, 5000)
    own = partial(ours, folder, "gpt4tools_unseen", 64)
    mine, floor = _both(own, bodies, 64, 0, "Thought: no")
    rates = (mine.requests / mine.cpu_s, floor.requests / floor.cpu_s)
    return _told("5,000 text requests answered at once", mine, floor, *rates, "per CPU s", ">= 700")


def many_row(folder: Path) -> str:
    """1,304 text requests, 0.5 s, 256 in flight: from the first request to the last reply."""
    bodies = _tools(folder, 1304)
    own = partial(ours, folder, "gpt4tools_unseen", 256)
    mine, floor = _both(own, bodies, 256, 0.5, "Thought: no")
    words = "1,304 text requests, 256 in flight, first request to last reply"
    return _told(words, mine, floor, mine.served_s, floor.served_s, "s", "< 3.2")


def judge_row(folder: Path) -> str:
    """1,001 judge calls, 0.5 s, 64 in flight."""
    rows = [
        {
            "question_id": f"{number:04}-01",
            "question": f"What does [{number}] do?",
            "model_prediction": f"It runs, then stops at <{number}>.",
            "ground_truth": f"[{number}] runs at <{number}>.",
            "split": "video",
        }
        for number in range(QUESTIONS)
    ]
    file = folder / "predictions.json"
    file.write_text(json.dumps(rows))

    def own(server: str) -> Command:
        words = (
            *("instit_bench", "score", file, "--task", "inst_it_video_oe", "--name", "r"),
            *("--judge", "openai:judge", "--judge-base-url", server, "--judge-concurrency", 64),
            *("--output", folder),
        )
        return Command(words, home=folder / "home")

    bodies = [[str(row)] for row in rows]
    mine, floor = _both(own, bodies, 64, 0.5, '{"sample_score": 0.5}')
    words = "1,001 judge calls, 64 in flight, whole command"
    return _told(words, mine, floor, mine.whole_s, floor.whole_s, "s", "<= 9.4")


def _both(
    own: Callable[[str], Command],
    bodies: Sequence[Sequence[str]],
    in_flight: int,
    latency_s: float,
    reply: str,
) -> tuple[Cost, Cost]:
    with quick_server(latency_s, reply) as server:
        mine = own(server).cost(server)
    with quick_server(latency_s, reply) as server:
        floor = bare(bodies, in_flight, server).cost(server)
    if mine.requests != floor.requests:
        sys.exit(f"{mine.requests} requests by the run, {floor.requests} by the bare client")
    return mine, floor


def _told(what: str, mine: Cost, floor: Cost, own: float, bare: float, unit: str, goal: str) -> str:
    values = f"ours {own:.4g} {unit}, floor {bare:.4g}, ratio {own / bare:.2f}, goal {goal}"
    cpu = f"CPU {mine.cpu_s:.1f} s, floor {floor.cpu_s:.1f}"
    served = f"at the server {mine.served_s:.2f} s, floor {floor.served_s:.2f}"
    peak = f"peak {mine.peak_mib:.0f} MiB, floor {floor.peak_mib:.0f}"
    return f"{what}: {values}; {cpu}; {served}; {peak}"


ROWS = {
    "frames": frames_row,
    "real": real_row,
    "text": text_row,
    "many": many_row,
    "judge": judge_row,
}


def main() -> None:
    """Measure the rows, several times if asked, and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        asyncio.run(_bare(*json.load(sys.stdin)))
        return
    if unknown := set(options.rows) - set(ROWS):
        parser.error(f"unknown row {', '.join(unknown)}; choose from {', '.join(ROWS)}")
    print(f"instit-bench {instit_bench.__version__}, {os.cpu_count()} CPUs")
    for name in options.rows or ROWS:
        for _ in range(options.times):
            with tempfile.TemporaryDirectory() as folder:
                print(ROWS[name](Path(folder)), flush=True)


if __name__ == "__main__":
    main()

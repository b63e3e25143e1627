"""What a run costs beyond its endpoint: our command beside other programs, on the same requests.

``python -m benchmarks.endpoint_costs [ROW …]`` measures the rows of docs/performance.md against a
local server that replies at once or after half a second. Each program gets a line: its value, its
ratio to the floor, the goal where there is one, and what else was measured. Programs that
``benchmarks/peers-env`` has not built are left out. A slow program is asked only some of the
requests of a row, and its seconds are scaled to all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import instit_bench
from benchmarks.programs import (
    PEERS,
    Asked,
    Command,
    Cost,
    bare,
    inspect,
    lmms_eval,
    lmms_eval_jpeg,
    threads,
)
from benchmarks.quick_server import quick_server
from instit_bench.resources import demo_data

REAL_FRAMES = Path(__file__).parents[2] / "shared/data/inst_it/videos_vpt/1"
VIDEOS, QUESTIONS, FRAMES = 206, 1001, 12


@dataclass(frozen=True)
class Measure:
    """What is compared: its name, its value, and whether it grows with the number of requests."""

    name: str
    value: Callable[[Cost], float]
    is_time: bool = True


WHOLE = Measure("s, whole command", lambda cost: cost.whole_s)
SERVED = Measure("s, first request to last reply", lambda cost: cost.served_s)
RATE = Measure("requests per CPU s", lambda cost: cost.requests / cost.cpu_s, is_time=False)


@dataclass(frozen=True)
class Row:
    """One comparison; ``most`` says how many of the requests a program gets, if not all."""

    title: str
    measure: Measure
    goal: str
    in_flight: int
    latency_s: float
    reply: str
    asked: Asked
    ours: Callable[[str], Command]
    most: dict[str, int]


PROGRAMS = {
    "openai in threads": threads,
    "inspect_ai": inspect,
    "lmms-eval": lmms_eval,
    "lmms-eval, JPEG": lmms_eval_jpeg,
}


def ours(folder: Path, tasks: str, in_flight: int, server: str) -> Command:
    """Our whole command."""
    words = (
        *(sys.executable, "-m", "instit_bench", "run", "--model", "m", "--backend", "openai"),
        *("--base-url", server, "--judge", "none", "--data", folder / "data", "--tasks", tasks),
        *("--name", "r", "--concurrency", in_flight, "--output", folder / "runs"),
    )
    return Command(words, environment={"INSTIT_BENCH_HOME": str(folder / "home")})


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


def frames_row(folder: Path) -> Row:
    """32 requests of 8 frames, 720p, 0.5 s."""
    asked = _videos(folder, _frames_720p(folder, 8), 32, 32)
    own = partial(ours, folder, "inst_it_video_mc", 32)
    title = "32 requests of 8 frames of 720p, replies after 0.5 s"
    return Row(title, WHOLE, "< 1.5", 32, 0.5, "A", asked, own, dict.fromkeys(PROGRAMS, 32))


def real_row(folder: Path) -> Row:
    """1,001 multiple-choice questions about 206 videos of 12 RGBA frames."""
    asked = _videos(folder, _real_frames(folder), VIDEOS, QUESTIONS)
    own = partial(ours, folder, "inst_it_video_mc", 64)
    title = "1,001 questions with 12 RGBA frames each, 64 in flight"
    most = {"openai in threads": QUESTIONS, "inspect_ai": 100, "lmms-eval": 64}
    return Row(title, WHOLE, "< 20", 64, 0, "A", asked, own, most)


def text_row(folder: Path) -> Row:
    """5,000 text requests, answered at once."""
    asked = _tools(folder, 5000)
    own = partial(ours, folder, "gpt4tools_unseen", 64)
    title = "5,000 text requests, answered at once"
    most = {"openai in threads": 5000, "inspect_ai": 1000, "lmms-eval": 5000}
    return Row(title, RATE, ">= 700", 64, 0, "Thought: no", asked, own, most)


def many_row(folder: Path) -> Row:
    """1,304 text requests, 0.5 s, 256 in flight: from the first request to the last reply."""
    asked = _tools(folder, 1304)
    own = partial(ours, folder, "gpt4tools_unseen", 256)
    title = "1,304 text requests after 0.5 s, 256 in flight"
    most = {"openai in threads": 1304, "inspect_ai": 1304, "lmms-eval": 1304}
    return Row(title, SERVED, "< 3.2", 256, 0.5, "Thought: no", asked, own, most)


def judge_row(folder: Path) -> Row:
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
            *(sys.executable, "-m", "instit_bench", "score", file, "--task", "inst_it_video_oe"),
            *("--name", "r", "--output", folder, "--judge", "openai:judge"),
            *("--judge-base-url", server, "--judge-concurrency", 64),
        )
        return Command(words, environment={"INSTIT_BENCH_HOME": str(folder / "home")})

    asked = [[str(row)] for row in rows]
    title = "1,001 judge calls after 0.5 s, 64 in flight"
    reply = '{"sample_score": 0.5}'
    most = {"openai in threads": QUESTIONS}
    return Row(title, WHOLE, "<= 9.4", 64, 0.5, reply, asked, own, most)


ROWS = {
    "frames": frames_row,
    "real": real_row,
    "text": text_row,
    "many": many_row,
    "judge": judge_row,
}


def measured(row: Row, folder: Path, peers: bool) -> None:
    """Measure a row; print it line by line."""

    def cost(command: Callable[[str], Command], requests: int) -> Cost:
        with quick_server(row.latency_s, row.reply) as server:
            cost = command(server).cost(server)
        if cost.requests != requests:
            sys.exit(f"{row.title}: {cost.requests} requests, where {requests} were to be sent")
        return cost

    print(f"{row.title} ({row.measure.name}; goal {row.goal})", flush=True)
    total = len(row.asked)
    floor = row.measure.value(
        base := cost(lambda server: bare(row.asked, row.in_flight, server, folder), total)
    )
    told("ours", row, cost(row.ours, total), floor, total)
    for name, program in PROGRAMS.items() if peers else ():
        if name not in row.most or not is_built(name):
            continue
        some = row.asked[: row.most[name]]
        sent = cost(
            lambda server, p=program, s=some: p(s, row.in_flight, server, folder), len(some)
        )
        told(name, row, sent, floor, total)
    told("bare client (floor)", row, base, floor, total)


def is_built(name: str) -> bool:
    """Whether a program's environment is there."""
    folder = {"inspect_ai": "inspect", "lmms-eval": "lmms-eval", "lmms-eval, JPEG": "lmms-eval"}
    return name not in folder or (PEERS / folder[name] / "bin/python").exists()


def told(name: str, row: Row, cost: Cost, floor: float, total: int) -> None:
    """Print the line of one program."""
    value = row.measure.value(cost)
    part = ""
    if cost.requests < total:
        part = f"; {cost.requests} requests"
        value *= total / cost.requests if row.measure.is_time else 1
    print(
        f"  {name:<20} {value:9.4g}  ratio {value / floor:6.2f}  CPU {cost.cpu_s:6.1f} s"
        f"  at the server {cost.served_s:6.2f} s  peak {cost.peak_mib:5.0f} MiB{part}",
        flush=True,
    )


def main() -> None:
    """Measure the rows, several times if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--no-peers", action="store_true", help="ours and the floor alone")
    options = parser.parse_args()
    if unknown := set(options.rows) - set(ROWS):
        parser.error(f"unknown row {', '.join(unknown)}; choose from {', '.join(ROWS)}")
    print(f"instit-bench {instit_bench.__version__}, {os.cpu_count()} CPUs")
    for name in options.rows or ROWS:
        for _ in range(options.times):
            with tempfile.TemporaryDirectory() as folder:
                measured(ROWS[name](Path(folder)), Path(folder), not options.no_peers)


if __name__ == "__main__":
    main()

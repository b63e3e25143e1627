"""Measure how the time and memory of the commands grow with the number of samples.

python -m benchmarks.growth [--samples 1000 10000 100000] [--million] [--only run resume …]
                            [--folder DIR] [--json FILE] [--plot FILE.svg]

The task is one of multiple choice without images, as anyone could add it; the model answers at
once. Each command is its own process, and its peak is the operating system's figure for it.
``--million`` adds a million samples, without the report: that takes some ten minutes and 3 GB of
disk, in --folder if the usual one for temporary files is small.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter

TASK = """
task: growth
dataset_path: json
dataset_kwargs: {data_files: growth.jsonl}
doc_to_text: !function utils.text
doc_to_target: answer
metric_list:
  - metric: official_accuracy
  - metric: accuracy
cluster_key: clip
metadata:
  scorer: choice
  choice_fields: [a, b, c, d]
"""
UTILS = """
def text(doc):
    options = "".join(f"\\n{letter}. {doc[letter.lower()]}" for letter in "ABCD")
    return f"{doc['question']}{options}\\nAnswer with the letter."
"""
RUN = "run --backend baseline --include-path task --tasks growth --model {0} --name {0}"
COMMANDS = {
    "run": RUN.format("random"),
    "resume": RUN.format("random"),
    "leaderboard": "leaderboard results/random",
    "compare": "compare results/first results/random",
    "check": "check results/random --baseline results/first",
    "report": "report results/random --no-media",
}
ALLOWED = (0, 1)  # 1: a check that fails
MILLION, NO_REPORT_FROM = 1_000_000, 200_000  # samples
WIDTH, HEIGHT, LEFT, BOTTOM = 340, 260, 46, 34
COLOURS = ("#0b62a4", "#c2410c", "#15803d", "#7e22ce", "#a16207", "#be123c")

Figures = dict[str, dict[int, tuple[float, float]]]
"""Seconds of CPU time and peak memory in MB, by command and number of samples."""


def main() -> None:
    """Measure every command at every size, print a line each, and plot them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--only", choices=COMMANDS, nargs="+", default=list(COMMANDS))
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    figures: Figures = {command: {} for command in COMMANDS}
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for samples in [*options.samples, *[MILLION] * options.million]:
        for command, wall, cpu, megabytes in measured(samples, options.only, options.folder):
            figures[command][samples] = cpu, megabytes
            print(
                f"{samples:>9,} {command:<12} {wall:8.2f} s {cpu:8.2f} CPU s {megabytes:8.0f} MB"
                f"   load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
    figures = {command: at for command, at in figures.items() if at}
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    if options.plot:
        options.plot.write_text(plot(figures))


def measured(
    samples: int, only: Sequence[str], place: Path | None
) -> Iterator[tuple[str, float, float, float]]:
    """Yield each command with its seconds, wall and CPU, and its peak memory in MB."""
    folder = Path(tempfile.mkdtemp(prefix="growth-", dir=place))
    try:
        write_task(folder / "task", samples)
        if {"compare", "check"} & {*only}:
            run(folder, RUN.format("first"))
        for name, command in COMMANDS.items():
            needed = name in only or name == "run"
            if needed and (name != "report" or samples < NO_REPORT_FROM):
                yield name, *run(folder, command)
    finally:
        shutil.rmtree(folder)


def write_task(folder: Path, samples: int) -> None:
    """Write the plugin, with five questions on each clip."""
    folder.mkdir()
    (folder / "growth.yaml").write_text(TASK)
    (folder / "utils.py").write_text(UTILS)
    with (folder / "growth.jsonl").open("w") as file:
        for number in range(samples):
            doc = {
                "id": f"{number // 5:06}-{number % 5}",
                "clip": f"{number // 5:06}",
                "question": f"What does the person marked [{number % 9}] do in clip {number}?",
                "answer": "ABCD"[number % 4],
                **{letter: f"walks to the {letter} door of room {number}" for letter in "abcd"},
            }
            file.write(json.dumps(doc) + "\n")


def run(folder: Path, command: str) -> tuple[float, float, float]:
    """Run a command; return its seconds, wall and CPU, and its peak memory in MB."""
    started = perf_counter()
    words = [sys.executable, "-m", "instit_bench", *command.split()]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(words, cwd=folder, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
    code = process.returncode = os.waitstatus_to_exitcode(status)
    if code not in ALLOWED:
        raise SystemExit(f"{command}: exit code {code}\n{(folder / 'log').read_text()}")
    cpu = usage.ru_utime + usage.ru_stime
    return perf_counter() - started, cpu, usage.ru_maxrss / 1000


def plot(figures: Figures) -> str:
    """Draw time and memory, both axes logarithmic, as SVG."""
    charts = [
        chart(
            "seconds of CPU time",
            {name: {n: f[0] for n, f in at.items()} for name, at in figures.items()},
        ),
        chart("MB", {name: {n: f[1] for n, f in at.items()} for name, at in figures.items()}),
    ]
    keys = "".join(
        f'<text x="{LEFT + 110 * (i % 6)}" y="{HEIGHT + 24}" fill="{colour}">{name}</text>'
        for i, (name, colour) in enumerate(zip(figures, COLOURS, strict=False))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {HEIGHT + 36}" '
        f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
        f'{charts[0]}<g transform="translate({WIDTH} 0)">{charts[1]}</g>{keys}</svg>\n'
    )


def chart(unit: str, lines: dict[str, dict[int, float]]) -> str:
    """Draw one line per command."""
    sizes = sorted({n for at in lines.values() for n in at})
    values = [v for at in lines.values() for v in at.values()]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    across = math.log10(sizes[-1] / sizes[0]) or 1.0

    def x(n: float) -> float:
        return LEFT + (WIDTH - LEFT - 24) * math.log10(n / sizes[0]) / across

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - 24) * (math.log10(value) - low) / (high - low)

    parts = [f'<text x="{LEFT}" y="14">{unit}</text>']
    for power in range(low, high + 1):
        place = y(10**power)
        parts.append(f'<path d="M{LEFT} {place:.0f}H{WIDTH - 24}" stroke="#ddd"/>')
        parts.append(f'<text x="4" y="{place + 4:.0f}">{10.0**power:g}</text>')
    for n in sizes:
        parts.append(f'<text x="{x(n):.0f}" y="{HEIGHT - 14}" text-anchor="middle">{n:,}</text>')
    for (_, at), colour in zip(lines.items(), COLOURS, strict=False):
        points = " ".join(f"{x(n):.1f},{y(value):.1f}" for n, value in sorted(at.items()))
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
    return "".join(parts)


if __name__ == "__main__":
    main()

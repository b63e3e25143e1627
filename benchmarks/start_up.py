"""What a command takes when there is nothing to do: start-up on the demo data.

``python -m benchmarks.start_up [--times N]`` prints for each command the median of its seconds,
its CPU seconds and its peak memory, beside the goal; and for comparison the interpreter alone and
the other harnesses that ``benchmarks/peers-env`` has built.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.programs import PEERS

ALLOWED = (0, 1, 3)  # of a check that fails or cannot be decided
OURS = {
    "--help": ("", "0.10"),
    "tasks list": ("", "0.20"),
    "run --model first --backend baseline --data demo --judge lexical --name a": ("a", "0.75"),
    "score gold.json --task gpt4tools_unseen --data demo --name b": ("b", "0.50"),
    "leaderboard results/first results/random": ("", "0.50"),
    "compare results/first results/random": ("", "0.50"),
    "check results/first --baseline results/first": ("", "0.50"),
    "report results/first": ("", "0.50"),
}
"""Commands, with the run that each makes, and the goal in seconds."""
OTHERS = {
    "python -c pass": (sys.executable, "-c", "pass"),
    "inspect --help": (PEERS / "inspect/bin/inspect", "--help"),
    "lmms-eval --help": (PEERS / "lmms-eval/bin/python", "-m", "lmms_eval", "--help"),
}


def used(words: Sequence[object], folder: Path) -> tuple[float, float, float]:
    """Run a command; return its seconds, its CPU seconds and its peak memory in MB."""
    environment = os.environ | {"INSTIT_BENCH_HOME": str(folder / "home"), "HF_HUB_OFFLINE": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # installed programs are compiled
    started = time.perf_counter()
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*map(str, words)], cwd=folder, env=environment, stdout=log, stderr=log
        )
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in ALLOWED:
        sys.exit(f"{' '.join(map(str, words))}\n{(folder / 'log').read_text()[-2000:]}")
    cpu = usage.ru_utime + usage.ru_stime
    return time.perf_counter() - started, cpu, usage.ru_maxrss / 1000


def prepare(folder: Path) -> None:
    """Make the two runs and the file of predictions that the commands read."""
    from instit_bench.resources import demo_data

    (folder / "gold.json").write_text(
        (demo_data() / "gpt4tools/gpt4tools_test_unseen.json").read_text()
    )
    for model in ("first", "random"):
        words = f"run --model {model} --backend baseline --data demo --judge lexical --name {model}"
        used((sys.executable, "-m", "instit_bench", *words.split()), folder)


def median(words: Sequence[object], folder: Path, times: int, made: str = "") -> tuple[float, ...]:
    """Return the medians of several runs; ``made`` is removed between them."""
    figures = []
    for _ in range(times):
        if made:
            shutil.rmtree(folder / "results" / made, ignore_errors=True)
        figures.append(used(words, folder))
    return tuple(statistics.median(column) for column in zip(*figures, strict=True))


def main() -> None:
    """Measure and print a line per command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        for words, (made, goal) in OURS.items():
            command = (sys.executable, "-m", "instit_bench", *words.split())
            told(words, median(command, folder, options.times, made), f"  goal {goal}")
        for words, command in OTHERS.items():
            if Path(str(command[0])).exists():
                told(words, median(command, folder, options.times), "")


def told(words: str, figures: tuple[float, ...], goal: str) -> None:
    """Print the line of one command."""
    wall, cpu, peak = figures
    print(f"{words[:40]:<40} {wall:6.2f} s  {cpu:6.2f} CPU s  {peak:5.0f} MB{goal}", flush=True)


if __name__ == "__main__":
    main()

"""Measure how a run over replicas scales, and how many samples its one schedule and writer take.

python -m benchmarks.ray_scale latency [--replicas 1 2 4 8] [--rounds 40] [--concurrency 16]
python -m benchmarks.ray_scale throughput [--samples 20000] [--replicas 2]

``latency``: a backend that answers each request after half a second. The efficiency is the time
that so many replicas need at the least, by the time from the first request to the last answer.
``throughput``: a backend that answers at once, so that the process of the run is the limit; its
memory is read every second. A million samples: --samples 1000000.

All of it runs on this machine: with 8 replicas there are 8 processes more beside those of Ray.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import sleep

from benchmarks.growth import write_task

LATENCY_S = 0.5
TICKS = os.sysconf("SC_CLK_TCK")
BACKEND = '''
import asyncio, os, time
from pathlib import Path
from instit_bench.backends import Backend, BackendSpec
from instit_bench.types import Prediction, Usage

class Steady(Backend):
    """Answers after a fixed time; nobody begins before all have started."""

    def __init__(self, options):
        given = options.adapter.arguments
        self.folder, self.delay = Path(given["folder"]), float(given["delay"])
        self.replicas = int(given["replicas"])
        self.first = self.last = None

    def settings(self):
        return {}

    async def start(self, folder, tell):
        (self.folder / f"started-{os.getpid()}").touch()
        while len(list(self.folder.glob("started-*"))) < self.replicas:
            await asyncio.sleep(0.05)

    async def generate(self, request):
        self.first = self.first or time.time()
        if self.delay:
            await asyncio.sleep(self.delay)
        self.last = time.time()
        return Prediction("B", "stop", Usage(100, 1), self.delay)

    async def close(self):
        if self.first:
            (self.folder / f"times-{os.getpid()}").write_text(f"{self.first} {self.last}")

SPEC = BackendSpec("steady", Steady)
'''


@dataclass
class Measured:
    """Seconds from the first request to the last answer; CPU seconds and MB of the run's process.

    ``memory`` are MB every second from when half of the time is over.
    """

    seconds: float
    cpu: float
    peak: float
    memory: list[float]


def main() -> None:
    """Measure one of the two, and print a line for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["latency", "throughput"])
    parser.add_argument("--replicas", type=int, nargs="+")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--samples", type=int, default=20_000)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    if options.what == "latency":
        for replicas in options.replicas or [1, 2, 4, 8]:
            at_once = replicas * options.concurrency
            found = measured(at_once * options.rounds, replicas, options.concurrency, LATENCY_S)
            share = options.rounds * LATENCY_S / found.seconds
            print(
                f"{replicas} replicas, {at_once * options.rounds} samples: {found.seconds:.1f} s, "
                f"{at_once * options.rounds / found.seconds:.1f} samples/s, efficiency "
                f"{share:.3f}; {found.cpu:.1f} CPU s, {found.peak:.0f} MB; load "
                f"{os.getloadavg()[0]:.1f}",
                flush=True,
            )
    else:
        replicas = (options.replicas or [2])[0]
        found = measured(options.samples, replicas, 256, 0.0)
        memory = " ".join(f"{mb:.0f}" for mb in found.memory[:: max(1, len(found.memory) // 10)])
        print(
            f"{options.samples} samples, {replicas} replicas: {found.seconds:.1f} s, "
            f"{options.samples / found.seconds:.0f} samples/s, "
            f"{1e6 * found.cpu / options.samples:.0f} us of CPU per sample in the run's process, "
            f"start and end included; peak {found.peak:.0f} MB, in the second half {memory} MB; "
            f"load {os.getloadavg()[0]:.1f}"
        )


def measured(samples: int, replicas: int, at_once: int, delay: float) -> Measured:
    """Carry out one run, in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="ray-scale-"))
    try:
        write_task(folder / "task", samples)
        plugins = folder / "plugins"
        info = plugins / "steady-1.0.dist-info"
        info.mkdir(parents=True)
        (plugins / "steady.py").write_text(BACKEND)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: steady\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[instit_bench.backends]\nsteady = steady:SPEC\n")
        return _run(folder, plugins, replicas, at_once, delay)
    finally:
        shutil.rmtree(folder)


def _run(folder: Path, plugins: Path, replicas: int, at_once: int, delay: float) -> Measured:
    arguments = {"folder": folder, "delay": delay, "replicas": replicas}
    command = [
        *(sys.executable, "-m", "instit_bench", "run", "--backend", "steady", "--model", "m"),
        *("--include-path", "task", "--tasks", "growth", "--concurrency", str(at_once)),
        *("--ray", "local", "--replicas", str(replicas)),
        *(word for k, v in arguments.items() for word in ("--model-arg", f"{k}={v}")),
    ]
    repository = str(Path(__file__).resolve().parents[1])
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(plugins), repository])}
    memory, peak, cpu = [], 0.0, 0.0
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log) as process,
    ):
        while process.poll() is None:
            sleep(1.0)
            try:
                status = Path(f"/proc/{process.pid}/status").read_text()
                stat = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has just ended
                continue
            if "VmRSS" in status:
                memory.append(_megabytes(status, "VmRSS"))
                peak = _megabytes(status, "VmHWM")
                cpu = (int(stat[11]) + int(stat[12])) / TICKS
    times = [path.read_text().split() for path in folder.glob("times-*")]
    if process.returncode or len(times) != replicas:
        raise SystemExit((folder / "log").read_text())
    seconds = max(float(last) for _, last in times) - min(float(first) for first, _ in times)
    return Measured(seconds, cpu, peak, memory[len(memory) // 2 :])


def _megabytes(status: str, name: str) -> float:
    lines = (line.split() for line in status.splitlines() if line.startswith(name))
    return float(next(lines)[1]) / 1000


if __name__ == "__main__":
    main()

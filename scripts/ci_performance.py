"""Write docs/ci-performance.md from the logs of a run of CI.

CI_LOGS=DIR bash .ci/run, alone on the machine, then ``python scripts/ci_performance.py DIR``.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "ci-performance.md"
SLOWEST = 50
HEAD = """# How long CI takes

`.ci/run` runs four lanes in parallel: the wheel, the tests with lint and types, the tests with the
real vLLM, and the tests with the real lmms-eval. This page is made by `CI_LOGS=DIR bash .ci/run`
and `python scripts/ci_performance.py DIR`, from the logs of a run that had the machine to itself.
"""


@dataclass(frozen=True)
class Lane:
    """One lane's log: its steps with their start in seconds, its CPU time, its slow tests."""

    name: str
    steps: list[tuple[int, str]]
    cpu_s: float
    tests: list[tuple[float, str, str]]


def read(log: Path) -> Lane:
    """Read a lane's log.

    Raises:
        SystemExit: The lane did not end well.
    """
    text = log.read_text(encoding="utf-8")
    steps = [
        (int(at), title) for at, title in re.findall(r"^== (\d+) s: (.+)$", text, re.MULTILINE)
    ]
    if not steps or steps[-1][1] != "done":
        raise SystemExit(f"{log}: the lane did not end well")
    # The shell's ``times`` of its children: user and system, as in 3m21.123s 0m9.456s.
    (*_, spent) = re.findall(r"^(\d+)m([\d.]+)s (\d+)m([\d.]+)s$", text, re.MULTILINE)
    minutes, seconds = map(float, spent[::2]), map(float, spent[1::2])
    tests = re.findall(r"^([\d.]+)s (call|setup|teardown) +(\S.*)$", text, re.MULTILINE)
    return Lane(
        log.stem,
        steps,
        60 * sum(minutes) + sum(seconds),
        [(float(s), part, name) for s, part, name in tests],
    )


def page(lanes: list[Lane]) -> str:
    """The page as Markdown."""
    total = max(lane.steps[-1][0] for lane in lanes)
    cpu = sum(lane.cpu_s for lane in lanes)
    machine = f"{os.cpu_count()} cores ({processor()}), {platform.system()} {platform.machine()}"
    rows = [
        f"| {lane.name} | {title} | {start} | {end - start} |"
        for lane in lanes
        for (start, title), (end, _) in pairwise(lane.steps)
    ]
    slowest = sorted((test for lane in lanes for test in lane.tests), reverse=True)[:SLOWEST]
    return "\n".join(
        [
            HEAD,
            f"Measured with Python {platform.python_version()} on {machine}: **{total / 60:.1f} "
            f"minutes**, {cpu / 60:.1f} minutes of CPU time.\n",
            "## Phases\n",
            "Seconds of wall time; the lanes share the cores.\n",
            "| lane | phase | starts at | takes |\n|---|---|--:|--:|",
            *rows,
            "\n| lane | CPU seconds |\n|---|--:|",
            *(f"| {lane.name} | {lane.cpu_s:.0f} |" for lane in lanes),
            f"\n## The slowest {SLOWEST} tests\n",
            "| seconds | part | test |\n|--:|---|---|",
            *(f"| {seconds:.1f} | {part} | `{name}` |" for seconds, part, name in slowest),
            "",
        ]
    )


def processor() -> str:
    """The processor's name, where the system tells it."""
    told = Path("/proc/cpuinfo")
    found = (
        re.search(r"^model name\s*: (.+)$", told.read_text(), re.MULTILINE)
        if told.exists()
        else None
    )
    return found[1] if found else platform.processor()


if __name__ == "__main__":
    logs = sorted(Path(sys.argv[1]).glob("*.log"))
    PAGE.write_text(page([read(log) for log in logs]), encoding="utf-8")

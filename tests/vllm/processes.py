"""The processes on this machine, read from /proc."""

from __future__ import annotations

import time
from pathlib import Path


def children(pid: int) -> list[int]:
    try:
        return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def tree(pid: int) -> list[int]:
    """Return all descendants of a process, parents first."""
    found = []
    for child in children(pid):
        found += [child, *tree(child)]
    return found


def command_line(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def environment(pid: int) -> dict[str, str]:
    try:
        entries = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def key_of_engine(pid: int, timeout_s: float = 120) -> str:
    """Return the key that the run with process ``pid`` gave its engine, read from the engine."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        for child in tree(pid):
            if key := environment(child).get("VLLM_API_KEY"):
                return key
        time.sleep(0.02)
    raise TimeoutError(f"no process below {pid} has a key")


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"

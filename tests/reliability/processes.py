"""Processes of the command line that start in milliseconds, so that hundreds can be killed."""

from __future__ import annotations

import multiprocessing
import os
import random
import sys
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

_PRELOADED = ["instit_bench.evaluation.runner", "instit_bench.evaluation.score", "openai"]


def forkserver() -> ForkServerContext:
    """Processes that begin with the program's modules loaded."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    return context


def start(folder: Path, *words: object) -> BaseProcess:
    """Start ``instit-bench …`` in a folder; its output is in ``folder/told``."""
    process = forkserver().Process(target=_main, args=(folder, [*map(str, words)]))
    process.start()
    return process


def _main(folder: Path, words: list[str]) -> None:
    from instit_bench.cli.main import main

    os.chdir(folder)
    for name in [name for name in os.environ if name.startswith(("INSTIT_BENCH_", "OPENAI_"))]:
        del os.environ[name]
    os.environ["INSTIT_BENCH_HOME"] = str(folder / "home")
    told = os.open(folder / "told", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(told, 1)
    os.dup2(told, 2)
    sys.argv = ["instit-bench", *words]
    main()


def killed(process: BaseProcess, ready: Callable[[], bool], then_s: float = 0.0) -> bool:
    """Kill the process once it is ``ready``, or a moment later; return whether that ended it."""
    while process.is_alive() and not ready():
        time.sleep(0.0005)
    if then_s:
        time.sleep(then_s)
    process.kill()
    process.join()
    return process.exitcode == -9


def begun(folder: Path) -> Callable[[], bool]:
    """Whether anything in the folder has changed since this call."""

    def state() -> list[tuple[str, int]]:
        try:
            return [(str(path), path.stat().st_mtime_ns) for path in (folder, *folder.rglob("*"))]
        except OSError:  # something was just moved
            return []

    before = state()
    return lambda: state() != before


def moment(random_: random.Random) -> float:
    """A pause in seconds: often none, sometimes as long as a whole command works."""
    return random_.choice((0.0, random_.uniform(0, 0.01), random_.uniform(0, 0.15)))

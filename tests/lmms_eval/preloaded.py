"""lmms-eval's command line in processes that have imported it already.

Importing PyTorch and reading the YAML files of lmms-eval's 3,000 tasks takes longer than a run with
a tiny model. One process, this file run as a program, does both once. Each run is a fork of it,
with its own arguments, folder, environment and output, and does what ``python -m lmms_eval`` does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from importlib import import_module
from pathlib import Path
from subprocess import CompletedProcess


class Preloaded:
    """The process that has imported lmms-eval."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, arguments: list[str], folder: Path, env: dict[str, str]) -> CompletedProcess[str]:
        """Run lmms-eval in a folder and wait for it."""
        out, err = folder / "stdout.txt", folder / "stderr.txt"
        request = {
            "arguments": arguments,
            "folder": str(folder),
            "env": env,
            "out": str(out),
            "err": str(err),
        }
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        return CompletedProcess(arguments, code, out.read_text(), err.read_text())


@contextmanager
def preloaded(env: dict[str, str]) -> Iterator[Preloaded]:
    """Start the process; it ends with the block."""
    command = [sys.executable, __file__]
    with subprocess.Popen(
        command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Preloaded(process)


def _serve() -> None:
    import_module("lmms_eval.__main__")
    _index_tasks_once()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _evaluate(**json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _index_tasks_once() -> None:
    """Keep lmms-eval's index of its own tasks for the forks; each reads other folders itself."""
    from lmms_eval.tasks import TaskManager

    read = TaskManager._get_task_and_group
    known: dict[str, dict[str, object]] = {}

    def read_once(self: TaskManager, folder: str) -> dict[str, object]:
        if folder not in known:
            known[folder] = read(self, folder)
        return deepcopy(known[folder])

    TaskManager._get_task_and_group = read_once
    TaskManager()


def _evaluate(arguments: list[str], folder: str, env: dict[str, str], out: str, err: str) -> None:
    from lmms_eval.cli.dispatch import main

    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    for name, flags, descriptor in (
        (os.devnull, os.O_RDONLY, 0),
        (out, os.O_WRONLY | os.O_CREAT, 1),
        (err, os.O_WRONLY | os.O_CREAT, 2),
    ):
        os.dup2(os.open(name, flags), descriptor)
    sys.path[:0] = [path for path in env["PYTHONPATH"].split(":") if path not in sys.path]
    sys.argv = ["lmms_eval", *arguments]
    main()
    sys.exit(0)


if __name__ == "__main__":
    _serve()

"""A real ``instit-bench view``, as a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.command_line import cli_environment


@contextmanager
def viewer(folder: Path, *options: str) -> Iterator[str]:
    """Serve ``folder/results`` until the block ends; yields the address without a path."""
    command = [sys.executable, "-m", "instit_bench", "view", "--port", "0", *options]
    with subprocess.Popen(
        command,
        cwd=folder,
        env=cli_environment(INSTIT_BENCH_HOME=str(folder / "home")),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        try:
            assert line.startswith("view: http://127.0.0.1:"), line + process.stderr.read()
            yield line.split()[1].rstrip("/")
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == 0
            assert process.stderr.read() == ""

"""A real terminal for tests: a command in a pseudo-terminal, and the screen that it draws."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pyte

from tests.command_line import cli_environment

_PATIENCE_S = 90.0


class Terminal:
    """Python with these words, whose controlling terminal is ``columns`` wide."""

    def __init__(self, folder: Path, words: tuple[object, ...], columns: int, lines: int) -> None:
        self._screen = pyte.HistoryScreen(columns, lines, history=500)
        self._stream = pyte.ByteStream(self._screen)
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, *map(str, words)],
            cwd=folder,
            env=cli_environment(INSTIT_BENCH_HOME=str(folder / "home"), TERM="xterm-256color"),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
        )
        os.close(theirs)
        self._open = True

    @property
    def shown(self) -> str:
        """All that is on the screen and above it."""
        above = ["".join(line[x].data for x in sorted(line)) for line in self._screen.history.top]
        return "\n".join(line.rstrip() for line in (*above, *self._screen.display))

    @property
    def screen(self) -> list[str]:
        """The lines on the screen."""
        return [line.rstrip() for line in self._screen.display if line.strip()]

    def wait_for(self, text: str) -> str:
        """Return what is shown once it contains a text."""
        deadline = time.monotonic() + _PATIENCE_S
        while text not in self.shown:
            assert self._read(), f"ended without {text!r}:\n{self.shown}"
            assert time.monotonic() < deadline, f"no {text!r}:\n{self.shown}"
        return self.shown

    def type(self, keys: bytes) -> None:
        """Press keys, such as ``b"\\x03"`` for Ctrl-C."""
        os.write(self._ours, keys)

    def close(self) -> None:
        """Close the window."""
        if self._open:
            self._open = False
            os.close(self._ours)

    def end(self) -> int:
        """Wait for the command's end; return its exit code."""
        while self._open and self._read():
            pass
        return self.process.wait(_PATIENCE_S)

    def _read(self) -> bool:
        """Read what is there; return whether there may be more."""
        if select.select([self._ours], [], [], 0.1)[0]:
            with suppress(OSError):  # how a closed terminal ends, on Linux
                if data := os.read(self._ours, 65536):
                    self._stream.feed(data)
                    return True
            return False
        return True


@contextmanager
def terminal(
    folder: Path,
    *args: object,
    program: tuple[str, str] = ("-m", "instit_bench"),
    columns: int = 80,
    lines: int = 40,
) -> Iterator[Terminal]:
    """Run ``instit-bench …`` in a terminal; it is killed if it has not ended by itself."""
    running = Terminal(folder, (*program, *args), columns, lines)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGKILL)
            running.process.wait(_PATIENCE_S)
        running.close()

"""Keep an engine from outliving its run. Started as a script: ``guard.py COMMAND…``.

The run holds the other end of this process's standard input and never writes to it. When the
run dies, for any reason, the kernel closes that end; this process then ends the engine with
all its children. A signal to the parent's death alone (``PR_SET_PDEATHSIG``) would reach the
engine's first process and none of its workers.

Only the standard library is imported: it starts in milliseconds in any environment.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

GRACE_S = 8.0
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def main(command: list[str]) -> int:
    """Run the command until it or standard input ends; return its exit status."""
    libc = ctypes.CDLL(None)
    # Orphaned workers become children of this process, so that it finds them.
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    engine = subprocess.Popen(  # noqa: S603 - the command is the run's own
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        # If even this process is killed, the engine's first process is killed too.
        preexec_fn=lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0),  # noqa: PLW1509
    )
    try:
        _wait_for_either(engine)
    finally:
        _end(engine)
    return engine.returncode if engine.returncode >= 0 else 128 - engine.returncode


def _wait_for_either(engine: subprocess.Popen[bytes]) -> None:
    """Return when the engine has ended, or the run has closed standard input."""
    ended = os.pidfd_open(engine.pid)
    select.select([sys.stdin.fileno(), ended], [], [])
    os.close(ended)


def _end(engine: subprocess.Popen[bytes]) -> None:
    """Ask the engine's whole group to end, then end what is left."""
    _signal_group(engine.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        engine.wait(GRACE_S)
    _signal_group(engine.pid, signal.SIGKILL)
    engine.wait()
    for _ in range(100):
        children = _children()
        if not children:
            return
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        time.sleep(0.02)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def _children() -> list[int]:
    """Return this process's children, including any that the engine left behind."""
    me = os.getpid()
    return [int(child) for child in Path(f"/proc/{me}/task/{me}/children").read_text().split()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

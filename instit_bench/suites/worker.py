"""One run of a suite in its own process; ``execute.py`` starts it as ``python -m`` this module.

A process of its own keeps a run's memory, engine and faults apart from the others'. Its settings
are the first line of standard input, which stays open: when it ends, the suite is gone, and the run
ends as it does on SIGTERM.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import BinaryIO, Literal

from pydantic import BaseModel

from instit_bench.errors import InstitBenchError, Problem
from instit_bench.progress import Lines, Outcome


class Event(BaseModel):
    """What a run tells its suite, one line of JSON each.

    ``begin``; ``lane``: ``text`` has ``total`` steps, of which ``done`` were done before; ``step``:
    one of them ended, with its ``outcome``; ``status``: a line for the user; ``ended``: the exit
    ``code`` that the run alone would have, and why in ``text``.
    """

    kind: Literal["begin", "lane", "step", "status", "ended"]
    text: str = ""
    total: int = 0
    done: int = 0
    outcome: Outcome = "done"
    code: int = 0


class _Telling:
    """A run's reporter that writes events."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def tell(self, event: Event) -> None:
        """Write one event; a suite that is gone is noticed on standard input."""
        line = event.model_dump_json(exclude_defaults=True).encode() + b"\n"
        with self._lock:
            try:
                self._stream.write(line)
                self._stream.flush()
            except BrokenPipeError:
                return

    def begin(self, run: Path) -> None:
        """Tell that it starts."""
        self.tell(Event(kind="begin", text=str(run)))

    def lane(self, name: str, total: int, done: int, *, judging: bool = False) -> None:  # noqa: ARG002
        """Tell what there is to do."""
        self.tell(Event(kind="lane", text=name, total=total, done=done))

    def engines(self, lines: Lines) -> None:
        """Keep them: a suite shows one line per run."""

    def status(self, text: str) -> None:
        """Tell a line."""
        self.tell(Event(kind="status", text=text))

    def detail(self, text: str) -> None:
        """Keep it: the run's journal has it."""

    def asked(self, lane: str) -> None:
        """Keep it: rates are not shown."""

    def step(self, lane: str, outcome: Outcome = "done", tokens: int = 0) -> None:  # noqa: ARG002
        """Tell a step."""
        self.tell(Event(kind="step", text=lane, outcome=outcome))

    def end(self) -> None:
        """The end is told with the exit code."""


def main() -> int:
    """Run what the first line of standard input says."""
    asked, told = _keep_pipes()
    settings = json.loads(asked.readline())
    threading.Thread(target=_end_with_the_suite, args=(asked,), daemon=True).start()
    telling = _Telling(told)
    try:
        problem = _run(settings, telling)
    except InstitBenchError as error:
        problem = Problem(str(error), error.exit_code)
    except OSError as error:
        problem = Problem(f"{error.filename or 'file system'}: {error.strerror or error}")
    except KeyboardInterrupt:
        problem = Problem("interrupted", 130)
    if problem is not None:
        telling.tell(Event(kind="ended", text=problem.message, code=problem.exit_code))
        return problem.exit_code
    telling.tell(Event(kind="ended"))
    return 0


def _run(settings: dict[str, object], reporter: _Telling) -> Problem | None:
    from instit_bench.comparison.gate import gate_of
    from instit_bench.evaluation.config import make_config
    from instit_bench.evaluation.runner import run

    config = make_config(None, settings)
    outcome = run(config, reporter, gate_of(config))
    for line in outcome.warnings:
        reporter.status(line)
    return outcome.conclusion(config.min_coverage)


def _keep_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Return standard input and output for the suite alone; other output goes to the error log."""
    stdin, stdout, stderr = (stream.fileno() for stream in (sys.stdin, sys.stdout, sys.stderr))
    asked, told = os.fdopen(os.dup(stdin), "rb"), os.fdopen(os.dup(stdout), "wb")
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), stdin)
    os.dup2(stderr, stdout)
    return asked, told


def _end_with_the_suite(asked: BinaryIO) -> None:
    asked.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    os._exit(status)  # the listening thread would keep standard input busy

"""The process that holds a model. ``process.py`` starts it as ``python -m`` this module."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import traceback
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO

from instit_bench.backends.lmms_eval.batches import batches
from instit_bench.backends.lmms_eval.model import Broken, Model, reason_of
from instit_bench.backends.lmms_eval.wire import Event, Setup


def main() -> int:
    """Load the model that the first message names, then answer until standard input ends."""
    asked, answers = _keep_pipes()
    incoming: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_listen, args=(asked, incoming), daemon=True).start()
    setup: Setup = incoming.get()
    try:
        model = Model(setup)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - adapters raise anything
        traceback.print_exc()
        _tell(answers, Event(kind="broken", text=reason_of(error)))
        return 1
    _tell(answers, Event(kind="ready"))
    for questions in batches(incoming, setup.batch_size):
        try:
            events = model.answer(questions)
        except Broken as error:
            _tell(answers, Event(kind="broken", text=str(error)))
            return 1
        for event in events:
            _tell(answers, event)
    return 0


def _keep_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Return standard input and output for the run alone.

    A model that reads standard input gets nothing, and anything else that is printed goes to the
    log.
    """
    stdin, stdout, stderr = (stream.fileno() for stream in (sys.stdin, sys.stdout, sys.stderr))
    asked, answers = os.fdopen(os.dup(stdin), "rb"), os.fdopen(os.dup(stdout), "wb")
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), stdin)
    os.dup2(stderr, stdout)
    return asked, answers


def _listen(questions: BinaryIO, incoming: SimpleQueue[Any]) -> None:
    """Pass on the run's questions. When the run is gone, for any reason, exit immediately."""
    try:
        while True:
            incoming.put(pickle.load(questions))  # noqa: S301 - only the run writes to this pipe
    except (EOFError, pickle.UnpicklingError):
        os.killpg(0, signal.SIGKILL)  # the adapter's children too: the run made us a process group


def _tell(answers: BinaryIO, event: Event) -> None:
    answers.write(event.model_dump_json().encode() + b"\n")
    answers.flush()


if __name__ == "__main__":
    status = 1
    try:
        status = main()
    except BaseException:  # noqa: BLE001 - the run is told the last words
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(status)  # a normal exit would wait for the listening thread

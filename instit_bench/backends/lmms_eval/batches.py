"""Group questions into batches for one call of a model."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from queue import Empty, SimpleQueue

from instit_bench.backends.lmms_eval.wire import Question

# If there is another question at all, it follows the last within milliseconds.
LINGER_S = 0.2


def batches(incoming: SimpleQueue[Question], size: int) -> Iterator[list[Question]]:
    """Yield batches of at most ``size`` questions, without end.

    Questions with other settings or other kinds of media wait: models read the settings from a
    batch's first question, and many cannot mix images with text alone.
    """
    waiting: deque[Question] = deque()
    while True:
        if not waiting:
            waiting.append(incoming.get())
        kind = _kind(waiting[0])
        while sum(_kind(question) == kind for question in waiting) < size:
            try:
                waiting.append(incoming.get(timeout=LINGER_S))
            except Empty:
                break
        chosen = [question for question in waiting if _kind(question) == kind][:size]
        for question in chosen:
            waiting.remove(question)
        yield chosen


def _kind(question: Question) -> tuple[str, frozenset[str], int]:
    parts = {type(part).__name__ for message in question.messages for part in message.parts}
    return json.dumps(question.settings, sort_keys=True), frozenset(parts), question.frames

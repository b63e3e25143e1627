"""The model inside its process: loaded once, called in batches."""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Sequence
from typing import Any

from instit_bench.backends.lmms_eval.instances import instance, task_dict
from instit_bench.backends.lmms_eval.wire import Event, Question, Setup


class Broken(Exception):  # noqa: N818 - a state of the process
    """The process cannot answer any more questions."""


class Model:
    """An lmms-eval adapter. Errors are printed with their traceback, and reported to the run."""

    def __init__(self, setup: Setup) -> None:
        """Load the model; raises whatever the adapter raises."""
        import numpy as np
        import torch
        from lmms_eval.models import get_model
        from lmms_eval.utils import handle_arg_string
        from loguru import logger

        random.seed(setup.seed)
        np.random.seed(setup.seed % 2**32)
        torch.manual_seed(setup.seed)
        arguments = {key: handle_arg_string(value) for key, value in setup.arguments.items()}
        adapter = get_model(setup.model, setup.force_simple)
        self._is_chat = not adapter.is_simple
        self._logged_errors: list[str] = []
        logger.add(self._logged_errors.append, level="ERROR", format="{message}")
        self._model = adapter(**{"batch_size": setup.batch_size, **arguments})

    def answer(self, questions: Sequence[Question]) -> list[Event]:
        """Return one event per question; if a batch fails, each of its questions is tried alone.

        Raises:
            Broken: No later question can be answered either.
        """
        try:
            return self._generate(questions)
        except (Exception, SystemExit) as error:  # adapters raise anything
            traceback.print_exc()
            reason = reason_of(error)
            if "CUDA error" in reason or "device-side assert" in reason:
                raise Broken(reason) from error
        if len(questions) == 1:
            return [Event(kind="error", number=questions[0].number, text=reason)]
        return [event for question in questions for event in self.answer([question])]

    def _generate(self, questions: Sequence[Question]) -> list[Event]:
        from lmms_eval.api.instance import unwrap_generation_output

        self._logged_errors.clear()
        self._model.task_dict = task_dict(questions)
        asked = [instance(question, self._is_chat) for question in questions]
        started = time.perf_counter()
        outputs = self._model.generate_until(asked)
        seconds = time.perf_counter() - started
        if len(outputs) != len(asked):
            raise RuntimeError(f"{len(outputs)} replies to {len(asked)} requests")
        events = []
        for question, output in zip(questions, outputs, strict=True):
            # lmms-eval itself would accept no reply for the word "None".
            text, counts = (None, None) if output is None else unwrap_generation_output(output)
            if not isinstance(text, str):
                raise TypeError(f"a reply must be text, not {type(text).__name__}")
            if not text and self._logged_errors:  # some adapters return this for their own errors
                raise RuntimeError(self._logged_errors[-1].strip())
            events.append(
                Event(
                    kind="reply",
                    number=question.number,
                    text=text.encode("utf-8", errors="replace").decode(),
                    tokens=_tokens(counts) if len(questions) == 1 else None,
                    seconds=seconds,
                )
            )
        return events


def _tokens(counts: Any) -> int | None:
    """Return the tokens generated; only right for one question, since batches count padding too."""
    return None if counts is None or counts.output_tokens is None else int(counts.output_tokens)


def reason_of(error: BaseException) -> str:
    """Format an error on one line, with its type."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]

"""The model itself, inside its process: loaded once, asked in batches."""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Sequence
from typing import Any

from instit_bench.backends.lmms_eval.instances import instance, task_dict
from instit_bench.backends.lmms_eval.wire import Event, Question, Setup


class Broken(Exception):  # noqa: N818 - a state of the process
    """The process can answer nothing more."""


class Model:
    """An adapter of lmms-eval. What goes wrong is printed with its traceback, and told."""

    def __init__(self, setup: Setup) -> None:
        """Load it; raises whatever the adapter does."""
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
        """One event a question; where a batch fails, each of its questions is asked alone.

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
            # lmms-eval itself would take no reply for the word "None".
            text, counts = (None, None) if output is None else unwrap_generation_output(output)
            if not isinstance(text, str):
                raise TypeError(f"a reply must be text, not {type(text).__name__}")
            if not text and self._logged_errors:  # some adapters reply so to errors of their own
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
    """Tokens generated; in a batch adapters count its padding too, so only alone is it true."""
    return None if counts is None or counts.output_tokens is None else int(counts.output_tokens)


def reason_of(error: BaseException) -> str:
    """An error in one line, with its kind."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]

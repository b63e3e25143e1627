"""Answers without a model: a floor that every model must beat, and a check of the setup.

``random`` picks an option (or a listed tool, or none) uniformly; ``first`` takes the first;
``text:…`` always gives the same answer; ``echo-gold`` repeats the target and only shows that a
setup works. Answers depend only on seed, task and id, so neither order nor resuming changes them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import Any

from instit_bench.backends.base import Backend, BackendOptions
from instit_bench.errors import InputError
from instit_bench.types import Prediction, Request, Sample

ECHO_GOLD = "echo-gold"
_MODELS = ("random", "first", ECHO_GOLD, "text:…")
_TOOL_LIST = re.compile(r"should be one of \[(.*)\]")
_FILE_NAME = re.compile(r"[\w./-]+\.png")
_NO_TOOL = "Thought: Do I need to use a tool? No\nAI: I do not know."
_NO_ANSWER = "I do not know."


class BaselineBackend(Backend):
    """See the module's description."""

    def __init__(self, options: BackendOptions) -> None:
        model = options.model
        if model not in _MODELS[:-1] and not model.startswith("text:"):
            raise InputError(
                f"backend baseline has no model {model!r}; choose one of {', '.join(_MODELS)}"
            )
        self._model = model
        self._seed = options.seed
        self._random = random.Random()  # noqa: S311 - seeded anew for each answer

    def settings(self) -> dict[str, Any]:
        """Return the seed."""
        return {"seed": self._seed}

    async def generate(self, request: Request) -> Prediction:
        """Answer immediately."""
        answer = self._answer(request.sample).removeprefix(request.reply_start)
        return Prediction(answer, finish_reason="stop")

    def _answer(self, sample: Sample) -> str:
        if self._model == ECHO_GOLD:
            return sample.target
        if self._model.startswith("text:"):
            # A shell passes \n as two characters; here it means a newline.
            return self._model.removeprefix("text:").replace("\\n", "\n")
        options = _options(sample)
        if not options:
            return _NO_ANSWER
        if self._model == "first":
            return options[0]
        # Python seeds from text by its SHA-512, which is the same on every machine.
        self._random.seed(f"{self._seed}/{sample.task}/{sample.id}")
        return self._random.choice(options)


def _options(sample: Sample) -> Sequence[str]:
    """Return the options to guess from: letters, or one call of each listed tool, or none."""
    if sample.choices:
        return [chr(ord("A") + index) for index in range(len(sample.choices))]
    tools = _TOOL_LIST.search(sample.question)
    if tools is None:
        return []
    files = _FILE_NAME.findall(sample.question)
    calls = [
        f"Thought: Do I need to use a tool? Yes\nAction: {name.strip()}\n"
        f"Action Input: {files[-1] if files else ''}"
        for name in tools.group(1).split(",")
    ]
    return [*calls, _NO_TOOL]

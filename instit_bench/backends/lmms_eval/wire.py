"""The messages between a run and the process that holds its model.

The run writes one ``Setup`` and then one ``Question`` per request, pickled, to the process's
standard input; the process writes one ``Event`` per line of JSON: model output is only ever text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from instit_bench.types import Message


@dataclass(frozen=True, slots=True)
class Setup:
    """Which model to load; ``arguments`` are its constructor's, as text."""

    model: str
    force_simple: bool
    arguments: Mapping[str, str]
    batch_size: int
    seed: int


@dataclass(frozen=True, slots=True)
class Question:
    """One request. ``settings`` are lmms-eval's ``generation_kwargs``.

    ``frames`` is the number of images if they are one video's, else 0.
    """

    number: int
    messages: tuple[Message, ...]
    settings: Mapping[str, Any]
    frames: int = 0


class Event(BaseModel):
    """The outcome of loading the model or of one question.

    ``ready`` and ``broken`` end the loading; ``broken`` also ends later work. ``reply`` and
    ``error`` answer the question of this ``number``. ``tokens`` is the number generated, if known;
    ``seconds`` is the duration of the call.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["ready", "broken", "reply", "error"]
    number: int = -1
    text: str = ""
    tokens: int | None = None
    seconds: float | None = None

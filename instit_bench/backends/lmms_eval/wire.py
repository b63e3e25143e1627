"""What a run and the process that holds its model say to each other.

The run writes one ``Setup`` and then a ``Question`` a request, pickled, to the process's standard
input; the process answers with one ``Event`` a line of JSON: what a model says is only ever text.
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

    ``frames`` is the number of pictures where they are one video's, else 0.
    """

    number: int
    messages: tuple[Message, ...]
    settings: Mapping[str, Any]
    frames: int = 0


class Event(BaseModel):
    """What became of the model or of one question.

    ``ready`` and ``broken`` end the loading, and ``broken`` any later work too; ``reply`` and
    ``error`` answer the question of this ``number``. ``tokens`` are those generated, where known;
    ``seconds`` those of the call.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["ready", "broken", "reply", "error"]
    number: int = -1
    text: str = ""
    tokens: int | None = None
    seconds: float | None = None

"""Read model and settings from lmms-eval's results file, beside a sample log."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from instit_bench.errors import InputError
from instit_bench.textfile import read_json
from instit_bench.types import RequestForm

_STYLES: Mapping[str, RequestForm] = {"chat": "chat", "simple": "raw"}


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """The model's name, and prompt style and sampling settings as in a run's manifest.

    The two are known together or not at all: half of a protocol cannot be compared with anything.
    """

    model: str | None = None
    style: RequestForm | None = None
    generation: Mapping[str, Any] = field(default_factory=dict)


class _Settings(BaseModel):
    """``generation_kwargs`` of a task; without sampling the temperature is 0."""

    max_new_tokens: int | None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    do_sample: bool = False
    until: list[str] | str = []


def read_logged_run(log: Path, task: str) -> LoggedRun:
    """Return what is known; nothing if the file is missing or has another format."""
    path = log.with_name(f"{log.name.split('_samples_')[0]}_results.json")
    try:
        found = read_json(path)
    except InputError:
        return LoggedRun()
    config = _at(found, "config")
    name = _at(found, "model_name") or _at(config, "model")
    model = name if isinstance(name, str) else None
    kind = re.search(r"\((chat|simple)\)$", str(_at(config, "model_backend")))
    try:
        kwargs = _at(_at(_at(found, "configs"), task), "generation_kwargs")
        settings = _Settings.model_validate(kwargs)
    except ValidationError:
        return LoggedRun(model)
    return LoggedRun(model, _STYLES[kind[1]], _generation(settings)) if kind else LoggedRun(model)


def _generation(settings: _Settings) -> dict[str, Any]:
    return {
        "max_tokens": settings.max_new_tokens,
        "temperature": settings.temperature if settings.do_sample else 0.0,
        "top_p": settings.top_p,
        "top_k": settings.top_k,
        "stop": [settings.until] if isinstance(settings.until, str) else settings.until,
    }


def _at(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None

"""Locate the files shipped with the project: in the checkout or inside the wheel."""

from __future__ import annotations

import os
from pathlib import Path

from instit_bench.errors import InputError

PACKAGE = Path(__file__).resolve().parent

# Usage statistics of vLLM, Hugging Face and whatever else honours the common variable stay off.
NO_TELEMETRY = {"VLLM_NO_USAGE_STATS": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}

# Name inside the wheel (see pyproject.toml, force-include) -> location in a checkout.
_CHECKOUT = {"tasks": "tasks", "published": "results/published"}


def shipped(name: str) -> Path:
    """Return the folder ``tasks`` or ``published`` of this installation."""
    inside_wheel = PACKAGE / "_shipped" / name
    if inside_wheel.is_dir():
        return inside_wheel
    return PACKAGE.parent / _CHECKOUT[name]


def demo_data() -> Path:
    """Return the embedded demo data, an ordinary data folder."""
    return PACKAGE / "datasets" / "demo"


def home() -> Path:
    """The folder for downloaded data: ``$INSTIT_BENCH_HOME`` or ``~/.cache/instit-bench``.

    Raises:
        InputError: The user has no home folder, as in some containers.
    """
    try:
        return Path(os.environ.get("INSTIT_BENCH_HOME") or "~/.cache/instit-bench").expanduser()
    except RuntimeError as error:
        raise InputError(
            "this user has no home folder for data and caches; set INSTIT_BENCH_HOME to a folder"
        ) from error

"""Where the files that ship with the project are: in the checkout or inside the wheel."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent

# Name inside the wheel (see pyproject.toml, force-include) -> place in a checkout.
_CHECKOUT = {"tasks": "tasks", "published": "results/published"}


def shipped(name: str) -> Path:
    """The folder ``tasks`` or ``published``, wherever this installation keeps it."""
    inside_wheel = PACKAGE / "_shipped" / name
    if inside_wheel.is_dir():
        return inside_wheel
    return PACKAGE.parent / _CHECKOUT[name]


def demo_data() -> Path:
    """The embedded demo data, a data folder like any other."""
    return PACKAGE / "datasets" / "demo"


def home() -> Path:
    """The folder for downloaded data: ``$INSTIT_BENCH_HOME`` or ``~/.cache/instit-bench``."""
    chosen = os.environ.get("INSTIT_BENCH_HOME")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "instit-bench"

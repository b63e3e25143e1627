"""Collects what the long versions counted and measured, and prints it at the end."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytest

FIGURES = pytest.StashKey[dict[str, str]]()


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Keep a figure for the end of the session, by what it is about."""
    return request.config.stash.setdefault(FIGURES, {}).__setitem__


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the figures of one of several processes (``-n``) to the one that prints them."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["figures"] = session.config.stash.get(FIGURES, {})


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over the figures of a process that has ended."""
    figures = getattr(node, "workeroutput", {}).get("figures", {})
    node.config.stash.setdefault(FIGURES, {}).update(figures)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the figures of the long versions."""
    figures = config.stash.get(FIGURES, {})
    if not figures or config.option.markexpr != "reliability":
        return
    packages = ", ".join(f"{name} {version(name)}" for name in ("pydantic", "aiohttp", "av"))
    terminalreporter.section("reliability")
    terminalreporter.line(
        f"Python {platform.python_version()} on {platform.system()} {platform.machine()} with "
        f"{os.cpu_count()} CPUs; {packages}"
    )
    for what, value in figures.items():
        terminalreporter.line(f"{what}: {value}")

"""Shared by all tests: the command line as a real process, and the real data where it is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED_DATA = REPOSITORY.parent / "shared" / "data"

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def cli_environment(**extra: str) -> dict[str, str]:
    """The process environment without anything that would change a run."""
    dropped = ("INSTIT_BENCH_", "OPENAI_", "HF_", "GITHUB_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
    return kept | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": str(REPOSITORY)} | extra


def cli_in(folder: Path) -> Cli:
    """``instit-bench …`` in a folder; keyword arguments are environment variables."""

    def run(*args: object, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "instit_bench", *map(str, args)],
            cwd=folder,
            env=cli_environment(INSTIT_BENCH_HOME=str(folder / "home"), **env),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Run ``instit-bench …`` in an empty folder."""
    return cli_in(tmp_path)


@pytest.fixture
def shared_data() -> Path:
    """The benchmarks' real data, beside the checkout where someone has put them."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the benchmarks' real data are not beside this checkout")
    return SHARED_DATA

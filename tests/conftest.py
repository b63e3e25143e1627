"""Fixtures for all tests: the command line and the benchmarks' real data, if available."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

from tests.command_line import REPOSITORY, Cli, cli_in, cli_process_in

SHARED_DATA = REPOSITORY.parent / "shared" / "data"

# Set before the hub's client is imported, which reads it once: no test contacts the real hub.
os.environ["HF_HUB_OFFLINE"] = "1"

# A background process of a shell ignores Ctrl-C, and so would every process that a test starts.
# Installing a handler prevents that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Examples have no deadline, as the machine may be busy. CI tries the same examples each time;
# HYPOTHESIS_PROFILE=search looks for new ones and takes far longer.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
settings.register_profile("search", deadline=None, max_examples=2000)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if "CI" in os.environ else "local")
)


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Run ``instit-bench …`` in an empty folder, in this process."""
    return cli_in(tmp_path)


@pytest.fixture
def cli_process(tmp_path: Path) -> Cli:
    """Run ``instit-bench …`` in an empty folder, in a separate process."""
    return cli_process_in(tmp_path)


@pytest.fixture
def shared_data() -> Path:
    """The folder with the benchmarks' real data, beside the checkout."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the benchmarks' real data is not beside this checkout")
    return SHARED_DATA

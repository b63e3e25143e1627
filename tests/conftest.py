"""Shared by all tests: the command line, and the real data where they are."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

from tests.command_line import REPOSITORY, Cli, cli_in, cli_process_in

SHARED_DATA = REPOSITORY.parent / "shared" / "data"

# Before anything imports the hub's client, which reads it once: no test asks the real hub.
os.environ["HF_HUB_OFFLINE"] = "1"

# A shell's background process ignores Ctrl-C, and so would every process that a test starts and
# sends it to. With a handler of ours they do not.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No example has a deadline: the machine may be busy. CI tries the same examples each time;
# HYPOTHESIS_PROFILE=search looks for new ones, far longer.
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
    """Run ``instit-bench …`` in an empty folder, in a process of its own."""
    return cli_process_in(tmp_path)


@pytest.fixture
def shared_data() -> Path:
    """The benchmarks' real data, beside the checkout where someone has put them."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the benchmarks' real data are not beside this checkout")
    return SHARED_DATA

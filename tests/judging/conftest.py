"""Runs with and without extracted letters."""

from __future__ import annotations

import pytest

from tests.command_line import cli_in
from tests.judging.extraction import (
    copy_of,
    extract_with,
    reads,
    score,
)
from tests.openai_server import openai_server


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """Runs of the same predictions: without a judge, and with one that reads all of them."""
    folder = tmp_path_factory.mktemp("scored")
    cli = cli_in(folder)
    with openai_server(reads) as server:
        for name, options in (("plain", ()), ("s", extract_with(server))):
            done = score(cli, folder, *options, name=name)
            assert done.returncode == 0, done.stderr
    return folder / "results"


@pytest.fixture
def plain(scored, tmp_path):
    """A run without a judge."""
    return copy_of(scored / "plain", tmp_path)


@pytest.fixture
def extracted(scored, tmp_path):
    """The same run, with a judge that read all of its unparsed predictions."""
    return copy_of(scored / "s", tmp_path)

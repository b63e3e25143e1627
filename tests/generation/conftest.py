"""The writer of instructions, at an address of its own."""

from __future__ import annotations

import pytest

from tests.generation.scripted_writer import write
from tests.openai_server import openai_server


@pytest.fixture
def server():
    with openai_server(write) as running:
        yield running

"""Each test of this folder has a cut of seconds, which always runs, and a long version.

``python -m pytest tests/reliability -m reliability -n 2 --dist worksteal`` runs the long
versions on two cores, and prints the figures of docs/reliability.md at the end.
"""

from __future__ import annotations

from typing import TypeVar

import pytest

Size = TypeVar("Size")


def sizes(short: Size, long: Size) -> pytest.MarkDecorator:
    """Give the test a ``size``: how much it tries."""
    marks = [pytest.mark.reliability, pytest.mark.timeout(1200)]
    return pytest.mark.parametrize(
        "size",
        [pytest.param(short, id="short"), pytest.param(long, id="long", marks=marks)],
    )

"""What a format is, and what it finds in a reply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from instit_bench.scorers.tool_call.calls import ParseError
from instit_bench.scorers.tool_call.prompt import Prompt

# No reply makes more calls; anything after them is not read.
MOST_CALLS = 2000


@dataclass(frozen=True, slots=True)
class Found:
    """A call as written at ``text[start:end]``: a name, and an input as text or decoded."""

    name: str
    value: Any
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What a format finds in a reply.

    ``declines`` says that the reply states, in this format, that it calls nothing; ``answer`` is
    its text for the user. ``error`` says why a call could not be read.
    """

    calls: tuple[Found, ...] = ()
    answer: str | None = None
    declines: bool = False
    error: ParseError | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """A way of writing calls.

    A text without any of the ``markers`` is not in this format. ``certain`` markers always mean a
    call: if nothing can be read there, the call is malformed. Other formats are only tried if the
    reply has not answered or declined.
    """

    name: str
    markers: tuple[str, ...]
    read: Callable[[str, Prompt], Reading]
    certain: bool = True

    def may_be(self, text: str) -> bool:
        """Whether the text contains one of the markers."""
        return any(marker in text for marker in self.markers)

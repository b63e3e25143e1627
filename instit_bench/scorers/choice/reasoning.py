"""Separating what a model thought aloud from what it answered."""

from __future__ import annotations

import re

_NAMES = "think|thinking|thought|thoughts|reasoning|reflection|analysis|scratchpad|seed:think"
_BOUNDARY = re.compile(
    rf"""
      (?P<open>  [<\[◁](?:{_NAMES})[>\]▷] | <\|channel\|>analysis<\|message\|> )
    | (?P<close> [<\[◁]/(?:{_NAMES})[>\]▷] | <\|channel\|>final<\|message\|> )
    """,
    re.VERBOSE | re.IGNORECASE,
)


def strip_reasoning(reply: str) -> str | None:
    """Remove reasoning blocks.

    Blocks do not nest: an opening tag inside a block is the model talking about tags. A closing
    tag without an opening one means that the prompt template opened the block, so everything
    before it was reasoning.

    Args:
        reply: The reply as the model wrote it.

    Returns:
        What stands outside the blocks, or ``None`` when a block was never closed: the reply
        ended before the answer began.
    """
    kept: list[str] = []
    inside = False
    position = 0
    for boundary in _BOUNDARY.finditer(reply):
        if boundary["open"]:
            if not inside:
                kept.append(reply[position : boundary.start()])
            inside = True
        else:
            if not inside:
                kept.clear()
            inside = False
            position = boundary.end()
    if inside:
        return None
    kept.append(reply[position:])
    return "".join(kept)

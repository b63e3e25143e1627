"""Outputs of open models that repeat the prompt before the reply.

The benchmark has two evaluators. The one for open models removes a template's label, then as many
characters as the prompt has, whatever they are; the one for GPT removes nothing. Which one a
prediction file needs can be told from the file as a whole. The strict view needs neither: it finds
where the repeated prompt really ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import accumulate

LABEL = "### ASSISTANT:\n"

# What tokenizers and chat templates leave around a prompt; white space is skipped as well.
_SPECIAL = (
    r"<\|[^|<>\s]{1,40}\|>|</?s>|<(?:bos|eos|pad|unk)>|</?(?:start|end)_of_turn>|"
    r"<0x[0-9A-Fa-f]{2}>|\[/?INST\]|<</?SYS>>"
)
_SKIPPED = re.compile(rf"{_SPECIAL}|\s+")
_LABELS = re.compile(rf"(?:{_SPECIAL}|\s|#*[ \t]*(?:assistant|gpt|model)[ \t]*(?::|\r?\n))*", re.I)
# This many characters of the prompt distinguish a damaged copy of it from a reply.
_ENOUGH = 80


def end_of_echo(output: str, prompt: str) -> int | None:
    """Return where the repeated prompt ends in an output, or ``None`` if the prompt is not there.

    White space and special tokens are ignored, between the prompt's words and around them.
    """
    if prompt and output.startswith(prompt):
        return len(prompt)
    wanted = _SKIPPED.sub("", prompt)
    pieces = _kept(output)
    text = "".join(piece for _, piece in pieces)
    start = text.find(wanted) if wanted else -1
    if start < 0:
        return None
    end = start + len(wanted)
    ends = accumulate(len(piece) for _, piece in pieces)
    for (place, piece), reached in zip(pieces, ends, strict=True):
        if reached >= end:
            return place + len(piece) - (reached - end)
    return None


def most_echo(outputs: Iterable[tuple[str, str]]) -> tuple[bool, int]:
    """Whether most outputs repeat their prompts, and how many do; takes (output, prompt) pairs."""
    echoes = [end_of_echo(output, prompt) is not None for output, prompt in outputs]
    return 2 * sum(echoes) > len(echoes), sum(echoes)


def official_reply(output: str, prompt: str) -> str:
    """Return what the open models' evaluator reads: all but the label and the prompt's length."""
    return output.replace(LABEL, "")[len(prompt) :].strip()


def strict_reply(output: str, prompt: str) -> str:
    """Return what the model wrote: the text after the repeated prompt and the labels after it.

    An output that does not repeat its prompt is all reply; one that begins with a damaged copy of
    it is cut by length, for want of a better boundary.
    """
    end = end_of_echo(output, prompt)
    if end is None:
        beginning = _SKIPPED.sub("", prompt)[:_ENOUGH]
        if len(beginning) < _ENOUGH or beginning not in _SKIPPED.sub("", output[: len(prompt)]):
            return output
        return official_reply(output, prompt)
    found = _LABELS.match(output, end)
    return output[found.end() if found else end :].strip()


def _kept(text: str) -> list[tuple[int, str]]:
    """Return the pieces of a text between skipped parts, each with its position."""
    pieces, start = [], 0
    for gap in _SKIPPED.finditer(text):
        if gap.start() > start:
            pieces.append((start, text[start : gap.start()]))
        start = gap.end()
    if start < len(text):
        pieces.append((start, text[start:]))
    return pieces

"""Read the tokens of a reply and their log-probabilities, as far as its endpoint tells them.

They are evidence, not the reply itself: what cannot be read is left out, and never an error.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from instit_bench.types import Tokens

PROMPT_IDS = "prompt_token_ids"  # vLLM: of a chat in the reply, of a completion in its choice
MOST_TOKENS = 4096  # kept per reply; runs that should agree differ long before
_LOWEST = -9999.0  # what vLLM says for minus infinity
_DIGITS = 4
_PROMPT_DIGITS = 12
_LISTS = ("content", "tokens", "token_logprobs", "top_logprobs")

# A token's text, its log-probability, the best other token's text and log-probability.
_Place = tuple[str, float | None, str | None, float | None]


def read_tokens(choice: Mapping[str, Any], prompt_ids: object) -> Tokens | None:
    """Return the tokens of a choice, or ``None`` if the reply tells none.

    ``prompt_ids`` are the ids of the prompt's tokens, if the endpoint told them.
    """
    logprobs = choice.get("logprobs")
    told = logprobs if isinstance(logprobs, Mapping) else {}
    content = told.get("content")
    places = list(_of_chat(content) if isinstance(content, list) else _of_completion(told))
    ids = _ids(choice.get("token_ids"))[:MOST_TOKENS]
    prompt = _prompt(_ids(prompt_ids))
    if not (places or ids or prompt):
        return None
    texts, values, others, other_values = zip(*places, strict=True) if places else ((),) * 4
    aligned = not places or len(places) == len(ids)
    return Tokens(texts, values, others, other_values, ids if aligned else (), prompt)


def add_tokens(choice: dict[str, Any], piece: Mapping[str, Any]) -> None:
    """Add what a chunk of a stream tells of its tokens to the choice that is assembled."""
    logprobs = piece.get("logprobs")
    told = logprobs if isinstance(logprobs, Mapping) else {}
    for name in _LISTS:
        if isinstance(more := told.get(name), list):
            choice.setdefault("logprobs", {}).setdefault(name, []).extend(more)
    if isinstance(ids := piece.get("token_ids"), list):
        choice.setdefault("token_ids", []).extend(ids)
    if prompt := piece.get(PROMPT_IDS):
        choice[PROMPT_IDS] = prompt


def _of_chat(content: list[Any]) -> Iterator[_Place]:
    """Chat: a list with an object per token, which has its alternatives in ``top_logprobs``."""
    for entry in content[:MOST_TOKENS]:
        if not isinstance(entry, Mapping):
            continue
        top = entry.get("top_logprobs")
        found = top if isinstance(top, list) else ()
        pairs = [(t.get("token"), t.get("logprob")) for t in found if isinstance(t, Mapping)]
        yield _place(entry.get("token"), entry.get("logprob"), pairs)


def _of_completion(told: Mapping[str, Any]) -> Iterator[_Place]:
    """A text completion: parallel lists, the alternatives as a mapping per token."""
    lists = [told.get(name) for name in _LISTS[1:]]
    texts, values, tops = (found if isinstance(found, list) else [] for found in lists)
    for place, text in enumerate(texts[:MOST_TOKENS]):
        top = tops[place] if place < len(tops) else None
        pairs = list(top.items()) if isinstance(top, Mapping) else []
        yield _place(text, values[place] if place < len(values) else None, pairs)


def _place(text: object, logprob: object, pairs: list[tuple[object, object]]) -> _Place:
    """Return one place; the other token is the most likely one besides the chosen."""
    chosen = _text(text), _number(logprob)
    known = [(_text(other), _number(value)) for other, value in pairs]
    if chosen in known:  # two tokens may have one text, such as half a character each
        known.remove(chosen)
    others = [(value, other) for other, value in known if value is not None]
    if not others:
        return (*chosen, None, None)
    best, other = max(others, key=lambda pair: pair[0])
    return (*chosen, other, best)


def _text(value: object) -> str:
    text = value if isinstance(value, str) else ""
    return text.encode("utf-8", errors="replace").decode()


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return None
    return round(min(max(float(value), _LOWEST), 0.0), _DIGITS)


def _ids(value: object) -> tuple[int, ...]:
    whole = isinstance(value, list) and all(type(i) is int and abs(i) < 2**53 for i in value)
    return tuple(value) if whole else ()  # type: ignore[arg-type]


def _prompt(ids: tuple[int, ...]) -> str | None:
    """An engine repeats an image's token as often as its size asks for."""
    if not ids:
        return None
    text = " ".join(str(token) for token, _ in groupby(ids))
    return hashlib.sha256(text.encode()).hexdigest()[:_PROMPT_DIGITS]

"""What a judge is asked, and how its reply is read, for both open answers and extraction.

A contract asks for a JSON object with one field. A reply is that object or the bare value, and
nothing else: no value is ever guessed from prose, and none stands in for a missing one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, Protocol

from instit_bench.scorers.reasoning import split_reasoning, strip_end_tokens
from instit_bench.types import Prediction, State, Verdict

_FENCE = "```"
_BOM = "\ufeff"


class BadReply(Exception):  # noqa: N818 - a reply, not a fault of ours
    """The judge's reply is not what was asked for; the message says why."""


class Item(Protocol):
    """What a judge reads about one sample."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The texts that it consists of."""
        ...

    def as_json(self) -> str:
        """The JSON object that the judge gets."""
        ...


class JudgedRecord(Protocol):
    """What a contract may read of a finished sample."""

    @property
    def state(self) -> State:
        """How the sample ended."""
        ...

    @property
    def question(self) -> str:
        """The question as in the dataset."""
        ...

    @property
    def choices(self) -> Sequence[str]:
        """The options' texts, in order."""
        ...

    @property
    def prediction(self) -> str | None:
        """The prediction's text, if there is one."""
        ...


class Contract(Protocol):
    """The judge's instructions, the form of its reply, and how the reply is read.

    An ``item`` is always of the contract's own kind.
    """

    @property
    def instructions(self) -> str:
        """The text in front of the item."""
        ...

    @property
    def digest(self) -> str:
        """SHA-256 of the instructions."""
        ...

    def messages(self, item: Any, *, structured: bool = True) -> list[dict[str, Any]]:
        """The request's messages; unless structured, they describe the reply's form in words."""
        ...

    def response_format(self, item: Any) -> Mapping[str, Any]:
        """The JSON schema of the reply, as an endpoint with structured output takes it."""
        ...

    def replies(self, item: Any) -> tuple[str, ...]:
        """All possible replies, for an engine that can be restricted to them."""
        ...

    def read(self, reply: Prediction, item: Any) -> Verdict:
        """Return the score or the letter that a reply gives.

        Raises:
            BadReply: It gives none: the judge refused, was cut off, or wrote something else.
        """
        ...


def user_message(*texts: str) -> list[dict[str, Any]]:
    """One user turn with several parts of text."""
    return [{"role": "user", "content": [{"type": "text", "text": text} for text in texts]}]


def strict_schema(name: str, field: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """The ``response_format`` for an object with one field and no other."""
    return {
        "type": "json_schema",
        "json_schema": {
            "name": name,
            "strict": True,
            "schema": {
                "title": name,
                "type": "object",
                "properties": {field: dict(value)},
                "required": [field],
                "additionalProperties": False,
            },
        },
    }


def words_of(reply: Prediction) -> str:
    """The text of a reply that ended normally.

    Raises:
        BadReply: The judge refused, or was cut off or filtered, or only reasoned.
    """
    if reply.refusal:
        raise BadReply(f"the judge refuses: {reply.refusal}")
    if reply.filtered:
        raise BadReply(f"a filter cut the reply off (finish_reason {reply.finish_reason})")
    if reply.cut_off:
        raise BadReply(f"the reply was cut off (finish_reason {reply.finish_reason})")
    if reply.only_reasoning:
        raise BadReply("the reply has its text in the reasoning field only")
    return reply.text


def last_words(reply: Prediction) -> str:
    """Return what is kept of a reply without a value."""
    return reply.text or reply.refusal or reply.reasoning or ""


def value_in(reply: str | None, field: str, bare: Callable[[str], Any], kind: str) -> Any:
    """The value in a judge's words: the JSON object's field, or the value alone.

    ``bare`` turns a text into the value that it is, or ``None``; ``kind`` names such a value in
    messages. Either may be surrounded by what servers leave in replies: reasoning, tokens of the
    template, a byte order mark and one code fence. The time is linear in the reply's length.

    Raises:
        BadReply: The reply is anything else.
    """
    if not reply or not _uncovered(reply):
        raise BadReply("the reply is empty")
    found = _parsed(_uncovered(reply), bare)
    if found is None:
        visible = split_reasoning(reply)
        if visible.unclosed:
            raise BadReply("the reply ends within its reasoning")
        found = _parsed(_uncovered(strip_end_tokens(visible.text)), bare)
    if found is None:
        raise BadReply(f"the reply is neither the requested JSON object nor a lone {kind}")
    if not isinstance(found, dict):
        return found
    if field not in found:
        raise BadReply(f"the reply has no field {field!r}")
    return found[field]


def _uncovered(text: str) -> str:
    """Return the text without surrounding white space, byte order marks and one code fence."""
    text = text.strip(_BOM).strip().strip(_BOM)
    if text.startswith(_FENCE) and text.endswith(_FENCE) and len(text) > 2 * len(_FENCE):
        text = text[len(_FENCE) : -len(_FENCE)]
        text = (text[4:] if text[:4].lower() == "json" else text).strip()
    return text


def _parsed(text: str, bare: Callable[[str], Any]) -> Any:
    """Return the object or the lone value in a text, or ``None`` if it is neither."""
    if (value := bare(text)) is not None:
        return value
    try:
        found = json.loads(text, object_pairs_hook=_no_doubles, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BadReply("the reply has a duplicate field")
    return found


def _no_constant(name: str) -> NoReturn:
    raise BadReply(f"the reply contains {name}, which is not valid JSON")

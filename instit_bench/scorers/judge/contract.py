"""What a judge is asked and how its reply is read, in one place so that the two stay in step.

The request follows the benchmark's evaluator: one user message with two text parts, the judge's
instructions and a JSON object with question, ground truth and answer. The reply is structured
output with the single field ``sample_score``. A reply is a number from 0 to 1 or it is rejected:
it is never clamped, never guessed from prose, and never zero by default.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from instit_bench.scorers.reasoning import split_reasoning, strip_end_tokens
from instit_bench.types import Prediction

FIELD = "sample_score"
OFFICIAL_MODEL = "gpt-4o-2024-08-06"
OFFICIAL_JUDGE, LEXICAL = f"openai:{OFFICIAL_MODEL}", "lexical"

# As the ``openai`` package derives it from the evaluator's model ``SampleScore``.
RESPONSE_FORMAT: dict[str, Any] = {
    "type": "json_schema",
    "json_schema": {
        "name": "SampleScore",
        "strict": True,
        "schema": {
            "title": "SampleScore",
            "type": "object",
            "properties": {FIELD: {"title": "Sample Score", "type": "number"}},
            "required": [FIELD],
            "additionalProperties": False,
        },
    },
}
# For local engines, which can restrict whole replies: the steps of the score.
REPLIES = tuple(json.dumps({FIELD: step / 10}) for step in range(11))
# The same contract in words, for endpoints without structured output.
_REPLY_CLAUSE = f'Reply with nothing but a JSON object of the form {{"{FIELD}": 0.5}}.'

_FENCE = "```"
_BOM = "\ufeff"
_SHOWN = 60
_LONE_NUMBER = re.compile(r"[01]?\.[0-9]+|[01]")

_OWN_INSTRUCTIONS = """\
You grade answers to open-ended questions about {medium}. You get a JSON object with the question,
a ground-truth answer and a tester's response. Say how right the response is, from 0 (entirely
wrong) to 1 (entirely right), in steps of 0.1. Judge by the ground truth alone. Objects are named
by their mark in square brackets, such as [1] or [2]; an object that the response names must be the
one that the ground truth means.{times}
The item to grade:
"""
_OWN_TIMES = """ Moments are named by the number of a frame in angle brackets, such as
<3>, stretches of time as <3>-<5>; they must agree with the ground truth as well."""

Split = Literal["image", "video"]


class BadReply(Exception):  # noqa: N818 - a reply, not a fault of ours
    """The judge's reply is not a score; the message says why."""


@dataclass(frozen=True, slots=True)
class JudgeItem:
    """One answer to judge."""

    question: str
    ground_truth: str
    answer: str

    def as_json(self) -> str:
        """The second text part, as the benchmark's evaluator writes it."""
        return json.dumps(
            {
                "question": self.question,
                "ground_truth_answer": self.ground_truth,
                "tester_response": self.answer,
            }
        )


@dataclass(frozen=True, slots=True)
class JudgeContract:
    """The judge's instructions for one split, and who wrote them."""

    instructions: str
    origin: Literal["official", "own"]

    @classmethod
    def own(cls, split: Split) -> JudgeContract:
        """This project's wording, for use when the benchmark's is not available."""
        video = split == "video"
        text = _OWN_INSTRUCTIONS.format(
            medium="a video" if video else "an image", times=_OWN_TIMES if video else ""
        )
        return cls(text, "own")

    @property
    def digest(self) -> str:
        """SHA-256 of the instructions."""
        return hashlib.sha256(self.instructions.encode()).hexdigest()

    def messages(self, item: JudgeItem, *, structured: bool = True) -> list[dict[str, Any]]:
        """The request's messages; unless structured, they describe the reply's form in words."""
        texts = [self.instructions, item.as_json()]
        if not structured:
            texts.append(_REPLY_CLAUSE)
        return [{"role": "user", "content": [{"type": "text", "text": text} for text in texts]}]


def score_of(reply: Prediction) -> float:
    """The score in a judge's reply.

    Raises:
        BadReply: There is none: the judge refused, was cut off, or wrote something else.
    """
    if reply.refusal:
        raise BadReply(f"the judge refuses: {reply.refusal}")
    if reply.filtered:
        raise BadReply(f"a filter cut the reply off (finish_reason {reply.finish_reason})")
    if reply.cut_off:
        raise BadReply(f"the reply was cut off (finish_reason {reply.finish_reason})")
    if reply.only_reasoning:
        raise BadReply("the reply has its text in the reasoning field only")
    return read_score(reply.text)


def last_words(reply: Prediction) -> str:
    """What is kept of a reply that is no score."""
    return reply.text or reply.refusal or reply.reasoning or ""


def read_score(reply: str | None) -> float:
    """The score in a judge's words: the JSON field, or a lone number, and nothing else.

    Around it may stand what servers leave in replies: reasoning, tokens of the template, a byte
    order mark, and one code fence. Takes time linear in the length of the reply.

    Raises:
        BadReply: The reply is anything else.
    """
    if not reply or not _bare(reply):
        raise BadReply("the reply is empty")
    value = _value(_bare(reply))
    if value is None:
        visible = split_reasoning(reply)
        if visible.unclosed:
            raise BadReply("the reply ends within its reasoning")
        value = _value(_bare(strip_end_tokens(visible.text)))
    if value is None:
        raise BadReply("the reply is neither the requested JSON object nor a lone number")
    if isinstance(value, float):
        return _in_range(value)
    if FIELD not in value:
        raise BadReply(f"the reply has no field {FIELD!r}")
    score = value[FIELD]
    if isinstance(score, bool) or not isinstance(score, int | float):
        raise BadReply(f"field {FIELD!r} is {repr(score)[:_SHOWN]}, not a number")
    return _in_range(score)


def _bare(text: str) -> str:
    """The text without blanks, byte order marks and one code fence around it."""
    text = text.strip(_BOM).strip().strip(_BOM)
    if text.startswith(_FENCE) and text.endswith(_FENCE) and len(text) > 2 * len(_FENCE):
        text = text[len(_FENCE) : -len(_FENCE)]
        text = (text[4:] if text[:4].lower() == "json" else text).strip()
    return text


def _value(text: str) -> dict[str, Any] | float | None:
    """The object or the lone number that a text is, or ``None`` where it is neither."""
    if _LONE_NUMBER.fullmatch(text):
        return float(text)
    try:
        value = json.loads(text, object_pairs_hook=_no_doubles, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _in_range(score: float) -> float:
    if not 0 <= score <= 1:  # also rejects NaN
        raise BadReply(f"the score {str(score)[:_SHOWN]} is not from 0 to 1")
    return float(score)


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BadReply("the reply has a duplicate field")
    return found


def _no_constant(name: str) -> NoReturn:
    raise BadReply(f"the score {name} is not from 0 to 1")

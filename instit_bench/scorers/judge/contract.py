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
from typing import Any, Literal

from instit_bench.scorers.contract import BadReply, strict_schema, user_message, value_in, words_of
from instit_bench.types import Prediction, Verdict

FIELD = "sample_score"
OFFICIAL_MODEL = "gpt-4o-2024-08-06"
OFFICIAL_JUDGE, LEXICAL = f"openai:{OFFICIAL_MODEL}", "lexical"

# As the ``openai`` package derives it from the evaluator's model ``SampleScore``.
RESPONSE_FORMAT = strict_schema("SampleScore", FIELD, {"title": "Sample Score", "type": "number"})
# For local engines, which can restrict whole replies: the steps of the score.
REPLIES = tuple(json.dumps({FIELD: step / 10}) for step in range(11))
# The same contract in words, for endpoints without structured output.
_REPLY_CLAUSE = f'Reply with nothing but a JSON object of the form {{"{FIELD}": 0.5}}.'

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


@dataclass(frozen=True, slots=True)
class JudgeItem:
    """One answer to judge."""

    question: str
    ground_truth: str
    answer: str

    @property
    def parts(self) -> tuple[str, ...]:
        """Question, target and answer."""
        return self.question, self.ground_truth, self.answer

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
        return user_message(*texts)

    def response_format(self, item: JudgeItem) -> dict[str, Any]:  # noqa: ARG002 - one for all
        """The schema of the benchmark's evaluator."""
        return RESPONSE_FORMAT

    def replies(self, item: JudgeItem) -> tuple[str, ...]:  # noqa: ARG002 - the same for all
        """The steps of the score."""
        return REPLIES

    def read(self, reply: Prediction, item: JudgeItem) -> Verdict:  # noqa: ARG002 - all alike
        """Return the score in a reply.

        Raises:
            BadReply: There is none.
        """
        return Verdict(score_of(reply))


def score_of(reply: Prediction) -> float:
    """The score in a judge's reply.

    Raises:
        BadReply: There is none: the judge refused, was cut off, or wrote something else.
    """
    return read_score(words_of(reply))


def read_score(reply: str | None) -> float:
    """The score in a judge's words: the JSON field, or a lone number, and nothing else.

    Raises:
        BadReply: The reply is anything else.
    """
    score = value_in(reply, FIELD, _lone_number, "number")
    if isinstance(score, bool) or not isinstance(score, int | float):
        raise BadReply(f"field {FIELD!r} is {repr(score)[:_SHOWN]}, not a number")
    if not 0 <= score <= 1:  # also rejects NaN
        raise BadReply(f"the score {str(score)[:_SHOWN]} is not from 0 to 1")
    return float(score)


def _lone_number(text: str) -> float | None:
    return float(text) if _LONE_NUMBER.fullmatch(text) else None

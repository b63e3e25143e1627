"""The request to a judge, and which replies count as scores."""

from __future__ import annotations

import json
from contextlib import suppress

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from instit_bench.scorers.contract import BadReply
from instit_bench.scorers.judge import JudgeContract, JudgeItem
from instit_bench.scorers.judge.contract import RESPONSE_FORMAT, read_score, score_of
from instit_bench.types import Prediction
from tests.openai_server import Reply, openai_server

ITEM = JudgeItem("Who is [3]?", "A man at <4>.", "Ein Mann – “[3]”")


class SampleScore(BaseModel):  # the evaluator's reply model, copied from its source
    sample_score: float


def test_the_request_matches_the_benchmark_s_evaluator():
    with openai_server(lambda _: Reply('{"sample_score": 1}')) as server:
        client = openai.OpenAI(api_key="k", base_url=server.base_url)
        client.chat.completions.parse(
            model="gpt-4o-2024-08-06",
            messages=[
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "PROMPT"},
                        {
                            "type": "text",
                            "text": json.dumps(
                                {
                                    "question": ITEM.question,
                                    "ground_truth_answer": ITEM.ground_truth,
                                    "tester_response": ITEM.answer,
                                }
                            ),
                        },
                    ],
                }
            ],
            response_format=SampleScore,
        )
    assert server.requests[0] == {
        "model": "gpt-4o-2024-08-06",
        "messages": JudgeContract("PROMPT", "official").messages(ITEM),
        "response_format": RESPONSE_FORMAT,
        "stream": False,
    }


def test_without_structured_output_the_format_is_requested_in_words():
    (message,) = JudgeContract.own("image").messages(ITEM, structured=False)
    asked = message["content"][2]["text"]
    example = asked[asked.index("{") : asked.rindex("}") + 1]
    assert read_score(example) == 0.5


def test_our_instructions_mention_time_only_for_videos():
    assert "<3>" in JudgeContract.own("video").instructions
    assert "<3>" not in JudgeContract.own("image").instructions


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        ('{"sample_score": 0.7}', 0.7),
        ('{"sample_score":1}', 1.0),
        ('{"sample_score": 0, "why": "wrong"}', 0.0),
        ('```json\n{"sample_score": 0.3}\n```', 0.3),
        (" 0.5\n", 0.5),
        ("1", 1.0),
        ("1.0", 1.0),
        (".25", 0.25),
        ("```\n0.5\n```", 0.5),
        ('\ufeff{"sample_score": 0.4}', 0.4),
        ('```JSON\r\n{"sample_score": 0.4}\r\n```\r\n', 0.4),
        ('<think>0.9? No: [3] is wrong.</think>\n{"sample_score": 0.2}', 0.2),
        ('Is it {"sample_score": 1}?</think>0.2', 0.2),
        ('<think>x</think>\n```json\n{"sample_score": 0.2}\n```', 0.2),
        ('[THINK]0.9[/THINK]{"sample_score": 0.2}</s>', 0.2),
        ("◁think▷0.9◁/think▷0.2<|im_end|>", 0.2),
        ('{"sample_score": 0.2}<|eot_id|>', 0.2),
        (
            "<|channel|>analysis<|message|>0.9<|end|><|start|>assistant<|channel|>final<|message|>"
            '{"sample_score": 0.2}<|return|>',
            0.2,
        ),
        ('{"sample_score": 0.2, "why": "it says </think> and <|im_end|>"}', 0.2),
    ],
)
def test_scores(reply, score):
    assert read_score(reply) == score


@pytest.mark.parametrize(
    "reply",
    [
        None,
        "",
        "  \n",
        "Score: 0. Reason: step 1 is wrong",
        "0.5 because",
        "7",
        "1.7",
        "-0.1",
        "1e-1",
        "0,5",
        "NaN",
        "Infinity",
        "true",
        "null",
        '"0.5"',
        "[0.5]",
        '{"score": 0.5}',
        '{"sample_score": 1.7}',
        '{"sample_score": -1}',
        '{"sample_score": "0.5"}',
        '{"sample_score": "NaN"}',
        '{"sample_score": NaN}',
        '{"sample_score": true}',
        '{"sample_score": null}',
        '{"sample_score": [0.5]}',
        '{"sample_score": 0.1, "sample_score": 0.9}',
        '{"sample_score": 0.5',
        'The answer: {"sample_score": 0.5}',
        '{"sample_score": 0.5} {"sample_score": 0.6}',
        "[" * 5000,
        '{"sample_score": 1' + "0" * 400 + "}",
        '<think>{"sample_score": 0.5}',
        '{"sample_score": 0.5}<think>but',
        "<think>0.5</think>",
        '```json\n{"sample_score": 0.5}',
        '```json\n```json\n{"sample_score": 0.5}\n```\n```',
        '```json\n{"sample_score": 0.5}\n```\n```json\n{"sample_score": 0.6}\n```',
        "```",
        "\ufeff",
    ],
)
def test_everything_else_is_not_a_score(reply):
    with pytest.raises(BadReply):
        read_score(reply)


@pytest.mark.parametrize(
    "reply",
    [
        "```json" + "\n" * 200_000,
        "```json" + "\n" * 200_000 + "x```",
        "<think>" * 50_000,
        "</think>" * 50_000,
        "\ufeff \n" * 100_000 + "x",
        "1" * 200_000,
    ],
    ids=["fence", "closed-fence", "opened", "closed", "blank", "digits"],
)
def test_reading_a_reply_takes_linear_time(reply):
    """A parser that is not linear would take minutes here and exceed the time limit."""
    with pytest.raises(BadReply) as found:
        read_score(reply)
    assert len(str(found.value)) < 200


def reply_of(**fields):
    return Prediction(**{"text": '{"sample_score": 0.5}', "finish_reason": "stop"} | fields)


def test_a_whole_reply_is_a_score():
    assert score_of(reply_of(reasoning="It names [3].")) == 0.5


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"text": "", "reasoning": '{"sample_score": 0.5}'}, "in the reasoning field only"),
        ({"refusal": "I cannot help."}, "the judge refuses: I cannot help."),
        ({"finish_reason": "content_filter"}, "a filter cut the reply off"),
        ({"text": "0", "finish_reason": "length"}, "the reply was cut off"),
        ({"text": ""}, "the reply is empty"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_incomplete_reply_is_not_a_score(fields, reason):
    with pytest.raises(BadReply, match=reason):
        score_of(reply_of(**fields))


@given(st.text())
def test_any_text_is_a_score_from_0_to_1_or_none(reply):
    with suppress(BadReply):
        assert 0 <= read_score(reply) <= 1


@given(st.floats(0, 1))
def test_every_score_survives_json(score):
    assert read_score(json.dumps({"sample_score": score})) == score

"""A megabyte of any text costs every reader little time and memory."""

from __future__ import annotations

import gc
import json
import os
import resource
from collections.abc import Callable
from contextlib import suppress

import pytest

from instit_bench.endpoint.document import ReplyError
from instit_bench.endpoint.reply import read_reply
from instit_bench.scorers.choice.extraction import read_letter
from instit_bench.scorers.choice.official import extract_official
from instit_bench.scorers.choice.strict import extract_choice
from instit_bench.scorers.contract import BadReply
from instit_bench.scorers.judge.contract import read_score
from instit_bench.scorers.judge.lexical import lexical_score
from instit_bench.scorers.reasoning import split_reasoning
from instit_bench.scorers.tool_call.parse import parse_reply
from instit_bench.scorers.tool_call.prompt import read_prompt
from tests.reliability.sizes import sizes
from tests.reliability.test_fuzz import OPTIONS, TEXTS
from tests.scorers.test_tool_call_formats import ENDLESS
from tests.scorers.tool_calls import PROMPT

MEGABYTE = 10**6
PIECES = (
    *ENDLESS,
    *("A, ", "A or ", "answer ", "the answer is A ", "not the ", "<think>", "</think>", "<answer>"),
    *("\\boxed{", "(", "A\n", "A is also ", "<b>", '"answer": [', "\n", "```json\n", "9", "\ufeff"),
    *(
        "İ",
        "的",
        "Thought: Do I need to use a tool? Yes\n",
        "**",
        "[3] ",
        "<7>",
        "'",
        '"',
        "\\",
        "{",
    ),
    *(
        '{"letter": "A"}',
        '{"sample_score": ',
        "data: {}\n\n",
        "> A: ",
        "|",
        "<|im_end|>",
        "Human: ",
    ),
)
FRAMES = ("{}", "```json{}", "Action: Detect Face\nAction Input: {}", "A{}x", '{{"a": "{}')


def bad(read: Callable[[str], object]) -> Callable[[str], object]:
    def reader(text: str) -> object:
        with suppress(BadReply, ReplyError):
            return read(text)
        return None

    return reader


READERS: dict[str, Callable[[str], object]] = {
    "replies of endpoints": bad(lambda text: read_reply(text.encode())),
    "replies in JSON": bad(
        lambda text: read_reply(json.dumps({"choices": [{"message": {"content": text}}]}).encode())
    ),
    "tool calls": lambda text: parse_reply(text, PROMPT),
    "prompts": lambda text: read_prompt("> A: representing " + text),
    "letters": lambda text: extract_choice(text, OPTIONS),
    "official letters": extract_official,
    "reasoning": split_reasoning,
    "judges' scores": bad(read_score),
    "judges' letters": bad(lambda text: read_letter(text, ("A", "none"))),
    "lexical scores": lambda text: lexical_score(text, "[1] runs at <3>"),
}


def spent(read: Callable[[str], object], piece: str, frame: str) -> tuple[float, float]:
    """Read a megabyte of a piece; return the seconds of CPU time and megabytes of a child."""
    gc.collect()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
            read(frame.format(piece * (MEGABYTE // len(piece))))
            code = 0
        finally:
            os._exit(code)
    _, status, usage = os.wait4(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, f"{piece!r} in {frame!r}"
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="measures in a forked process")
@sizes(short=1, long=80)
def test_a_megabyte_of_any_text_is_read_in_a_second_and_100_megabytes(size, figure):
    nothing = spent(len, "x", "{}")
    texts = [(piece, frame) for frame in FRAMES for piece in PIECES]
    texts += [(text, "{}") for text in TEXTS]
    dear = []
    for name, read in READERS.items():
        costs = [(*spent(read, *text), text) for text in texts[:: len(texts) // size or 1]]
        seconds, megabytes = max(c[0] for c in costs), max(c[1] for c in costs)
        figure(
            f"1 MB texts, {name}",
            f"{len(costs)} tried, at most {seconds - nothing[0]:.2f} s "
            f"and {megabytes - nothing[1]:.0f} MB",
        )
        dear += [
            f"{name}: {s:.1f} s, {mb - nothing[1]:.0f} MB: {text!r:.100}"
            for s, mb, text in costs
            if s > 3 or mb - nothing[1] > 150  # the goals are 1 and 100 on an idle machine
        ]
    assert not dear, "\n".join(dear)

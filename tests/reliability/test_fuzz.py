"""Every reader of what others wrote: any input is read, or is the reader's own error."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from instit_bench.comparison.policy import read_policy
from instit_bench.datasets.records import read_records
from instit_bench.endpoint.document import ReplyError
from instit_bench.endpoint.faults import words_of
from instit_bench.endpoint.reply import read_reply
from instit_bench.errors import InstitBenchError
from instit_bench.evaluation.config import make_config
from instit_bench.formats.predictions import read_predictions
from instit_bench.runs.journal import Journal
from instit_bench.scorers.choice.extraction import read_letter
from instit_bench.scorers.choice.official import extract_official
from instit_bench.scorers.choice.strict import extract_choice
from instit_bench.scorers.contract import BadReply
from instit_bench.scorers.judge.contract import read_score
from instit_bench.scorers.reasoning import split_reasoning
from instit_bench.scorers.tool_call.parse import parse_reply
from instit_bench.scorers.tool_call.prompt import read_prompt
from instit_bench.tasks.config import read_config
from instit_bench.tasks.registry import load_registry
from tests.reliability.sizes import sizes
from tests.scorers.test_tool_call_tags import TAGS
from tests.scorers.test_tool_call_tokens import OBJECTS, TOKENS
from tests.scorers.tool_calls import ASK, CALL, PROMPT

Reader = Callable[[str, Path], object]
OPTIONS = ("a bag", "[3]", "nothing", "a dog and a bag")

REPLY = json.dumps(
    {
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "B", "tool_calls": [json.loads(CALL)]},
            }
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2},
        "error": None,
    }
)
STREAM = f"data: {REPLY}\n\n: keep-alive\n\ndata: [DONE]\n\n"
TEXTS = (
    *(text for _, text, _ in TOKENS + TAGS + OBJECTS),
    *(
        "The answer is (B).",
        "<think>A or B?</think> **B**",
        "\\boxed{C}",
        "答案是 A",
        "not A, but D",
    ),
    *(ASK + "No\nAI: done", ASK + "Yes\nAction: Detect Face\nAction Input: image/a.png\n"),
    *('{"sample_score": 0.5}', '```json\n{"letter": "A"}\n```', "0.7", "\ufeff1"),
)
RECORDS = json.dumps(
    [{"id": 1, "instruction": "Do.", "output": ASK + "No\nAI: x", "input": ""}] * 2
)
OUTPUTS = json.dumps([{"id": str(n), "output": ASK + "No\nAI: x"} for n in (1, 2)])
CONFIG = (
    "model: first\nbackend: baseline\ndata: demo\ntasks: [gpt4tools]\nlimit: 3\nseed: none\n"
    "temperature: 0.2\nextra_body: {a: [1, 2]}\nheader: {X-A: b}\njudge: [lexical]\n"
)
PROMPT_TEXT = "> A: x. The input is a string, representing the b, the c\n\nHuman: Do it."
POLICY = "rules:\n- metric: accuracy\n  max_drop: 0.01\n  task: '*'\ncoverage: {min: 0.9}\n"
TASK = (
    "task: t\ndataset_path: json\ndataset_kwargs: {data_files: d.jsonl}\ndoc_to_text: q\n"
    "doc_to_target: a\nmetric_list: [{metric: accuracy}]\ngeneration_kwargs: {until: [x]}\n"
    "metadata: {scorer: choice, choice_fields: [b1, b2]}\n"
)
LINE = json.dumps(
    {"id": "1", "state": "scored", "target": "A", "scores": {"a": 1.0}, "usage": {}, "media": []}
)
ODD = (
    *(
        "\x00",
        "\ud800",
        "\x1b[31m",
        "\u2028",
        "\ufeff",
        "\ue001",
        "İ",
        "9" * 400,
        "-",
        "1e999",
        "NaN",
    ),
    *('"', "'", "\\", "{", "}", "[", "]", "(", ")", "<", ">", ",", ":", "\n", "\r", "\t", " ", "|"),
    *("null", "true", "!!", "&a ", "*a", "%", "- ", "? ", "#", "---", "<think>", "</think>", "```"),
)


def in_file(read: Callable[[Path], object], suffix: str) -> Reader:
    """A reader of files, from its text."""

    def reader(text: str, folder: Path) -> object:
        path = folder / f"x{suffix}"
        path.write_bytes(text.encode("utf-8", errors="surrogatepass"))
        return read(path)

    return reader


def journal_records(path: Path) -> object:
    journal = Journal.read(path)
    try:
        return list(journal.values())
    finally:
        journal.close()


def judged(read: Callable[[str], object]) -> Reader:
    def reader(text: str, _: Path) -> object:
        with suppress(BadReply):
            return read(text)
        return None

    return reader


def reply(text: str, _: Path) -> object:
    with suppress(ReplyError):
        return read_reply(text.encode("utf-8", errors="surrogatepass"))
    return None


UNSEEN = load_registry(()).resolve(["gpt4tools_unseen"])[0]
READERS: dict[str, tuple[tuple[str, ...], Reader, int]] = {
    "replies of endpoints": ((REPLY, STREAM), reply, 40),
    "errors of endpoints": ((REPLY, "<html><title>x</title>"), lambda text, _: words_of(text), 20),
    "tool calls": (TEXTS, lambda text, _: parse_reply(text, PROMPT), 40),
    "letters": (TEXTS, lambda text, _: extract_choice(text, OPTIONS), 30),
    "official letters": (TEXTS, lambda text, _: extract_official(text), 10),
    "reasoning": (TEXTS, lambda text, _: split_reasoning(text), 10),
    "prompts": (
        ("> A: x. The input is a string, representing the b",),
        lambda t, _: read_prompt(t),
        10,
    ),
    "judges' scores": (TEXTS, judged(read_score), 10),
    "judges' letters": (TEXTS, judged(lambda text: read_letter(text, ("A", "none"))), 10),
    "prediction files": ((OUTPUTS,), in_file(lambda p: read_predictions(p, UNSEEN), ".json"), 5),
    "records": ((RECORDS,), in_file(lambda p: list(read_records(p)), ".json"), 5),
    "configs": ((CONFIG,), in_file(lambda p: make_config(p, {}), ".yaml"), 4),
    "policies": ((POLICY,), in_file(read_policy, ".yaml"), 2),
    "tasks": ((TASK,), in_file(read_config, ".yaml"), 2),
    "journals": ((LINE + "\n",), in_file(journal_records, ".jsonl"), 2),
}


def mutated(random_: random.Random, seeds: tuple[str, ...]) -> str:
    """A text like one of the seeds, cut up, repeated, mixed with another, or with odd pieces."""
    text = random_.choice(seeds)
    for _ in range(random_.randint(1, 6)):
        start = random_.randint(0, len(text))
        end = min(len(text), start + random_.randint(0, 20))
        match random_.randint(0, 4):
            case 0:
                text = text[:start] + text[end:]
            case 1:
                text = text[:start] + random_.choice(ODD) + text[start:]
            case 2:
                text = text[:start] + random_.choice(ODD) + text[end:]
            case 3:
                text = text[:end] + text[start:end] * random_.randint(1, 30) + text[end:]
            case 4:
                other = random_.choice(seeds)
                text = text[:start] + other[random_.randint(0, len(other)) :]
    return text


@sizes(short=1_000, long=200_000)
def test_no_input_is_too_odd_for_its_reader(tmp_path, size, figure):
    shares = sum(share for _, _, share in READERS.values())
    tried, uncaught = 0, []
    for name, (seeds, read, share) in READERS.items():
        random_ = random.Random(f"{name} {size}")
        for _ in range(-(-size * share // shares)):
            text = mutated(random_, seeds)
            tried += 1
            try:
                read(text, tmp_path)
            except InstitBenchError:
                continue
            except (Exception, SystemExit) as error:  # noqa: BLE001 - any is a finding
                uncaught.append(f"{name}: {error!r:.200} of {text!r:.1000}")
    figure("inputs of readers", f"{tried:,} tried, {len(uncaught)} uncaught")
    assert not uncaught, "\n".join(uncaught[:20])

"""The GPT4Tools scorer: the benchmark's own numbers beside those of a careful reader."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from instit_bench.scorers.tool_call.align import PLACEHOLDER, Match, Pair, align, clean_file, scenes
from instit_bench.scorers.tool_call.calls import ParseError, Reply, ToolCall
from instit_bench.scorers.tool_call.explain import explain_difference
from instit_bench.scorers.tool_call.official import score_official
from instit_bench.scorers.tool_call.parse import parse_reply
from instit_bench.scorers.tool_call.prompt import Prompt, file_names, read_prompt
from instit_bench.types import Prediction, Sample, Score, ScoredSample, State

NO_CALL, NONE, UNLISTED = "(no call)", "(none)", "(unlisted)"


class ToolCallScorer:
    """Scores tool calls.

    ``sample.doc["instruction"]`` is the prompt and ``sample.target`` the target output. Every value
    is 0..1; ``_strict_values`` documents each value and which samples it counts.
    """

    def score(self, sample: Sample, prediction: Prediction) -> Score:
        """Score one prediction.

        Raises:
            ValueError: The target output, not the prediction, is broken.
        """
        instruction = str(sample.doc["instruction"])
        prompt = read_prompt(instruction)
        read_officially = prediction.official_text
        official = score_official(
            sample.target, prediction.text if read_officially is None else read_officially
        )
        gold = _read_gold(sample, instruction)
        reply = parse_reply(prediction.text, prompt, prediction.tool_calls)
        calls = reply.calls if isinstance(reply, Reply) else ()
        pairs = align(gold, calls, prompt)
        values = {
            "sr_thought": official.thought,
            "sr_action": official.action,
            "sr_args": official.args,
            "sr": official.success,
            "iou": official.iou,
            **_strict_values(gold, reply, pairs, prompt),
        }
        details = _details(gold, reply, pairs, prompt)
        if values["sr"] != values["strict_sr"]:
            details["difference"] = explain_difference(official, reply, pairs)
        if isinstance(reply, Reply):
            extracted = _compact(reply)
            return Score(State.SCORED, values, extracted, method=reply.format, details=details)
        ended_early = prediction.cut_off or reply.kind == "unclosed_reasoning"
        state = State.TRUNCATED if ended_early else State.UNPARSED
        return Score(state, values, reason=reply.kind, details=details)

    def tables(self, scored: Iterable[ScoredSample]) -> dict[str, Any]:
        """Precision and recall per tool, a confusion matrix of tools, and parse errors.

        Calls are counted in aligned pairs. A tool's precision is the share of its predicted calls
        that are paired with a target call of the same tool, its recall the share of its target
        calls; ``None`` if there are none. Rows of ``confusion`` are target tools, ``(no call)`` for
        predicted calls without a matching target call; columns are predicted tools, ``(none)`` for
        missing target calls and ``(unlisted)`` for names that the prompt does not offer.
        """
        confusion: defaultdict[str, Counter[str]] = defaultdict(Counter)
        errors: Counter[str] = Counter()
        for sample in scored:
            details = sample.score.details
            for gold, predicted in details.get("pairs", ()):
                confusion[gold][predicted] += 1
            if kind := details.get("error"):
                errors[kind] += 1
        return {
            "per_tool": _per_tool(confusion),
            "confusion": {
                tool: dict(sorted(confusion[tool].items())) for tool in sorted(confusion)
            },
            "errors": dict(sorted(errors.items())),
        }


def _read_gold(sample: Sample, instruction: str) -> tuple[ToolCall, ...]:
    gold = _parse_gold(sample.target, instruction)
    if isinstance(gold, Reply):
        return gold.calls
    raise ValueError(f"sample {sample.id}: target output cannot be read: {gold.message}")


@lru_cache(maxsize=2048)
def _parse_gold(target: str, instruction: str) -> Reply | ParseError:
    return parse_reply(target, read_prompt(instruction))


def _strict_values(
    gold: Sequence[ToolCall], reply: Reply | ParseError, pairs: Sequence[Pair], prompt: Prompt
) -> dict[str, float]:
    """Compute the strict metrics of one sample.

    Over every sample, unreadable replies included (they make no call):

    * ``strict_sr``: the reply can be read, does not contradict itself, and its calls match the
      target's: as many, in order, of the same tools, each argument at least acceptable. If no tool
      is needed, it says so and makes no call.
    * ``format_error_rate``: nothing usable can be read.
    * ``over_call_rate``, ``under_call_rate``: more, or fewer, calls than the target.

    Over fewer samples:

    * ``args_exact``, if a tool is needed: the share of target calls whose counterpart names the
      same tool with every argument exact.
    * ``hallucinated_tool_rate``, if a call is made: some call names no tool of the prompt.
    * ``hallucinated_file_rate``, if a call names a file: some name is neither in the prompt's
      conversation nor in a result under an earlier call of the reply (nor the target's
      placeholder).
    """
    calls = reply.calls if isinstance(reply, Reply) else ()
    readable = isinstance(reply, Reply)
    consistent = isinstance(reply, Reply) and not reply.contradicts
    fits = all(pair.arguments >= Match.ACCEPTABLE for pair in pairs)
    values = {
        "strict_sr": float(consistent and fits),
        "format_error_rate": float(not readable),
        "over_call_rate": float(len(calls) > len(gold)),
        "under_call_rate": float(len(calls) < len(gold)),
    }
    if gold:
        exact = sum(pair.arguments is Match.EXACT for pair in pairs)
        values["args_exact"] = exact / len(gold)
    if calls:
        unlisted = any(prompt.find_tool(call.name) is None for call in calls)
        values["hallucinated_tool_rate"] = float(unlisted)
    known = {PLACEHOLDER} if any(PLACEHOLDER in call.raw_input for call in gold) else set()
    if invented := _invented_files(calls, prompt, known):
        values["hallucinated_file_rate"] = float(any(invented))
    return values


def _invented_files(calls: Sequence[ToolCall], prompt: Prompt, known: set[str]) -> list[bool]:
    """For each file that the calls name: whether nothing before the call named it."""
    return [
        name not in known and not scene.knows(name)
        for call, scene in zip(calls, scenes(calls, prompt.files), strict=True)
        for name in _named_files(call, prompt)
    ]


def _named_files(call: ToolCall, prompt: Prompt) -> tuple[str, ...]:
    """Return the files a call names: at the file positions of a listed tool, anywhere for others.

    At a file position a word that does not look like a file counts as the name of one.
    """
    tool = prompt.find_tool(call.name)
    if tool is None:
        return tuple(name for text in call.arguments for name in file_names(text))
    places = [
        text for text, is_file in zip(call.arguments, tool.takes_file, strict=False) if is_file
    ]
    names = (tuple(map(clean_file, file_names(text))) or (clean_file(text),) for text in places)
    return tuple(name for found in names for name in found if name)


def _details(
    gold: Sequence[ToolCall], reply: Reply | ParseError, pairs: Sequence[Pair], prompt: Prompt
) -> dict[str, Any]:
    details: dict[str, Any] = {"gold_calls": [_plain(call) for call in gold]}
    if isinstance(reply, ParseError):
        details |= {"calls": [], "error": reply.kind, "message": reply.message}
    else:
        details |= {"calls": [_plain(call) for call in reply.calls], "format": reply.format}
        if reply.fault:
            details["error"] = reply.fault
    details["pairs"] = [
        [pair.gold.name if pair.gold else NO_CALL, _column(pair.predicted, prompt)]
        for pair in pairs
    ]
    return details


def _column(call: ToolCall | None, prompt: Prompt) -> str:
    if call is None:
        return NONE
    return call.name if prompt.find_tool(call.name) else UNLISTED


def _plain(call: ToolCall) -> dict[str, Any]:
    return {"name": call.name, "arguments": list(call.arguments)}


def _compact(reply: Reply) -> str:
    """Return what was read, as JSON: the calls, or the answer of a reply without calls."""
    if reply.calls:
        return json.dumps([_plain(call) for call in reply.calls], ensure_ascii=False)
    return json.dumps({"tool": None, "answer": reply.answer}, ensure_ascii=False)


def _per_tool(confusion: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, Any]]:
    columns: Counter[str] = Counter()
    for row in confusion.values():
        columns.update(row)
    tools = sorted((confusion.keys() | columns.keys()) - {NO_CALL, NONE, UNLISTED})
    table = {}
    for tool in tools:
        row = confusion.get(tool, {})
        hits, n_gold, n_predicted = row.get(tool, 0), sum(row.values()), columns[tool]
        table[tool] = {
            "precision": hits / n_predicted if n_predicted else None,
            "recall": hits / n_gold if n_gold else None,
            "n_gold": n_gold,
            "n_predicted": n_predicted,
        }
    return table

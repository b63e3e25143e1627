"""One reader for every way in which models answer a GPT4Tools prompt.

Reasoning is removed first, then everything from the token that ends the turn, or from a further
turn that the model made up. The rest is read in the requested format (``react``), then in the
others (``formats``); calls in the OpenAI protocol take precedence over both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from instit_bench.scorers.reasoning import split_reasoning, strip_end_tokens
from instit_bench.scorers.tool_call.calls import (
    Fault,
    ParseError,
    Reply,
    ToolCall,
    make_call,
)
from instit_bench.scorers.tool_call.formats import Outcome, read_calls
from instit_bench.scorers.tool_call.literals import read_literal
from instit_bench.scorers.tool_call.prompt import Prompt
from instit_bench.scorers.tool_call.react import read_script
from instit_bench.scorers.tool_call.texts import decode, is_nothing
from instit_bench.types import NativeToolCall

# A human turn that a completion without a stop string goes on to invent.
_NEXT_TURN = re.compile(
    r"\n[ \t#*]*(?:Human|User|New input|Previous conversation)[ \t*]*[:：]"
    r"|<\|(?:im_)?start\|>user"
)
# Between two messages of one turn: Cohere's text and calls, another header of the assistant, or
# ChatGLM3's with a tool's name.
_SAME_TURN = re.compile(
    r"<\|(?:END_RESPONSE|END_TEXT)\|>(?=\s*<\|START_(?:ACTION|RESPONSE|TEXT)\|>)"
    r"|<\|(?:im_end|eom_id|eot_id|end)\|>\s*<\|(?:im_start\|>assistant\b"
    r"|start_header_id\|>assistant<\|end_header_id\|>|assistant\|>)"
    r"|<\|assistant\|>(?=[ \t]?[\w.-]{1,80}[ \t]{0,9}\n)"
)
_TAG = re.compile(r"<[^<>]{1,40}>")
_WORDS = re.compile(r"\w")
# Functionary's recipient of what is said to the user; the first >>> stands in its prompt.
_TO_ALL = re.compile(r"\A(?:>>>)?all\n")


def parse_reply(
    text: str, prompt: Prompt, tool_calls: Sequence[NativeToolCall] = ()
) -> Reply | ParseError:
    """Read a reply.

    Args:
        text: What the model wrote.
        prompt: The prompt it answers; its tools say how many arguments an input has.
        tool_calls: Calls in the OpenAI protocol; if there are any, the text is not searched for
            more.
    """
    visible = split_reasoning(text)
    turn = _first_turn(visible.text)
    if tool_calls:
        return _read_native(turn.rstrip(), prompt, tool_calls)
    outcome = _read_text(turn, prompt)
    if isinstance(outcome, ParseError) and visible.hidden and not _WORDS.search(_TAG.sub("", turn)):
        reasoning = _first_turn(visible.hidden)
        outcome = _read_reasoning(reasoning, prompt, closed=not visible.unclosed) or outcome
    if isinstance(outcome, ParseError) and visible.unclosed:
        return ParseError("unclosed_reasoning", "the reasoning never ends")
    return outcome


def _first_turn(text: str) -> str:
    """Return a reply without anything after its own turn.

    It ends with a line's end only if the reply shows that it does not break off there: by a line's
    end, an end token or a further turn.
    """
    text = text.replace("\r\n", "\n")
    # In gpt-oss's channels a turn contains several messages, each with its own end token.
    messages = text if "<|message|>" in text else _SAME_TURN.sub("\n", text)
    turn = messages if "<|message|>" in text else strip_end_tokens(messages)
    ended = not messages.endswith(turn) or turn.rstrip(" \t").endswith("\n")
    turn = _TO_ALL.sub("", turn.strip(), 1)
    if following := _NEXT_TURN.search(turn):
        turn, ended = turn[: following.start()].rstrip(), True
    return turn + "\n" if turn and ended else turn


def _read_text(turn: str, prompt: Prompt) -> Reply | ParseError:
    text = turn.rstrip()
    if not text:
        return ParseError("empty", "the reply is empty")
    script = read_script(text, prompt)
    outcome = script.conclude()
    if isinstance(outcome, Reply) and outcome.calls:
        return outcome
    answered = script.answer is not None or script.declines
    found = read_calls(turn, prompt, answered=answered)
    if found is None or (isinstance(found, ParseError) and isinstance(outcome, Reply)):
        return outcome
    if isinstance(found, ParseError):
        return found
    fault: Fault | None = "contradiction" if found.calls and script.declines else None
    return Reply(found.calls, found.answer or script.answer, found.format, fault)


def _read_reasoning(reasoning: str, prompt: Prompt, *, closed: bool) -> Reply | None:
    """Read the calls in reasoning that nothing follows: some models make them before they close it.

    Such calls stand in a model's own tokens, and either end the reply or, where the reasoning is
    closed, name tools of the prompt. Any other is only thought of.
    """
    found = read_calls(reasoning, prompt, answered=False)
    if not isinstance(found, Outcome) or not found.in_tokens:
        return None
    listed = all(prompt.find_tool(call.name) is not None for call in found.calls)
    if not (found.ends_text or (closed and listed)):
        return None
    return Reply(found.calls, found.answer, found.format)


def _read_native(
    text: str, prompt: Prompt, tool_calls: Sequence[NativeToolCall]
) -> Reply | ParseError:
    calls: list[ToolCall] = []
    twice = False
    for call in tool_calls:
        arguments, encoded_twice = _native_arguments(call.arguments)
        if arguments is None:
            return ParseError("malformed_call", f"the arguments of {call.name!r} are not JSON")
        twice |= encoded_twice
        calls.append(make_call(call.name, arguments, prompt))
    script = read_script(text, prompt)
    fault: Fault | None = "encoded_twice" if twice else None
    if script.declines:
        fault = "contradiction"
    return Reply(tuple(calls), text or None, "native", fault)


def _native_arguments(text: str) -> tuple[object, bool]:
    """Return the arguments of a native call, decoded, and whether they were encoded twice.

    A text that is not an object stays as it is; ``None`` means that an object is broken.
    """
    if is_nothing(text):
        return {}, False
    stripped = text.strip()
    if stripped[:1] == '"':
        inner = read_literal(stripped)
        if inner is not None and inner.end == len(stripped):
            twice = str(inner.value).lstrip()[:1] in ("{", "[")
            return (decode(str(inner.value)) if twice else inner.value), twice
    value = decode(stripped)
    broken = isinstance(value, str) and value[:1] == "{"
    return (None if broken else value), False

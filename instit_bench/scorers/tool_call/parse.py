"""One parser for every way in which models answer a GPT4Tools prompt.

The demanded format is ReAct text::

    Thought: Do I need to use a tool? Yes
    Action: Detect Face
    Action Input: image/x.png

Read as well: the same in Markdown or on fewer lines, a reply that goes on where a chat prompt
stops (``Yes``, ``Action: ...``), JSON calls, and calls in the OpenAI protocol. Reasoning in
``<think>`` tags is dropped, and so are results that the model made up for its own calls.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from instit_bench.scorers.tool_call.calls import (
    ParseError,
    Reply,
    ReplyFormat,
    ToolCall,
    clean_name,
    decode,
    make_call,
)
from instit_bench.scorers.tool_call.json_calls import JsonReply, read_json
from instit_bench.scorers.tool_call.prompt import Prompt
from instit_bench.types import NativeToolCall

_REASONING_TAG = re.compile(r"<(?P<end>/?)think(?:ing)?>", re.I)
_FENCE = re.compile(r"```(?:\w+[ \t]*$)?", re.M)
_INLINE_KEY = re.compile(r"(?<=\S)[ \t]+(?=\**(?:Action|Action Input|Observation)\**:)")
_KEY = re.compile(
    r"^(?P<before>[ \t>*_#`-]*)"
    r"(?P<key>Thought|Action[ _]?Input|Action|Observation|AI|Final Answer)"
    r"(?P<after>[ \t*_`]*:[ \t*`]*)",
    re.I | re.M,
)
_ANSWERED = re.compile(r"\bdo i need to use (?:an? |any )?tools?\W*(?P<word>yes|no)\b", re.I)
_BARE = re.compile(r"\W*(?P<word>yes|no)\b(?=[\s*`\"']*(?:[.,;:!\n]|$))", re.I)
_NO_ACTION = frozenset({"none", "n/a", "null", "no action"})


@dataclass(frozen=True, slots=True)
class _Field:
    """A key of the ReAct format and the text up to the next key."""

    key: str
    value: str

    @property
    def line(self) -> str:
        """The first line that is not empty."""
        return self.value.strip().partition("\n")[0].strip()


@dataclass(slots=True)
class _Script:
    """What the fields of a ReAct text add up to."""

    calls: list[ToolCall] = field(default_factory=list)
    decisions: list[bool] = field(default_factory=list)
    answer: str | None = None
    contradicts: bool = False
    without_input: int = 0
    without_action: int = 0

    @property
    def declines(self) -> bool:
        """Whether the text sets out by saying that no tool is needed."""
        return self.decisions[:1] == [False]


def parse_reply(
    text: str, prompt: Prompt, tool_calls: Sequence[NativeToolCall] = ()
) -> Reply | ParseError:
    """Read a reply.

    Args:
        text: What the model wrote.
        prompt: The prompt it answers: its tools say how many arguments an input has.
        tool_calls: Calls in the OpenAI protocol; where there are any, the text holds no others.
    """
    visible, unclosed = _drop_reasoning(text)
    try:
        if tool_calls:
            return _read_native(visible, prompt, tool_calls)
        outcome = _read_text(visible, prompt)
    except RecursionError:
        return ParseError("malformed_json", "the JSON is nested too deeply")
    if unclosed and isinstance(outcome, ParseError):
        return ParseError("unclosed_reasoning", "the reasoning never ends")
    return outcome


def _drop_reasoning(text: str) -> tuple[str, bool]:
    """Cut reasoning out; also say whether some was begun and not ended."""
    kept: list[str] = []
    start, inside = 0, False
    for tag in _REASONING_TAG.finditer(text):
        if tag["end"]:
            # Some templates show the model's end tag only: all before it is reasoning.
            kept = kept if inside else []
            start, inside = tag.end(), False
        elif not inside:
            kept.append(text[start : tag.start()])
            inside = True
    if not inside:
        kept.append(text[start:])
    return "".join(kept).strip(), inside


def _read_native(
    text: str, prompt: Prompt, tool_calls: Sequence[NativeToolCall]
) -> Reply | ParseError:
    for call in tool_calls:
        if isinstance(decode(call.arguments), str) and call.arguments.lstrip()[:1] == "{":
            return ParseError("malformed_json", f"the arguments of {call.name!r} are no JSON")
    calls = tuple(make_call(call.name, call.arguments, prompt) for call in tool_calls)
    preamble, fields, _ = _split(text)
    script = _read_script(preamble, fields, prompt)
    return Reply(calls, text or None, "native", contradicts=script.declines)


def _read_text(text: str, prompt: Prompt) -> Reply | ParseError:
    if not text:
        return ParseError("empty", "the reply is empty")
    preamble, fields, decorated = _split(text)
    script = _read_script(preamble, fields, prompt)
    style: ReplyFormat = "react"
    if _decide(preamble) is not None:
        style = "continuation"
    elif decorated:
        style = "markdown"
    outcome = _conclude(script, style)
    if any(item.key == "actioninput" for item in fields):
        return outcome
    # Beside an answer, JSON that names none of the tools is part of the answer.
    found = read_json(text, prompt, listed_only=script.answer is not None)
    if isinstance(found, JsonReply):
        declines = bool(found.calls) and script.declines
        return Reply(found.calls, found.answer or script.answer, "json", declines)
    return found if found and isinstance(outcome, ParseError) else outcome


def _split(text: str) -> tuple[str, list[_Field], bool]:
    """Cut a text into what stands before the first key, the fields, and whether it is Markdown."""
    plain = _INLINE_KEY.sub("\n", _FENCE.sub("", text))
    keys = list(_KEY.finditer(plain))
    ends = [key.start() for key in keys[1:]] + [len(plain)]
    fields = [
        _Field(re.sub("[ _]", "", key["key"]).lower(), plain[key.end() : end])
        for key, end in zip(keys, ends, strict=False)
    ]
    marks = "".join(key["before"] + key["after"] for key in keys)
    decorated = _FENCE.search(text) is not None or any(mark in marks for mark in "*_#`")
    return plain[: keys[0].start()] if keys else plain, fields, decorated


def _decide(text: str) -> bool | None:
    """Whether a text says that a tool is needed: by an answer to the question, or a first word."""
    found = _ANSWERED.search(text) or _BARE.match(text)
    return None if found is None else found["word"].lower() == "yes"


def _read_script(preamble: str, fields: Sequence[_Field], prompt: Prompt) -> _Script:
    script = _Script()
    decision = _decide(preamble)
    if decision is not None:
        script.decisions.append(decision)
        if not (decision or fields):
            script.answer = preamble.partition("\n")[2].strip() or preamble
    for place, item in enumerate(fields):
        following = fields[place + 1 : place + 3]
        match item.key:
            case "thought":
                decision = _decide(item.value)
                script.decisions += [] if decision is None else [decision]
            case "ai" | "finalanswer":
                script.answer = item.value.strip()
            case "action":
                _add_call(script, item, following, prompt)
            case "actioninput" if place == 0 or fields[place - 1].key != "action":
                script.without_action += 1
    return script


def _add_call(script: _Script, action: _Field, following: Sequence[_Field], prompt: Prompt) -> None:
    """Take up an action with the input and the observation that follow it."""
    name = clean_name(action.line)
    has_input = bool(following) and following[0].key == "actioninput"
    # An answer may well speak of an "Action:"; only a tool's name or an input makes it a call.
    is_talk = script.answer is not None and not has_input and prompt.find_tool(name) is None
    if is_talk or name.lower() in _NO_ACTION:
        return
    if not name:
        script.without_action += 1
        return
    value = _input_text(following[0]) if has_input else ""
    results = [item.value.strip() for item in following[1:] if item.key == "observation"]
    script.calls.append(make_call(name, value, prompt, results[0] if results else ""))
    script.without_input += not has_input
    script.contradicts |= False in script.decisions


def _input_text(item: _Field) -> str:
    """The first line of an input, or all of it where it is JSON."""
    whole = item.value.strip().strip("`").strip()
    return item.line if isinstance(decode(whole), str) else whole


def _conclude(script: _Script, style: ReplyFormat) -> Reply | ParseError:
    """Settle what the reply comes to; half a call is an error only where there is no whole one."""
    if len(script.calls) > script.without_input:
        return Reply(tuple(script.calls), script.answer, style, script.contradicts)
    if script.without_input:
        return ParseError("missing_input", f"no input for the action {script.calls[0].name!r}")
    if script.without_action or script.decisions[-1:] == [True]:
        return ParseError("missing_action", "a tool is asked for and no action named")
    if script.decisions or script.answer is not None:
        return Reply((), script.answer, style)
    return ParseError("no_decision", "the reply neither calls a tool nor says that it needs none")

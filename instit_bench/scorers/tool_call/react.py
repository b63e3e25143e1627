"""The format that the benchmark requests, and the variants that models write.

::

    Thought: Do I need to use a tool? Yes
    Action: Detect Face
    Action Input: image/x.png

Also read: the same in Markdown, as bullets or numbered, with keys on their own lines or all on
one line, under other names (``Tool:`` and ``Input:``, ``Function Name:`` and ``Parameters:``, as in
YAML), with an input in brackets after the name, and a reply that continues where a chat prompt
stops (``Yes``, ``Action: …``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice

from instit_bench.scorers.tool_call.arguments import join_keyword_lines
from instit_bench.scorers.tool_call.calls import (
    Fault,
    ParseError,
    Reply,
    ToolCall,
    make_call,
)
from instit_bench.scorers.tool_call.declines import decision, declines, says_no
from instit_bench.scorers.tool_call.literals import read_literal
from instit_bench.scorers.tool_call.prompt import Prompt, file_names
from instit_bench.scorers.tool_call.texts import clean_name, decode

# What each key means, without regard to case and word separators.
_KINDS = {
    "thought": "thought",
    "action": "action",
    "actionname": "action",
    "actioninput": "input",
    "actioninputs": "input",
    "actionarguments": "input",
    "toolinput": "input",
    "observation": "observation",
    "ai": "answer",
    "finalanswer": "answer",
    "answer": "weak answer",
    "response": "weak answer",
    "assistant": "weak answer",
    "思考": "thought",
    "观察": "observation",
    "最终答案": "answer",
}
# Any other key of a tool or of its input; these weak ones count only beside other keys.
_SUBJECTS = "action|tool|function|api|command|plugin|skill|行动|动作|工具"
_INPUTS = "inputs?|args|arguments|params|parameters|query|输入|参数"
_IS_INPUT = re.compile(rf"(?:{_INPUTS})\Z")
_WORDS = (
    rf"thought|(?:(?:next|selected|chosen)[ _-]?)?(?:{_SUBJECTS})"
    rf"(?:[ _-]?(?:{_INPUTS}|name|call|type|名称)|[ _-]to[ _-](?:use|take|call))?"
    rf"|{_INPUTS}|name|observation|ai|final[ _-]?answer|answer|response|assistant"
    "|思考|观察|最终答案"
)
_KEY = re.compile(
    rf"^(?P<before>[ \t<>*_#`•-]*(?:\d{{1,3}}[.)][ \t*_]*)?)(?:"
    rf"(?P<key>{_WORDS})(?:[ \t]?\d{{1,3}})?"
    r"(?P<after>[ \t*_`]*[:：](?:\*{1,3}(?![/.*])|(?:`|__)(?=\s))?[ \t]*)"
    rf"|(?<=[*_#])[ \t]*(?P<heading>{_WORDS})[ \t*_`]*$)",
    re.I | re.M,
)
_MARKS = re.compile(r"[ _-]")
# DSPy's keys: [[ ## next_tool_name ## ]]
_DSPY_KEY = re.compile(r"\[\[ ## (\w{1,40}) ## \]\]")
# A fence; one within a quoted value belongs to it.
_FENCE = re.compile(r"(?<![\"'])(?<!\\n)```(?![\"'])(?:\w+[ \t]*$)?", re.M)
_INLINE_KEY = re.compile(
    r"(?<=\S)[ \t]+(?=\**(?:Action|Action Input|Observation)\**[:：])"
    r"|\\n(?=(?:Thought|Action|Action Input|Observation|AI)[:：])"
)
# Without one of these there is no key within a line.
_INLINE_MARKS = (" Action", "\tAction", " Observation", "\tObservation", " *", "\t*", "\\n")
# No reply has more keys; anything after them is not read.
_MOST_KEYS = 10_000
_XML_KEY = re.compile(
    r"<(?P<end>/?)(?P<key>thought|action|action_input|observation|final_answer)>", re.I
)
_NAME_AND_INPUT = re.compile(r"(?P<name>[^(\[{\n]{1,120}?)[ \t*`]*(?=[(\[{])")
# The rules of a prompt, repeated: Action: the tool name, should be one of [...]
_PLACEHOLDER = re.compile(r"\b(?:should|must|has to) be one of\b", re.I)
_WORD_AND_INPUT = re.compile(r"[^\W\d]\w{0,80}\[[^\[\]]+\]")


@dataclass(frozen=True, slots=True)
class _Field:
    """A key and the text up to the next key."""

    kind: str
    value: str

    @property
    def line(self) -> str:
        """The first line that is not empty."""
        return self.value.strip().partition("\n")[0].strip()


@dataclass(slots=True)
class Script:
    """What the fields of a text add up to.

    ``has_input`` says that some field is an input; ``style`` is the format's name.
    """

    style: str
    calls: list[ToolCall] = field(default_factory=list)
    decisions: list[bool] = field(default_factory=list)
    answer: str | None = None
    says_no: bool = False
    contradicts: bool = False
    without_input: list[str] = field(default_factory=list)
    without_action: int = 0

    @property
    def declines(self) -> bool:
        """Whether the text starts by saying that no tool is needed."""
        return self.decisions[:1] == [False]

    def conclude(self) -> Reply | ParseError:
        """Return the result; half a call is an error only if there is no complete one."""
        if self.calls:
            fault: Fault | None = "contradiction" if self.contradicts else None
            return Reply(tuple(self.calls), self.answer, self.style, fault)
        if self.without_input:
            return ParseError("missing_input", f"no input for the action {self.without_input[0]!r}")
        if self.without_action or self.decisions[-1:] == [True]:
            return ParseError("missing_action", "a tool is requested but no action is named")
        if self.decisions or self.answer is not None or self.says_no:
            return Reply((), self.answer, self.style)
        return ParseError(
            "no_decision", "the reply neither calls a tool nor says that none is needed"
        )


def read_script(text: str, prompt: Prompt) -> Script:
    """Read the keys of a text."""
    preamble, fields, decorated = _split(text, prompt)
    decided = decision(preamble)
    style = "markdown" if decorated else "react"
    script = Script(style if decided is None else "continuation")
    if decided is not None:
        script.decisions.append(decided)
        if not (decided or fields):
            script.answer = preamble.partition("\n")[2].strip() or preamble
    elif says_no(preamble):
        script.says_no = True
        script.answer = preamble if not fields else None
    for place, item in enumerate(fields):
        match item.kind:
            case "thought":
                decided = decision(item.value)
                script.decisions += [] if decided is None else [decided]
                script.says_no |= decided is None and says_no(item.value)
            case "answer":
                script.answer = item.value.strip()
            case "action":
                _add_call(script, item, fields[place + 1 : place + 3], prompt)
            case "input" if place == 0 or fields[place - 1].kind != "action":
                script.without_action += 1
    return script


def _split(text: str, prompt: Prompt) -> tuple[str, list[_Field], bool]:
    """Split a text into what precedes the first key, the fields, and whether it is Markdown."""
    plain = _FENCE.sub("", text) if "```" in text else text
    if "[[ ## " in plain:
        plain = _DSPY_KEY.sub(r"\n\1:", plain)
    if any(mark in plain for mark in _INLINE_MARKS):
        plain = _INLINE_KEY.sub("\n", plain)
    if "</action" in plain or "</thought" in plain or "</final" in plain:
        plain = _XML_KEY.sub(lambda tag: "\n" if tag["end"] else f"\n{tag['key']}: ", plain)
    keys = _accepted(list(islice(_KEY.finditer(plain), _MOST_KEYS)), plain, prompt)
    ends = [key.start() for key, _ in keys[1:]] + [len(plain)]
    fields = [
        _Field(kind, _value(key, plain[key.end() : end]))
        for (key, kind), end in zip(keys, ends, strict=False)
    ]
    marks = "".join(key["before"] + (key["after"] or "#") for key, _ in keys)
    decorated = "```" in text or any(mark in marks for mark in "*_#`")
    return plain[: keys[0][0].start()] if keys else plain, fields, decorated


def _value(key: re.Match[str], text: str) -> str:
    """Return the text after a key, without the end of a tag that opens there: ``<Input: x>``."""
    return text.rstrip().removesuffix(">") if "<" in key["before"] else text


def _accepted(
    keys: list[re.Match[str]], text: str, prompt: Prompt
) -> list[tuple[re.Match[str], str]]:
    """Return the keys that count, with their kinds.

    ``Tool:`` counts before an input or a listed name, ``Input:`` after an action, ``Answer:``
    after a thought; elsewhere they are words of the text.
    """
    accepted: list[tuple[re.Match[str], str]] = []
    for place, key in enumerate(keys):
        kind = _kind(key["key"] or key["heading"])
        before = accepted[-1][1] if accepted else ""
        if kind == "weak input" and before != "action":
            continue
        if kind == "weak answer" and before not in (
            "",
            "thought",
            "action",
            "observation",
            "input",
        ):
            continue
        if kind == "weak answer" and before == "" and text[: key.start()].rstrip().endswith(">"):
            # A line of an argument between tags
            continue
        if kind == "weak action" and not _is_action(keys, place, text, prompt):
            continue
        accepted.append((key, kind.removeprefix("weak ")))
    return accepted


@lru_cache(maxsize=256)
def _kind(word: str) -> str:
    folded = _MARKS.sub("", word).casefold()
    return _KINDS.get(folded) or ("weak input" if _IS_INPUT.search(folded) else "weak action")


def _is_action(keys: list[re.Match[str]], place: int, text: str, prompt: Prompt) -> bool:
    end = keys[place + 1].start() if place + 1 < len(keys) else len(text)
    line = text[keys[place].end() : end].strip().partition("\n")[0]
    named = _NAME_AND_INPUT.match(line)
    names = (line, named["name"]) if named else (line,)
    return any(prompt.find_tool(clean_name(name)) is not None for name in names)


def _add_call(script: Script, action: _Field, following: Sequence[_Field], prompt: Prompt) -> None:
    """Add an action with the input and the observation that follow it."""
    name, value = _name_and_input(action, prompt)
    listed = prompt.find_tool(name) is not None
    if following and following[0].kind == "input":
        value = _input_text(following[0], prompt, name)
    if not listed and _PLACEHOLDER.search(action.line):
        return
    if not listed and declines(name):
        _take_decline(script, name, value)
        return
    # An answer may mention an "Action:"; only a tool's name or an input makes it a call.
    if script.answer is not None and value is None and not listed:
        return
    if value is None:
        script.without_input.append(name)
        return
    results = [item.value.strip() for item in following if item.kind == "observation"]
    result = results[0] if results else ""
    script.calls.append(make_call(name, value, prompt, result, marked=True))
    script.contradicts |= False in script.decisions


def _take_decline(script: Script, name: str, value: str | None) -> None:
    """Handle an action that is none: ``None``, ``Final Answer`` and the like."""
    if not name:
        script.without_action += 1
    elif not script.decisions:
        script.says_no = True
        if value and script.answer is None and not declines(value):
            script.answer = value.strip("()[] ")


def _name_and_input(action: _Field, prompt: Prompt) -> tuple[str, str | None]:
    """Return an action's name, and the input in brackets after it or on the next line."""
    whole = action.value.strip()
    line, _, rest = whole.partition("\n")
    before, _, after = line.replace("：", ":").partition(":")
    if file_names(after) and prompt.find_tool(clean_name(before)) is not None:
        return clean_name(before), after.strip()
    name = clean_name(line)
    if prompt.find_tool(name) is not None and not line.rstrip("`*. ").endswith("()"):
        return name, _input_below(rest.strip())
    found = _NAME_AND_INPUT.match(whole)
    if found is None or declines(name):
        return name, None
    before = clean_name(found["name"])
    is_action = prompt.find_tool(before) is not None or declines(before)
    # An unknown name with a remark: Image [1], Look {closely}. Search[a dog] is ReAct's own call.
    if not is_action and whole[found.end()] != "(" and not _WORD_AND_INPUT.fullmatch(line):
        return name, None
    literal = read_literal(whole, found.end())
    if literal is not None:
        return before, whole[found.end() : literal.end]
    inside = line[found.end() + 1 :].strip().rstrip("`*. ")
    return (before, inside[:-1]) if inside[-1:] in (")", "]") else (name, None)


def _input_below(text: str) -> str | None:
    """Return the input below a name without a key: an object, or a line that begins with a file."""
    if text[:1] == "{" and not isinstance(decode(text), str):
        return text
    line = text.partition("\n")[0].strip(" \t`*\"'")
    named = file_names(line)
    return line if named and line.startswith(named[0]) else None


def _input_text(item: _Field, prompt: Prompt, name: str) -> str:
    """Return the first line of an input, or the object, arguments or quoted lines that begin there.

    Other lines below the first may as well be about the call.
    """
    whole = item.value.strip().strip("`").strip()
    if whole[:1] in ("'", '"') and "\n" in whole:
        literal = read_literal(whole)
        if literal is not None and literal.end == len(whole):
            return whole
    if whole[:1] in ("{", "["):
        literal = read_literal(whole)
        if literal is not None and (whole[0] == "{" or "\n" in whole[: literal.end]):
            return whole[: literal.end]
    return join_keyword_lines(item.value, prompt, name)

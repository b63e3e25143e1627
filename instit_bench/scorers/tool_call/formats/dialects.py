"""Formats that differ from another one only in how they spell its tags: rewritten to that one.

A vendor's prefix (``<ifm|tool_call>``, ``<seed:tool_call>``, ``<longcat_tool_call>``) goes, so that
a prefix nobody has seen yet is no new format. So do the marks of byte-level tokenizers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from instit_bench.scorers.tool_call.prompt import Prompt

_Rewriting = Sequence[tuple[re.Pattern[str], str]]

# antml:invoke, ifm|arg_key, ｜DSML｜invoke; before a known tag also longcat_, dots_ and the like.
_PREFIX = re.compile(
    r"<(?P<end>/?)(?:(?:[\w-]{1,20}[:|｜]|[ ]?[|｜]{1,2}[ ]?\w{1,20}[ ]?[|｜]{1,2}[ ]?)"
    r"(?=[A-Za-z_]\w{0,40}[\s=>])"
    r"|[A-Za-z0-9]{1,20}_(?=(?:(?:tool|function)_calls?|arg_key|arg_value)>))"
)
# HY 3 has its mark behind: <tool_call:opensource>
_SUFFIX = re.compile(r"(?<=[</])((?:end_of_)?tool_calls?|tool_sep|arg_key|arg_value):\w{1,20}(?=>)")
# Where the chat template writes the object's beginning: "name": "x", … or "x", "arguments": …
_WITHOUT_START = (
    (re.compile(r"\A\s*(?=\"(?:name|tool|action)\"\s*:)"), "{"),
    (re.compile(r"\A\s*(?=\"[^\"\n]{1,120}\",\s*\"(?:arguments|parameters)\"\s*:)"), '{"name": '),
)
_KNOWN = (
    # MiniCPM's tokens without the space between them
    (re.compile(r"<(function|invoke|param|parameter)(?=name=)"), r"<\1 "),
    (re.compile(r"<end_of_tool_call>"), "</tool_call>"),
    # [Calling tool="x" key="value"]
    (
        re.compile(
            r"\[(?:Calling )?tool=(\"[^\"\n]{1,120}\"(?:\s{1,9}\w{1,80}=\"[^\"<>]*+\")*+)\s{0,9}\]?"
        ),
        r"<call tool=\1/>",
    ),
    # A space in the closing tag
    (re.compile(r"</[ \t]{1,9}(?=\w)"), "</"),
    # An attribute without quotes
    (
        re.compile(r"<(function|invoke|param|parameter|arg) name=([\w.-]{1,120})(?=>)"),
        r'<\1 name="\2"',
    ),
    (re.compile(r"<!\[CDATA\[([^\]<]*+)\]\]>"), r"\1"),
    # A key that lost its end: {"name="x"
    (re.compile(r"(?<=\{\")(name|tool|action)=(?=\")"), r'\1": '),
    # A boundary token of the channel's header, repeated in the call's name
    (re.compile(r"(?<=name=\")([^<>\"\n]{1,120})(?:<\|message\|>)+(?:\">)?"), r'\1">'),
)
# By a mark that no other format has.
_BY_MARK: dict[str, _Rewriting] = {
    # MiniMax M2 at times: [TOOL_CALL] {tool => "x", args => {--key "value"}} [/TOOL_CALL]
    "[TOOL_CALL]": (
        (
            re.compile(
                r"(?P<before>[{\n]|(?<=[\"'\d\]}])[ ,])[ \t]{0,40}--(?P<key>\w[\w-]{0,80})"
                r"[ \t=]{1,9}(?=[\"'\[{\d-]|true\b|false\b|null\b)"
            ),
            r'\g<before>"\g<key>": ',
        ),
    ),
    # MiniMax M3 puts this before each of its tags.
    "]<]minimax[>[": ((re.compile(r"\]<\]minimax\[>\["), ""),),
    # Kimi K3: <|open|>call tool="x"<|sep|> and <|close|>call<|sep|>
    "<|sep|>": (
        (re.compile(r"<\|open\|>([^<>\n]{1,160})<\|sep\|>"), r"<\1>"),
        (re.compile(r"<\|close\|>([^<>\n]{1,160})(?:<\|sep\|>|(?=<\|)|(?=\n?\Z))"), r"</\1>"),
    ),
    # Solar: <|tool_call:start|>name, <|tool_arg:start|>key<|tool_arg:value|>value<|tool_arg:end|>
    "<|tool_call:": (
        # Solar Open: <|tool_call:begin|>id<|tool_call:name|>name<|tool_call:args|>{…}
        (
            re.compile(r"<\|tool_call:begin\|>[^<>\n]{0,80}<\|tool_call:name\|>"),
            "<tool_call>",
        ),
        (re.compile(r"<\|tool_call:args\|>"), "\n"),
        (re.compile(r"<\|tool_call:start\|>"), "<tool_call>"),
        (re.compile(r"<\|tool_call:end\|>"), "</tool_call>"),
        (re.compile(r"<\|tool_arg:start\|>"), "<arg_key>"),
        (re.compile(r"<\|tool_arg:value\|>"), "</arg_key><arg_value>"),
        (re.compile(r"<\|tool_arg:end\|>"), "</arg_value>"),
    ),
    # PLaMo: <|plamo:begin_tool_name:plamo|>name<|plamo:end_tool_name:plamo|>
    "<|plamo:": (
        (re.compile(r"<\|plamo:begin_(\w{1,20}):plamo\|>"), r"<\1>"),
        (re.compile(r"<\|plamo:end_(\w{1,20}):plamo\|>"), r"</\1>"),
        (re.compile(r"<\|plamo:constrain\|>json|<\|plamo:\w{1,20}\|>"), ""),
    ),
}
# MiniMax's tags where an engine took their beginnings for tokens
_HALF_TAG = re.compile(r"^invoke name=\"", re.M)
_HALF_TAGS = (
    (re.compile(r"^(invoke|parameter)(?= name=\"[^\"\n]{1,120}\">)", re.M), r"<\1"),
    (re.compile(r"(?<![</])(invoke|parameter)>(?=\s|\Z)"), r"</\1>"),
)
# Qwen 2.5 at times doubles the braces, as in a format string; the reader ignores surplus ends.
_DOUBLED = re.compile(r"\{\{(?=\s{0,9}[\"'])")
# GLM at times leaves out the tag between the name and the first key.
_GLUED = re.compile(r"<tool_call>\s{0,9}([^\W\d][^<>{}\n]{2,100})</arg_key>")
_MOST_GLUED = 100
# How byte-level tokenizers write a space and a line's end.
_BYTE_MARKS = str.maketrans({"Ġ": " ", "Ċ": "\n"})


def rewrite(text: str, prompt: Prompt) -> str:
    """The text with its tags in the spelling that the other modules read."""
    if text.lstrip()[:1] == '"':
        text = _apply(_WITHOUT_START, text)
    if "{{" in text:
        text = _DOUBLED.sub("{", text)
    if 'invoke name="' in text and _HALF_TAG.search(text):
        text = _apply(_HALF_TAGS, text)
    if not any(mark in text for mark in ("<", "tool=", "[TOOL_CALL]")):
        return text
    if "Ġ" in text:
        text = text.translate(_BYTE_MARKS)
    for mark, rewriting in _BY_MARK.items():
        if mark in text:
            text = _apply(rewriting, text)
    text = _apply(_KNOWN, _PREFIX.sub(r"<\g<end>", _SUFFIX.sub(r"\1", text)))
    if "</arg_key>" in text:
        text = _GLUED.sub(lambda found: _part(found[1], prompt) or found[0], text, _MOST_GLUED)
    return text


def _part(glued: str, prompt: Prompt) -> str | None:
    """Put the missing tag between a listed tool's name and a key: ``detect_facepath``."""
    for end in range(len(glued) - 1, 2, -1):
        if prompt.find_tool(glued[:end].strip()) is not None:
            return f"<tool_call>{glued[:end]}<arg_key>{glued[end:]}</arg_key>"
    return None


def _apply(rewriting: _Rewriting, text: str) -> str:
    for pattern, replacement in rewriting:
        text = pattern.sub(replacement, text)
    return text

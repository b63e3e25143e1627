"""Calls written as a name in the model's own tokens, then an object: one pattern per model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from instit_bench.scorers.tool_call.calls import ParseError
from instit_bench.scorers.tool_call.formats.base import MOST_CALLS, Format, Found, Reading
from instit_bench.scorers.tool_call.literals import read_literal
from instit_bench.scorers.tool_call.prompt import Prompt

_BAR, _LINE = "[|｜]", "[▁_ ]"
_SEPARATOR = f"<{_BAR}tool{_LINE}sep{_BAR}>"
_FENCE = re.compile(r"\s*(?:```\w*\s*)?")
_GEMMA = (
    r"(?:\bcall:|<call>|<(?:\|tool_call|start_function_call)>(?!\s*:?\s*call:))\s*"
    r"(?P<name>(?=\S)[^<>{}\n\"]{1,80}?)\s*(?=\{)"
)
_TEXT = re.compile(r"[^\n<\[✿]*")


def _headed(
    name: str,
    markers: tuple[str, ...],
    head: str,
    *,
    certain: bool = True,
    listed_only: bool = False,
) -> Format:
    """Return a format whose calls are ``head``, which captures the name, followed by an object."""
    pattern = re.compile(head)

    def read(text: str, prompt: Prompt) -> Reading:
        heads = [
            found
            for found in islice(pattern.finditer(text), MOST_CALLS)
            if not listed_only or prompt.find_tool(found["name"]) is not None
        ]
        calls = tuple(_calls(text, heads))
        if heads and not calls:
            return Reading(error=ParseError("malformed_call", f"a {name} call without an object"))
        return Reading(calls)

    return Format(name, markers, read, certain)


def _calls(text: str, heads: list[re.Match[str]]) -> Iterator[Found]:
    end = 0
    for head in heads:
        if head.start() < end:
            continue
        fenced = _FENCE.match(text, head.end())
        start = fenced.end() if fenced else head.end()
        if text[start : start + 1] in ("{", "[", "(", '"'):
            literal = read_literal(text, start)
            if literal is None:
                continue
            value, end = literal.value, literal.end
        else:
            line = _TEXT.match(text, start)
            value, end = (line[0].strip(), line.end()) if line else ("", start)
        yield Found(head["name"], value, head.start(), end)


HEADED = (
    # [TOOL_CALLS]name[ARGS]{...}, with a [CALL_ID] between in some versions, or an id alone
    _headed(
        "mistral",
        ("[ARGS]", "[args]"),
        r"(?:\[(?:TOOL_CALLS|tool)\])?\s*(?P<name>(?=\S)[^\[\]{}<>\n]{1,120})"
        r"(?:\[ARGS\]\s?[\w.:-]{1,80}(?=\[(?:ARGS|CALL_ID)\]))?"
        r"(?:\[CALL_ID\][^\[\]{}]{0,80})?(?:\[ARGS\]|\[args\])",
    ),
    _headed(
        "mistral",
        ("[TOOL_CALLS]",),
        r"\[TOOL_CALLS\]\s*(?P<name>(?=\S)[^\[\]{}<>\n]{1,120}?)\s*"
        r"(?:\[CALL_ID\][^\[\]{}]{0,80})?(?=\{)",
        certain=False,
    ),
    # V3: begin, "function", separator, name, fenced JSON; V3.1: begin, name, separator, JSON.
    # Kimi's calls begin alike.
    _headed(
        "deepseek",
        ("call▁begin", "call_begin", "call begin", "tool▁sep", "|tool_sep|"),
        rf"(?:<{_BAR}tool{_LINE}calls?{_LINE}begin{_BAR}>\s*(?:function\s*{_SEPARATOR})?+"
        rf"|function\s*{_SEPARATOR}|(?m:^)[ \t]*(?=[^<>{{}}\n]{{1,120}}{_SEPARATOR}))"
        rf"\s*(?P<name>(?=[^\s\[])[^<>{{}}`\n]{{1,120}})\s*(?:{_SEPARATOR}|(?=[\n{{`])"
        r"(?!\s*<\|tool_call_argument_begin))",
    ),
    _headed(
        "kimi",
        ("<|tool_call_argument_begin|>",),
        # The name stands in the call's id: functions.name:0, or functions_name_0 where a client
        # allows letters only.
        r"(?:<\|tool_call_begin\|>)?\s*(?:(?P<flat>functions_)|functions\.)?"
        r"(?P<name>(?=\S)[^<>{}\n]{1,120}?)(?(flat)_\d{1,4}|(?::[a-z_]{0,8}\d{1,6})?)"
        r"\s*<\|tool_call_argument_begin\|>",
    ),
    # gpt-oss: <|channel|>commentary to=functions.name <|constrain|>json<|message|>{...}<|call|>
    _headed(
        "harmony",
        ("<|message|>", "to=functions"),
        r"\bto=(?!assistant|user)(?P<name>(?=\S)[^<>{}\n=]{1,120}?)\s*(?:<\|channel\|>\s*\w+)?"
        r"\s*(?:<\|constrain\|>)?\s*(?:json|code)?\s*(?:<\|message\|>|(?=\{))",
    ),
    # The same with the header's end lost: to=name, a word or two, the object
    _headed(
        "harmony",
        ("to=",),
        r"\bto=(?P<name>[\w.-]{1,120})[^{}<>\n]{0,60}(?=\{)",
        certain=False,
        listed_only=True,
    ),
    # Functionary v2: <|recipient|>name, <|content|>{...}
    _headed(
        "functionary",
        ("<|recipient|>",),
        r"<\|recipient\|>\s*(?!all\b)(?P<name>[^\s<>{}]{1,120})\s*(?:<\|content\|>|(?=\{))",
        certain=False,
    ),
    # Qwen's ✿FUNCTION✿: name / ✿ARGS✿: {...}
    _headed(
        "qwen",
        ("✿FUNCTION✿",),
        r"✿FUNCTION✿\s*[:：]?\s*(?P<name>(?=\S)[^\n✿]{1,120})\s*✿ARGS✿\s*[:：]?",
    ),
    # Gemma: <|tool_call>call:name{key:<|"|>value<|"|>}
    _headed("gemma", ("<|tool_call>", "<start_function_call>"), _GEMMA),
    # HyperCLOVA X: -> tool/name, then the object
    _headed(
        "hyperclova",
        ("tool/",),
        r"->\s*tool/(?P<name>(?=\S)[^\s{}<>]{1,120})\s*(?=\{)",
        certain=False,
        listed_only=True,
    ),
    # [Calling tool: name({...})]
    _headed(
        "pythonic",
        ("[Calling tool:",),
        r"\[Calling tool:\s{0,9}(?P<name>[\w.:-]{1,120})\s{0,9}(?=\()",
        certain=False,
    ),
    # ReWOO: #E1 = name[input]
    _headed(
        "rewoo",
        ("#E",),
        r"#E\d{1,2}\s?=\s?(?P<name>(?=\S)[^\[\]\n]{1,120}?)[ ]?(?=\[)",
        certain=False,
        listed_only=True,
    ),
    # A call as AutoGen prints it
    _headed(
        "autogen",
        ("***** Suggested",),
        r"\*{5} Suggested (?:tool|function) [Cc]all(?: \([^()\n]{0,80}\))?:\s*"
        r"(?P<name>(?=\S)[^*{}\n]{1,120}?)\s*\*{5}\s*Arguments:\s*",
    ),
    # gptme: @name(id): {...}
    _headed(
        "gptme",
        ("@",),
        r"(?m)^@(?P<name>[\w-]{1,80})\([\w:.-]{1,80}\):[ \t]{0,9}(?=\{)",
        certain=False,
    ),
    # Gemma's without its token; after a word, a comma or a colon it is an example.
    _headed(
        "gemma",
        ("call:", "<call>"),
        rf"(?<![\w,;:][ ])(?<![,;:]){_GEMMA}",
        certain=False,
        listed_only=True,
    ),
)
# GLM-4: the name on a line of its own, then the object; Functionary: after >>>; others where the
# engine dropped their tokens. No token says so, only a listed name.
NAME_AND_CODE = _headed(
    # GLM-4 with code: the name, then the arguments of a function called tool_call
    "name_and_object",
    ("tool_call(",),
    r"(?m)^[ \t]*(?P<name>(?=\S)[^\n{}<>\"'`*()]{1,120}?)[ \t]*\n\s*```\w*\s*tool_call(?=\()",
    certain=False,
    listed_only=True,
)
# A listed name that ends a token, whatever the token is: <![name>{...}, <![namespace/name>{...}
TOKEN_AND_OBJECT = _headed(
    "name_and_object",
    (">",),
    r"<[^\w<>\s/]{0,4}(?:[^<>{}/\n]{1,80}/)?(?P<name>[^\W\d][^<>{}/\n]{0,120})>\s*(?=\{)",
    certain=False,
    listed_only=True,
)
NAME_AND_OBJECT = _headed(
    "name_and_object",
    ("{",),
    r"(?m)(?:^|>>>|(?<=\})|\b(?=functions\.))[ \t`*>]*"
    r"(?P<name>(?=\S)[^\n{}<>\"':`*]{1,120}?)(?::\d{1,3})?"
    r"[ \t`*]*[:：]?[ \t`*]*\n?[ \t]*(?:```\w*\n)?[ \t]*(?=\{)",
    certain=False,
    listed_only=True,
)
# The same after words on its line, directly before the object
NAME_IN_LINE = _headed(
    "name_and_object",
    ("{",),
    r"(?<=[ ])(?P<name>[a-z]{1,40}_\w{1,80})(?=\{)",
    certain=False,
    listed_only=True,
)

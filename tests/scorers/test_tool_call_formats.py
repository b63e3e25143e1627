"""What holds for every format of tool calls, and for text in none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instit_bench.scorers.tool_call.calls import ParseError, Reply
from instit_bench.scorers.tool_call.formats import FORMATS
from instit_bench.scorers.tool_call.literals import read_literal, read_literals
from instit_bench.scorers.tool_call.parse import parse_reply
from instit_bench.scorers.tool_call.prompt import file_names, read_prompt
from instit_bench.types import NativeToolCall
from tests.scorers.test_tool_call_tags import TAGS
from tests.scorers.test_tool_call_tokens import OBJECTS, TOKENS
from tests.scorers.tool_calls import ARGS, CALL, CROP_CALL, FILE, PROMPT, read

AROUND = {
    "prose before": "Sure, I will do that.\n\n{}",
    "reasoning before": "<think>\nAction: None\n</think>\n\n{}",
    "white space": "\n\n  {}\n\n",
    "a fence": "```xml\n{}\n```",
    "an end token": "{}<|im_end|>",
    "an end token and a turn": "{}<|im_end|>\n<|im_start|>user\nAction: Make Text\nAction Input: x",
}


@pytest.mark.parametrize(("style", "text", "calls"), TOKENS + TAGS + OBJECTS)
def test_text_around_the_calls_does_not_matter(style, text, calls):
    if "analysis" in text or "```" in text:
        pytest.skip("it begins with channels of its own, or holds a fence")
    plain = read(text)[0]
    assert plain == calls
    assert read(text.replace("\n", "\r\n"))[0] == plain, style
    for name, around in AROUND.items():
        assert read(around.replace("{}", text))[0] == plain, name


def test_every_format_has_an_example():
    seen = {style for style, _, _ in TOKENS + TAGS + OBJECTS} | {"pythonic"}
    assert {item.name for item in FORMATS} == seen


@pytest.mark.parametrize(
    ("arguments", "found", "fault"),
    [
        (ARGS, (FILE,), None),
        (json.dumps(ARGS), (FILE,), "encoded_twice"),
        (json.dumps(FILE), (FILE,), None),
        ("json\n" + ARGS, (FILE,), None),
        (f"```json\n{ARGS}\n```", (FILE,), None),
        ("{'image_path': 'image/a.png'}", (FILE,), None),
        (FILE, (FILE,), None),
        ("", (), None),
        ("None", (), None),
        ("null", (), None),
        ("{}", (), None),
    ],
)
def test_arguments_of_a_native_call(arguments, found, fault):
    calls, reply = read("", NativeToolCall("detect_face", arguments))
    assert calls == [("Detect Face", found)]
    assert (reply.format, reply.fault) == ("native", fault)


THIRD_PARTY = read_prompt("""Rules.

> grep: finds text. The input to this tool should be a comma separated string of two, representing \
the pattern and the path.
> save: writes a file. The input to this tool should be a comma separated string of two, \
representing the text and the file name.
> search: finds pages. The input to this tool should be a comma separated string of two, \
representing the tags and the queries.
> note: keeps text. The input to this tool should be a string, representing the text.
> move: moves. The input to this tool should be a comma separated string of three, representing \
the path, the edits and the mode.
> book: books. The input to this tool should be a comma separated string of seven, representing \
the film, the seats, the day, the place, the time, the kind and the show.
""")
CODE = "```sql\nSELECT *\nFROM a```"


@pytest.mark.parametrize(
    ("name", "arguments", "found"),
    [
        # The description's names decide, whatever the values look like and their order is
        ("grep", {"pattern": "x", "path": "."}, ("x", ".")),
        ("grep", {"path": ".", "pattern": "x"}, ("x", ".")),
        ("grep", {"pattern": "a.png", "path": "src"}, ("a.png", "src")),
        ("save", {"File_Name": "a", "content": "x"}, ("x", "a")),
        # Without them files fill the file's places, and all else keeps its order
        ("save", {"target": "a.txt", "content": "x"}, ("x", "a.txt")),
        ("save", {"content": "x", "target": "a"}, ("x", "a")),
        ("save", "text=x, file_name=a", ("x", "a")),
        ("save", "file_name=a, text=x", ("x", "a")),
        # Structures are values too: an object, lists of several beside a list of one
        ("note", {"text": {"a": "x", "b": "y"}}, ('{"a": "x", "b": "y"}',)),
        ("note", {"arguments": {"text": "x", "extra": ""}}, ("x",)),
        ("search", {"tags": ["a", "b"], "queries": ["c"]}, ('["a", "b"]', '["c"]')),
        ("search", {"tags": ["a"], "queries": ["c"]}, ("a", "c")),
        # Quotes and fences that are part of the value
        ("note", {"text": ['"OpenAI" "latest"']}, ('"OpenAI" "latest"',)),
        ("note", {"text": '"a "red" dog"'}, ('a "red" dog',)),
        ("note", {"text": CODE}, (CODE,)),
        ("note", {"text": "```\na.txt\n```"}, ("a.txt",)),
        # Marks of Markdown are part of a quoted value
        ("note", {"text": "**/package.json"}, ("**/package.json",)),
        ("note", {"text": "*"}, ("*",)),
        ("note", {"text": "**bold**"}, ("**bold**",)),
        ("grep", {"pattern": "`x`", "path": "src/**"}, ("`x`", "src/**")),
        # Records and tables keep their keys, their levels and their numbers
        (
            "note",
            [{"name": "a", "value": 100}, {"name": "b", "value": 200}],
            ('[{"name": "a", "value": 100}, {"name": "b", "value": 200}]',),
        ),
        ("note", {"text": [[320, 640]]}, ("[[320, 640]]",)),
        ("note", {"text": "[[320, -1.50]]"}, ("[[320, -1.50]]",)),
        ("note", {"text": [["a", "7", True, None]]}, ('[["a", "7", true, null]]',)),
        ("note", {"text": [{"a": {"b": 1}}, {"c": 2}]}, ('[{"a": {"b": 1}}, {"c": 2}]',)),
        ("note", {"text": [{"a": "x", "b": ["y", "z"]}]}, ('[{"a": "x", "b": ["y", "z"]}]',)),
        ("grep", {"pattern": "x", "path": [{"a": "y", "b": "z"}]}, ("x", '[{"a": "y", "b": "z"}]')),
        ("grep", [{"name": "pattern", "value": "x"}, {"name": "path", "value": "."}], ("x", ".")),
        # An optional argument is missing: the commas of the others are theirs
        ("move", {"path": "a", "edits": "x, y"}, ("a", "x, y")),
        ("move", {"mode": "m", "path": "a, b"}, ("a, b", "m")),
        ("book", {"show": "s", "seats": 4, "day": "d", "film": "f"}, ("f", "4", "d", "s")),
    ],
)
def test_arguments_of_a_tool_with_its_own_names(name, arguments, found):
    native = NativeToolCall(
        name, arguments if isinstance(arguments, str) else json.dumps(arguments)
    )
    reply = parse_reply("", THIRD_PARTY, (native,))
    assert isinstance(reply, Reply)
    assert [(call.name, call.arguments) for call in reply.calls] == [(name, found)]


def test_results_between_calls_are_available_to_later_calls():
    text = f"<tool_call>{CALL}</tool_call>\n<tool_response>c.png</tool_response>\n<tool_call>{CALL}"
    reply = parse_reply(text, PROMPT)
    assert isinstance(reply, Reply)
    assert [file_names(call.observation) for call in reply.calls] == [("c.png",), ()]


PLAIN = st.recursive(
    st.none() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.lists(PLAIN) | st.dictionaries(st.text(), PLAIN))
def test_json_is_read_exactly(value):
    literal = read_literal(json.dumps(value))
    assert literal is not None
    assert literal.value == value


PIECES = [
    item
    for _, text, _ in TOKENS + TAGS + OBJECTS
    for item in text.replace("><", ">\0<").split("\0")
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_no_mixture_of_formats_makes_the_parser_raise(text):
    assert isinstance(parse_reply(text, PROMPT), Reply | ParseError)


ENDLESS = [
    '{"',
    '{"a":',
    "[",
    "(",
    "{'",
    '{"""',
    "“",
    "Action:\n",
    "Action: Detect Face\nAction Input: image/b.png\n",
]
ENDLESS += [
    "<tool_call>",
    "<function=x>",
    "<parameter=a>",
    '<invoke name="x">',
    "<name>x</name>",
    "<a><b>",
]
ENDLESS += [
    "[TOOL_CALLS]a",
    "a[ARGS]{",
    "✿FUNCTION✿",
    "call:",
    "to=functions.a<|message|>",
    "Detect Face(",
    '["detect_face(',
]
ENDLESS += [
    f"<tool_call>{CALL}</tool_call><tool_response>b.png</tool_response>",
    "\nHuman:",
    '<a name="detect_face">',
    "<detect_face>",
    'call_tool("detect_face", ',
    "}detect_face{",
    "</think>",
    f"[TOOL_CALLS]detect_face[ARGS]{ARGS}<tool_call>{CROP_CALL}</tool_call>",
    "<tool_call>detect_face path</arg_key>",
    '[TOOL_CALL]\n--a "x" ',
    " ",
    "a, ",
    "a.png",
]


@pytest.mark.parametrize("piece", ENDLESS)
def test_a_megabyte_of_any_text_is_read(piece):
    """A parser that took quadratic time would not come to an end here."""
    text = piece * (1_000_000 // len(piece))
    assert isinstance(parse_reply(text, PROMPT), Reply | ParseError)
    assert isinstance(
        parse_reply("Action: Crop the Object\nAction Input: " + text, PROMPT), Reply | ParseError
    )


@pytest.mark.parametrize(
    "piece", ["input", "> a", "> A: comma separated ", "should be one of [", "a.png", " and"]
)
def test_a_long_prompt_is_read(piece):
    read_prompt("> A: representing " + piece * (200_000 // len(piece)))


def test_deep_nesting_is_not_an_error():
    for opener in ('{"a":', "[", "("):
        assert list(read_literals(opener * 100_000)) == []
        assert read_literal(opener * 100_000) is None

"""Calls that stand in a model's own tokens, or in objects."""

import json

import pytest

from tests.scorers.tool_calls import (
    ARGS,
    CALL,
    CROP,
    CROP_ARGS,
    CROP_CALL,
    FACE,
    FILE,
    FLY,
    NO_FILE,
    read,
)

TOKENS = [
    ("gptme", f"@detect_face(detect_face:0): {ARGS}", [FACE]),
    # Words before an object with a name of its own are none
    ("hermes", f"<tool_call>\nI call the tool with this payload:\n{CALL}\n</tool_call>", [FACE]),
    ("hermes", f"<tool_call>\nI call it\n{CALL}\n</tool_call>", [FACE]),
    ("hermes", f"<tool_call>Sure: {CALL}</tool_call>", [FACE]),
    ("mistral", f"[TOOL_CALLS]detect_face[ARGS]{ARGS}", [FACE]),
    ("mistral", f"[TOOL_CALLS]detect_face[CALL_ID]a1b2c3[ARGS]{ARGS}", [FACE]),
    ("mistral", f"[TOOL_CALLS]detect_face[CALL_ID]a1b2c3{ARGS}", [FACE]),
    # The id without its token
    ("mistral", f"[TOOL_CALLS]detect_face[ARGS]call_123[ARGS]{ARGS}", [FACE]),
    ("mistral", f"[TOOL_CALLS]detect_face[ARGS]call_1[CALL_ID]a1[ARGS]{ARGS}", [FACE]),
    ("mistral", f"Sure.[TOOL_CALLS]detect_face[ARGS]{ARGS}[TOOL_CALLS]fly[ARGS]{{}}", [FACE, FLY]),
    ("mistral", f"[TOOL_CALLS]detect_face{ARGS}", [FACE]),
    ("mistral", f"[TOOL_CALLS] [{CALL}, {CROP_CALL}]", [FACE, CROP]),
    (
        "deepseek",
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>detect_face\n"
        f"```json\n{ARGS}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        [FACE],
    ),
    (
        "deepseek",
        f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>detect_face<｜tool▁sep｜>{ARGS}"
        f"<｜tool▁call▁end｜><｜tool▁call▁begin｜>detect_face<｜tool▁sep｜>{ARGS}<｜tool▁call▁end｜>",
        [FACE, FACE],
    ),
    ("deepseek", f"function<｜tool▁sep｜>detect_face\n```json\n{ARGS}\n```", [FACE]),
    (
        "kimi",
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.detect_face:0"
        f"<|tool_call_argument_begin|>{ARGS}<|tool_call_end|><|tool_calls_section_end|>",
        [FACE],
    ),
    ("kimi", f"detect_face:1<|tool_call_argument_begin|>{ARGS}<|tool_calls_section_end|>", [FACE]),
    (
        "kimi",
        f"<|tool_call_begin|>\nfunctions.detect_face:0\n<|tool_call_argument_begin|>{ARGS}\n"
        "<|tool_call_end|>",
        [FACE],
    ),
    *(
        (
            "kimi",
            f"<|tool_call_begin|>{call_id}<|tool_call_argument_begin|>{{}}<|tool_call_end|>",
            [(name, ())],
        )
        for call_id, name in [
            ("functions_detect_face_2", "Detect Face"),
            ("functions.detect_face:c1", "Detect Face"),
            ("functions_fly_12", "fly"),
            ("functions.fly:0", "fly"),
            ("fly_2", "fly_2"),
        ]
    ),
    (
        "minimax",
        '[TOOL_CALL]\n{tool => "detect_face", args => {\n  --image_path "image/a.png"\n}}\n'
        "[/TOOL_CALL]",
        [FACE],
    ),
    (
        "minimax",
        '[TOOL_CALL]{tool => "crop_the_object", args => {--image_path "image/a.png" '
        '--object "a red dog"}}[/TOOL_CALL]',
        [CROP],
    ),
    ("minimax", f"[TOOL_CALL]\n{CALL}\n[/TOOL_CALL]", [FACE]),
    (
        "invoke",
        '<|open|>tools<|sep|><|open|>call tool="detect_face" index="1"<|sep|>'
        '<|open|>argument key="image_path" type="string"<|sep|>image/a.png'
        "<|close|>argument<|sep|><|close|>call<|sep|><|close|>tools<|sep|>",
        [FACE],
    ),
    (
        "harmony",
        "<|channel|>analysis<|message|>Action: Crop?<|end|><|start|>assistant<|channel|>commentary "
        f"to=functions.detect_face <|constrain|>json<|message|>{ARGS}<|call|>",
        [FACE],
    ),
    (
        "harmony",
        "<|channel|>commentary<|message|>Looking.<|end|><|start|>assistant to=functions.detect_face"
        f"<|channel|>commentary json<|message|>{ARGS}<|call|>",
        [FACE],
    ),
    ("harmony", f"to=functions.detect_face json{ARGS}", [FACE]),
    (
        "harmony",
        "<|start|>assistant<|channel|>analysis to=functions.detect_face <|constrain|>json"
        f"<|message|>{ARGS}<|call|>",
        [FACE],
    ),
    ("qwen", f"✿FUNCTION✿: detect_face\n✿ARGS✿: {ARGS}\n✿RESULT✿: 2\n✿RETURN✿: Two.", [FACE]),
    (
        "gemma",
        '<|tool_call>call:crop_the_object{image_path:<|"|>image/a.png<|"|>,object:<|"|>a red '
        'dog<|"|>}<tool_call|>',
        [CROP],
    ),
    (
        "gemma",
        "<start_function_call>call:detect_face{image_path:<escape>image/a.png<escape>}"
        "<end_function_call>",
        [FACE],
    ),
    ("gemma", '<call>detect_face{image_path:<|"|>image/a.png<|"|>}', [FACE]),
    (
        "invoke",
        '<invoke id="1" name="detect_face"><parameter name="path">image/a.png</parameter></invoke>',
        [FACE],
    ),
    (
        "invoke",
        '<invoke name="detect_face"><parameter type="string" name="path">image/a.png</parameter>'
        "</invoke>",
        [FACE],
    ),
    ("name_and_object", f"detect_face\n{ARGS}", [FACE]),
    ("name_and_object", f">>>detect_face\n{ARGS}", [FACE]),
    ("name_and_object", f"Looking.>>>detect_face\n{ARGS}", [FACE]),
    ("functionary", f"<|from|>assistant\n<|recipient|>detect_face\n<|content|>{ARGS}", [FACE]),
    (
        "functionary",
        "<|recipient|>all\n<|content|>I look.\n<|from|>assistant\n<|recipient|>detect_face\n"
        f"<|content|>{ARGS}<|stop|>",
        [FACE],
    ),
    ("functionary", f"I look.<|recipient|>detect_face {ARGS}", [FACE]),
    ("harmony", f"I look. to=detect_face 代 code: {ARGS}", [FACE]),
    ("harmony", f"to=detect_face json {CALL}", [FACE]),
    ("name_and_object", "detect_face\n```py\ntool_call(image_path='image/a.png')\n```", [FACE]),
    # ChatGLM3 names the tool in a header of its own.
    (
        "name_and_object",
        "I look.\n<|assistant|>detect_face\n```python\ntool_call(path='image/a.png')\n```",
        [FACE],
    ),
    ("name_and_object", f"I look.<|assistant|> detect_face\n{ARGS}<|observation|>", [FACE]),
    ("rewoo", "Plan: find faces.\n#E1 = Detect Face[image/a.png]", [FACE]),
    (
        "invoke",
        "Action: Make Text\nAction Input: x<|close|>think<|sep|><|open|>tools<|sep|>"
        '<|open|>call tool="detect_face"<|sep|><|open|>argument key="path"<|sep|>image/a.png'
        "<|close|>argument<|sep|><|close|>call<|sep|><|close|>tools<|sep|>",
        [FACE],
    ),
    ("hyperclova", f"-> tool/detect_face\n{ARGS}", [FACE]),
    (
        "autogen",
        f"***** Suggested tool call (call_7): detect_face *****\nArguments: \n{ARGS}\n***********",
        [FACE],
    ),
    ("mistral", f"[tool]detect_face[args]{ARGS}[end]", [FACE]),
    # The engine dropped the tokens.
    ("name_and_object", f"functions.detect_face:0{ARGS}functions.fly:1{{}}", [FACE]),
    ("name_and_object", f"detect_face{ARGS}crop_the_object{CROP_ARGS}", [FACE, CROP]),
    ("name_and_object", f"I look.functions.detect_face:3{ARGS}", [FACE]),
    # A listed name that ends a token, whatever the token is
    (
        "name_and_object",
        f"I look.<![detect_face>{ARGS}<![Shapes/crop_the_object>{CROP_ARGS}",
        [FACE, CROP],
    ),
    ("name_and_object", f"<detect_face>{ARGS}", [FACE]),
    ("name_and_object", f"detect_face\n    ```json\n    {ARGS}\n    ```", [FACE]),
    ("name_and_object", f"I look for faces detect_face{ARGS}", [FACE]),
    ("name_and_object", f"Tool call detect_face: {ARGS}", [FACE]),
    ("deepseek", f"detect_face<｜tool▁sep｜>{ARGS}", [FACE]),
    ("deepseek", f"<|tool_calls_begin|>detect_face<|tool_sep|>{ARGS}<|tool_calls_end|>", [FACE]),
    ("deepseek", f"function<｜tool▁sep｜>detect_face```json\n{ARGS}\n```", [FACE]),
    (
        "harmony",
        f"<|channel|>final to=functions.detect_face <|constrain|>json<|message|>{ARGS}<|call|>",
        [FACE],
    ),
    # FunctionGemma without commas, Gemma 4 with its mark doubled or left out
    (
        "gemma",
        "<start_function_call>call:crop_the_object{image_path:<escape>image/a.png<escape>object:"
        "<escape>a red dog<escape>}<end_function_call>",
        [CROP],
    ),
    ("gemma", '<|tool_call>:call:detect_face{image_path:<|"|>image/a.png<|"|>}', [FACE]),
    ("gemma", '<|tool_call>detect_face{image_path:<|"|>image/a.png<|"|>}<tool_call|>', [FACE]),
]


OBJECTS = [
    (
        "hermes",
        f"<tool_call>\n{CALL}\n</tool_call>\n<tool_call>\n{CROP_CALL}\n</tool_call>",
        [FACE, CROP],
    ),
    ("hermes", f"<tool_call>\n{CALL}}}\n</tool_call>", [FACE]),
    ("hermes", f"<tool_call>\n{CALL[:-1]}\n</tool_call>", [FACE]),
    ("hermes", f"<function_call> {CALL}", [FACE]),
    ("hermes", f"<tool_call>```json\n{CALL}\n```</tool_call>", [FACE]),
    ("hermes", f'<tool_call>{{"name="detect_face", "arguments": {ARGS}}}</tool_call>', [FACE]),
    ("hermes", f'<tool_call>{{"type": "detect_face", "arguments": {ARGS}}}</tool_call>', [FACE]),
    ("llama", f"<|python_tag|>{CALL}; {CROP_CALL}<|eom_id|>", [FACE, CROP]),
    ("internlm", f"<|action_start|><|plugin|>\n{CALL}<|action_end|>", [FACE]),
    ("granite", f"<|tool_call|>[{CALL}]", [FACE]),
    (
        "cohere",
        '<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "detect_face", "parameters": '
        f"{ARGS}}}]<|END_ACTION|>",
        [FACE],
    ),
    ("apertus", f'<|tools_prefix|>[{{"detect_face": {ARGS}}}]<|tools_suffix|>', [FACE]),
    ("nemotron", f"<TOOLCALL>[{CALL}]</TOOLCALL>", [FACE]),
    ("phi", f"functools[{CALL}]", [FACE]),
    ("gigachat", f"function call<|role_sep|>\n{CALL}", [FACE]),
    ("json", f'[{{"Detect Face": {ARGS}}}]', [FACE]),
    ("json", f'[{{"command_name": "detect_face", "args": {ARGS}}}]', [FACE]),
    ("json", f'[{{"task": "detect_face", "id": 0, "dep": [-1], "args": {ARGS}}}]', [FACE]),
    (
        "json",
        '{"name": "detect_face", "parameters": {"path": {"type": "str", "value": "image/a.png"}}}',
        [FACE],
    ),
    ("json", f'{{"recipient_name": "functions.detect_face", "parameters": {ARGS}}}', [FACE]),
    ("json", f'{{"Action": "Detect Face", "Action Input": {ARGS}}}', [FACE]),
    ("json", '{"tool": "DetectFace", "image_path": "image/a.png"}', [FACE]),
    (
        "json",
        f'{{"type": "function", "function": {{"name": "detect-face", "arguments": {ARGS}}}}}',
        [FACE],
    ),
    (
        "json",
        f'{{"function_call": {{"name": "detect_face", "arguments": {json.dumps(ARGS)}}}}}',
        [FACE],
    ),
    ("json", "{'action': 'Detect Face', 'action_input': 'image/a.png',}", [FACE]),
    ("json", f'{{"name": "detect_face", "arguments": "{ARGS}"}}', [FACE]),
    (
        "json",
        f'{{"name": "detect_face", "arguments": [{{"name": "image_path", "value": "{FILE}"}}]}}',
        [FACE],
    ),
    ("json", f'{{"method": "tools/call", "params": {CALL}}}', [FACE]),
    ("json", f'{{// which\n"name": "detect_face", "arguments": {ARGS}}}', [FACE]),
    ("json", f"Here is the call: {CALL} Done.", [FACE]),
    ("json", f"I will call it.\n{CALL}\nThen I shall see.", [FACE]),
    # Qwen 2.5 with doubled braces
    ("hermes", f"<tool_call>\n{{{CALL}}}\n</tool_call>", [FACE]),
    # A value that mentions the tokens, and one that ends with a quote
    (
        "hermes",
        '<tool_call>{"name": "make_text", "arguments": {"text": "<tool_call> and </tool_call> x"}}'
        "</tool_call>",
        [("Make Text", ("<tool_call> and </tool_call> x",))],
    ),
    (
        "json",
        r'{"name": "make_text", "arguments": {"text": "a sign \"STOP\""}}',
        [("Make Text", ('a sign "STOP"',))],
    ),
    # A file name whose closing quote is missing
    (
        "hermes",
        '<tool_call>{"name": "detect_face", "arguments": {"path": "image/a.png}}</tool_call>',
        [FACE],
    ),
    # No commas
    (
        "json",
        '{"name": "crop_the_object" "arguments": {"image_path": "image/a.png"\n"object": '
        '"a red dog"}}',
        [CROP],
    ),
    ("hermes", '<tool_call>{"name": "detect_face"}</tool_call>', [NO_FILE]),
    # Cohere's text before its calls ends with a token of its own.
    (
        "cohere",
        '<|START_RESPONSE|>I look.<|END_RESPONSE|>\n<|START_ACTION|>[{"tool_name": "detect_face", '
        f'"parameters": {ARGS}}}]<|END_ACTION|>',
        [FACE],
    ),
    # Two messages of one turn
    (
        "hermes",
        f"I look.<|im_end|>\n<|im_start|>assistant\n<tool_call>\n{CALL}\n</tool_call><|im_end|>",
        [FACE],
    ),
]

# Keys are composed from words, so that a key nobody has seen yet is no new format.
OBJECTS += [
    ("json", f'{{"{name}": "detect_face", "{given}": {ARGS}}}', [FACE])
    for name, given in [
        ("selected_tool", "tool_parameters"),
        ("tool_to_use", "tool_input"),
        ("next_action", "action_args"),
        ("actionName", "actionInput"),
        ("func", "function_args"),
        ("method", "params"),
        ("operation", "payload"),
        ("skill", "arguments"),
    ]
]


# Only as the whole reply: no arguments, or an object whose beginning the chat template writes; at
# its end: a call that breaks off after a whole file name
WHOLE = [
    ("json", '{"name": "detect_face"}', [NO_FILE]),
    ("json", f'[{CALL}, {{"name": "detect_face"}}]', [FACE, NO_FILE]),
    ("json", CALL[1:], [FACE]),
    ("json", f'"detect_face", "arguments": {ARGS}}}', [FACE]),
    ("hermes", f"I look.\n<tool_call>\n{CALL[:-3]}", [FACE]),
    ("mistral", f"[TOOL_CALLS]detect_face[ARGS]{ARGS[:-2]}", [FACE]),
    ("function_tag", "<function=detect_face><parameter=path>image/a.png", [FACE]),
    ("arg_key", "<tool_call>detect_face<arg_key>p</arg_key><arg_value>image/a.png", [FACE]),
]
# One reply may hold calls in several models' tokens; one that is repeated counts once.
FUNCTION = "<function=detect_face><parameter=path>image/a.png</parameter></function>"
SEVERAL = [
    (f"{FUNCTION}\n<tool_call>{CROP_CALL}</tool_call>", [FACE, CROP]),
    (f"<tool_call>{CROP_CALL}</tool_call>\n{FUNCTION}", [CROP, FACE]),
    (
        "<|tool_call_begin|>functions.detect_face:0<|tool_call_argument_begin|>"
        f"{ARGS}<|tool_call_end|>\n<tool_call>{CROP_CALL}</tool_call>",
        [FACE, CROP],
    ),
    (
        f'<dots_tool_call><invoke name="detect_face"><parameter name="path">{FILE}</parameter>'
        f"</invoke></dots_tool_call><dots_tool_call>{CROP_CALL}</dots_tool_call>",
        [FACE, CROP],
    ),
    (f"{FUNCTION}<|python_tag|>{CROP_CALL}", [FACE, CROP]),
    (f"[TOOL_CALLS]detect_face[ARGS]{ARGS}<tool_call>{CALL}</tool_call>", [FACE]),
    (
        f'[Calling tool="detect_face" path="{FILE}"]\n[Calling tool: crop_the_object({CROP_ARGS})]',
        [FACE, CROP],
    ),
    (f"{FUNCTION}\nThe result: <tool_call>no more</tool_call>", [FACE]),
]


@pytest.mark.parametrize(("text", "calls"), SEVERAL)
def test_several_formats_in_one_reply(text, calls):
    assert read(text)[0] == calls


@pytest.mark.parametrize(("style", "text", "calls"), TOKENS)
def test_a_name_in_tokens(style, text, calls):
    found, reply = read(text)
    assert found == calls
    assert reply.format == style
    assert reply.fault is None


@pytest.mark.parametrize(("style", "text", "calls"), OBJECTS + WHOLE)
def test_an_object(style, text, calls):
    found, reply = read(text)
    assert found == calls
    assert reply.format == style
    assert reply.fault is None

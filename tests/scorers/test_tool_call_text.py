"""Calls as text or as Python, and replies that call nothing."""

import pytest

from instit_bench.scorers.tool_call.calls import ParseError
from instit_bench.scorers.tool_call.parse import parse_reply
from tests.scorers.tool_calls import ARGS, ASK, CALL, CROP, FACE, FILE, FLY, NO_FILE, PROMPT, read

THREE = ("Make Text", ("3",))
CALLS_IN_TEXT = ("Make Text", ("detect_face(3), detect_face(4)",))

PYTHONIC = [
    ('[detect_face(image_path="image/a.png")]', [FACE]),
    (
        "[detect_face(image_path='image/a.png'), crop_the_object('image/a.png', 'a red dog')]",
        [FACE, CROP],
    ),
    ("Both: [detect_face(image_path='image/a.png')]", [FACE]),
    ('```tool_code\nprint(default_api.detect_face(image_path="image/a.png"))\n```', [FACE]),
    ('```py\nresult = detect_face(image_path="image/a.png")\nprint(result)\n```', [FACE]),
    ('<|python_tag|>detect_face.call(image_path="image/a.png")', [FACE]),
    ("<|tool_call_start|>[detect_face(image_path='image/a.png')]<|tool_call_end|>", [FACE]),
    (f'```python\ntool_call(name="detect_face", arguments={ARGS})\n```', [FACE]),
    ('[fly(height="high")]', [("fly", ("high",))]),
    (f'run_tool("detect_face", {ARGS})', [FACE]),
    (f'client.call_tool(name="detect_face", arguments={ARGS})', [FACE]),
    ('```py\nfaces = await detect_face(path="image/a.png")\nfinal_answer(faces)\n```', [FACE]),
    ('<tool_call>detect_face(image_path="image/a.png")</tool_call>', [FACE]),
    # smolagents' code agents, also without arguments
    ('<code>\nfaces = detect_face("image/a.png")\nfinal_answer(faces)\n</code>', [FACE]),
    ("Thought: I look.\n<code>\nfinal_answer(detect_face())\n</code>", [NO_FILE]),
    ("```py\nfaces = detect_face()\n```", [NO_FILE]),
    ("detect_face()", [NO_FILE]),
    ("[Calling tool: detect_face({})]", [NO_FILE]),
    # Arctic's lists of strings, in JSON or Python notation
    ("['detect_face(image_path=\"image/a.png\")']", [FACE]),
    (
        """["detect_face(path='image/a.png')", "crop_the_object('image/a.png', 'a red dog')"]""",
        [FACE, CROP],
    ),
    (r"""```json\n["detect_face(path=\"image/a.png\")", "make_text(3)"]\n```""", [FACE, THREE]),
    ("Both: ['detect_face()']", [NO_FILE]),
    # One within an argument is its value.
    ("[make_text(text=['detect_face(3)', 'detect_face(4)'])]", [CALLS_IN_TEXT]),
    # An empty list among the arguments does not say that nothing is called.
    ("<|python_start|>[detect_face('image/a.png'), fly(to=[])]<|python_end|>", [FACE, FLY]),
]


REACT = [
    ("Action: detect_face()", [NO_FILE]),
    (
        "```yaml\naction: Crop the Object\naction_input:\n  image_path: image/a.png\n"
        "  text_description_of_the_object: a red dog\n```",
        [CROP],
    ),
    # Fences within a value are part of it.
    (
        'Action: Make Text\nAction Input: {"text": "```py\\nx\\n```"}',
        [("Make Text", ("```py\nx\n```",))],
    ),
    ("Action: Detect Face(image/a.png)", [FACE]),
    ("Action: Detect Face[image/a.png]", [FACE]),
    (f"Action: Detect Face ({ARGS})", [FACE]),
    ('Action: Crop the Object(image_path="image/a.png", object="a red dog")', [CROP]),
    (f"Action: Detect Face\n{ARGS}", [FACE]),
    ('Action: Detect Face\nAction Input: image_path="image/a.png"', [FACE]),
    ("Action: Crop the Object\nAction Input: image_path=image/a.png, object=a red dog", [CROP]),
    (
        "Action: Crop the Object\nAction Input:\n- image_path: image/a.png\n- object: a red dog",
        [CROP],
    ),
    ("Action: Crop the Object\nAction Input: ('image/a.png', 'a red dog')", [CROP]),
    ("Action: Crop the Object\nAction Input: image/a.png，a red dog", [CROP]),
    (f"Action: Detect Face\nAction Input: QueryEngineTool({ARGS})", [FACE]),
    (f"Action: Detect Face\nAction Input: {ARGS}, along those lines.", [FACE]),
    ("Action: Detect Face\nAction Input: {'path': 'image/a.png' /* the file */}", [FACE]),
    (
        "Action: Detect Face\nAction Input: {'path': 'image/a.png', 'options': {}, 'pages': []}",
        [FACE],
    ),
    ("Action: Fly[north]", [("Fly", ("north",))]),
    ("Action: Detect Face\0\nAction Input: image/a.png\0", [FACE]),
    (">>>all\nAction: Detect Face\nAction Input: image/a.png", [FACE]),
    ("Action: Make Text\nAction Input: note: E=mc2", [("Make Text", ("note: E=mc2",))]),
    (
        "Thought：Do I need to use a tool？Yes\nAction：Detect Face\nAction Input：image/a.png",
        [FACE],
    ),
    ("Tool: Detect Face\nInput: image/a.png", [FACE]),
    ("Function: detect_face\nArguments: image/a.png", [FACE]),
    ("Action:\nDetect Face\nAction Input:\nimage/a.png", [FACE]),
    ("**Action**\nDetect Face\n**Action Input**\nimage/a.png", [FACE]),
    ("1. **Thought**: Yes\n2. **Action**: Detect Face\n3. **Action Input**: image/a.png", [FACE]),
    ("Thought 1: x\nAction 1: Detect Face\nAction Input 1: image/a.png", [FACE]),
    ("Yes, Action: Detect Face, Action Input: image/a.png", [FACE]),
    ("Action: use the Detect Face tool\nAction Input: image/a.png", [FACE]),
    ("Action: Detect Face\nAction Input: image/a.png<|eot_id|>", [FACE]),
    ("Action: Detect Face\nAction Input: image/a.png\n(waiting for the result)", [FACE]),
    (
        "Action: Detect Face\nAction Input: image/a.png\n\n"
        "Human: and?\nAction: Make Text\nAction Input: x",
        [FACE],
    ),
    # Several lines are an input where a quote says so; others may be about the call.
    ('Action: Make Text\nAction Input: "one\ntwo"', [("Make Text", ("one\ntwo",))]),
    ('Action: Make Text\nAction Input: "one"\n"Two" is next.', [("Make Text", ("one",))]),
    ("Action: Make Text\nAction Input: one\nIt is a text.", [("Make Text", ("one",))]),
    ("Action: Detect Face: image/a.png", [FACE]),
    ("Action: Detect Face\nimage/a.png", [FACE]),
    # DSPy
    (
        f"[[ ## next_thought ## ]]\nx\n\n[[ ## next_tool_name ## ]]\ndetect_face\n\n"
        f"[[ ## next_tool_args ## ]]\n{ARGS}\n\n[[ ## completed ## ]]",
        [FACE],
    ),
    # DSPy's keys glued to the text before them
    (
        f"[[ ## next_thought ## ]]\nx.[[ ## next_tool_name ## ]]\ndetect_face"
        f"[[ ## next_tool_args ## ]]\n{ARGS}\n[[ ## completed ## ]] ",
        [FACE],
    ),
    # MiniMax at times opens a tag before the keys
    (f"<minimax:tool_call>\n<ACTION: detect_face\nINPUT: {ARGS}\n</ITERAL>", [FACE]),
    ("<Action: Detect Face>\n<Action Input: image/a.png>", [FACE]),
    # Marks around an input, also with one half before its key, are none of it; a pattern's are.
    ("Action: Detect Face\nAction Input: **image/a.png**", [FACE]),
    ("Action: Detect Face\nAction Input: `image/a.png`", [FACE]),
    ("Action: Detect Face\n**Action Input: image/a.png**", [FACE]),
    ("Action: Detect Face\n**Action Input: **image/a.png", [FACE]),
    ("Action: Detect Face\n`Action Input: image/a.png`", [FACE]),
    ("Action: Make Text\nAction Input: **/a.json", [("Make Text", ("**/a.json",))]),
    ("Action: Make Text\nAction Input: *.py", [("Make Text", ("*.py",))]),
    ("Action: Make Text\nAction Input: src/**", [("Make Text", ("src/**",))]),
    ("Action: Make Text\nAction Input: `a` and `b`", [("Make Text", ("`a` and `b`",))]),
    ('Action: Make Text\nAction Input: {"text": "**a**"}', [("Make Text", ("**a**",))]),
    # YAML
    ("```yaml\nname: detect_face\nparameters:\n  image_path: image/a.png\n```", [FACE]),
    ("tool_calls:\n  - name: detect_face\n    arguments:\n      image_path: image/a.png", [FACE]),
    (
        "<thought>Yes</thought><action>Detect Face</action>"
        "<action_input>image/a.png</action_input>",
        [FACE],
    ),
]

REACT += [
    (f"{action}: Detect Face\n{given}: image/a.png", [FACE])
    for action, given in [
        ("Next Action", "Action Parameters"),
        ("Tool Name", "Tool Arguments"),
        ("Function Call", "Params"),
        ("Tool to use", "Query"),
        ("API", "API Input"),
        ("行动", "行动输入"),
        ("工具", "参数"),
    ]
]


@pytest.mark.parametrize(("text", "calls"), PYTHONIC)
def test_calls_in_python_syntax(text, calls):
    found, reply = read(text)
    assert (found, reply.format) == (calls, "pythonic")


@pytest.mark.parametrize(("text", "calls"), REACT)
def test_variants_of_the_requested_format(text, calls):
    found, reply = read(text)
    assert found == calls
    assert reply.format in ("react", "markdown", "continuation")


DECLINES = [
    "None",
    "none.",
    "(none)",
    "N/A",
    "NA",
    "-",
    "–",
    "null",
    "nothing",
    "No tool",
    "No action",
    "No tool needed.",
    "No Action Needed",
    "No action is needed",
    "None needed",
    "Not needed",
    "Not applicable",
    "None (no tool needed)",
    "None - answer directly",
    "Final Answer",
    "Respond to the user",
    "Provide a direct answer",
    "directly_answer",
    "no_function",
    "无",
]


@pytest.mark.parametrize("action", DECLINES)
@pytest.mark.parametrize("rest", ["", "Action Input: None\n"])
def test_an_empty_action_declines(action, rest):
    calls, reply = read(f"{ASK}No\nAction: {action}\n{rest}AI: hi")
    assert (calls, reply.answer, reply.fault) == ([], "hi", None)
    assert read(f"Action: {action}\n{rest}")[0] == []


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('{"action": null, "answer": "hi"}', "hi"),
        ('{"thought": "No tool", "action": null, "action_input": null, "answer": "hi"}', "hi"),
        ('{"action": "Final Answer", "action_input": "hi"}', "hi"),
        ('{"tool": "none", "response": "hi"}', "hi"),
        ("Thought: enough.\nAction: Finish[hi]", "hi"),
        ("Thought: enough.\nAction: final_answer(hi)", "hi"),
        ('{"thought": "Do I need to use a tool? No", "AI": "hi"}', "hi"),
        ('{"content": "hi", "tool_calls": []}', "hi"),
        ("Hi.\n<TOOLCALL>[]</TOOLCALL>", None),
        ("I don't need to use a tool for this. Hi.", "I don't need to use a tool for this. Hi."),
        ("Thought: No tool is needed here.\nAI: hi", "hi"),
        (ASK + "No\nFinal Answer: hi", "hi"),
    ],
)
def test_a_refusal_in_different_words(text, answer):
    calls, reply = read(text)
    assert (calls, reply.answer) == ([], answer)


@pytest.mark.parametrize(
    "text",
    [
        ASK + "No\nAI: You could use Detect Face (image/a.png) for that.",
        ASK + "No\nAI: Tools are Detect Face(image), Make Text(text).",
        ASK + 'No\nAI: In JSON: {"name": "Bob", "input": 3}',
        ASK + "No\nAI: <b>Romeo</b> and <i>Juliet</i>.\nTool: hammer\nInput: nails",
        ASK + "No\nAI: call: 555 {really}",
        "I could use the Detect Face tool, but no tool is needed: there is a dog.",
        '{"answer": "Detect Face"}',
        "A call is `<function=detect_face>` with a `<parameter>` in it. No tool is needed.",
        "No tool is needed. Links look like [this](url), an address is to=somebody {x}.",
    ],
)
def test_an_answer_that_mentions_tools_calls_none(text):
    assert read(text)[0] == []


@pytest.mark.parametrize(
    "text",
    [
        "In Python:\n```python\nimport cv2\nimage = cv2.imread('image/a.png')\n```",
        "```python\nmodel = vision.make_text.Model('image/a.png')\n```",
        "[link](image/a.png) and more",
        # Not each string is a call of a listed tool.
        "['detect_face(image/a.png)', 'a dog']",
        "['detect_face(3)', 'imread(3)']",
        "calls = ['detect_face(3)']",
        "['detect_face(3']",
        "Tools: Detect Face (finds faces), Make Text: useful for text.",
        '{"name": "detect_face", "parameters": {"type": "object", "properties": '
        '{"image_path": {"type": "string"}}}}',
        "<p>Detect Face</p> finds <b>faces</b>.",
        f"<think>I might write <tool_call>{CALL}</tool_call> but is it needed",
        f"<think>I might write {CALL}.</think>",
        '<think>Say <tool_call>{"name": "other", "arguments": {}}</tool_call> or so.</think>',
        "With `detect_face()` I could look.",
        'The user typed: {"name": "detect_face"}',
        '<tools>\n[{"name": "detect_face", "description": "x", "parameters": {}}]\n</tools>',
        "[{'name': 'detect_face', 'description': 'x', 'parameters': [{'name': 'p', 'type': 's'}]}]",
        'The config: {"name": "production", "parameters": {"region": "us"}}',
        f"Here is a syntax example: call:detect_face{ARGS}",
        "Use call:detect_face{path:image/a.png} for it",
        "Thought:you think\nAction:the tool name, should be one of [['Detect Face']]\n"
        "Action Input:the input to the action",
    ],
)
def test_code_and_descriptions_are_no_calls(text):
    reply = parse_reply(text, PROMPT)
    assert isinstance(reply, ParseError) or not reply.calls


@pytest.mark.parametrize(
    "text",
    [
        f"<think>I look.\n<tool_call>{CALL}</tool_call>",
        f"<think>I look.<tool_call>detect_face<arg_key>p</arg_key><arg_value>{FILE}</arg_value>",
        f"<think>I look.<|tool_call_begin|>detect_face:0<|tool_call_argument_begin|>{ARGS}",
        f"I look.\n<tool_call>{CALL}</think></tool_call>",
        f"<think>I look.\n<tool_call>{CALL}</tool_call>\nThen I wait.</think>\n",
        f"<think>I look.\n<tool_call>\n<function=detect_face>\n<parameter=p>{FILE}</parameter>\n"
        "</think>\n",
        f"I look.\n<tool_call>{CALL}</tool_call>\nThen I wait.</think><|im_end|>",
        f"<think:opensource>I look.<tool_call>{CALL}</tool_call></think:opensource>",
        f" to=functions.detect_face<|channel|>analysis<|message|>{ARGS}<|call|>",
        "<|channel|>analysis<|message|>I look.<|end|><|start|>assistant to=functions.detect_face"
        f"<|channel|>analysis <|constrain|>json<|message|>{ARGS}<|call|>",
    ],
)
def test_reasoning_that_runs_into_a_call(text):
    assert read(text)[0] == [FACE]


@pytest.mark.parametrize(
    "text",
    [
        "<tool_call>I see</tool_call>",
        "<tool_call>\n{broken\n</tool_call>",
        '{"name": "detect_face", "arguments": {"image_path": "image/a',
        "<function=detect_face>\n<parameter=image_path>\nimage/a",
        "<function=make_text><parameter=text>a red d",
        # The last of several that are never closed, where nothing shows that the reply ended
        "<function=crop_the_object><parameter=path>image/a.png<parameter=object>a red d",
        "<function=crop_the_object><parameter=path>image/a.png<parameter=object>\na red\ndog\n",
        '<tool_call>{"name": "make_text", "arguments": {"text": "a red',
        "<function=detect_face><parameter image/a.png</function>",
        "[TOOL_CALLS]detect_face[ARGS]{broken",
        "<｜tool▁call▁begin｜>detect_face<｜tool▁sep｜>{broken",
    ],
)
def test_an_incomplete_call_is_malformed(text):
    """Only a whole file name shows that the last value does not break off."""
    reply = parse_reply(text, PROMPT)
    assert isinstance(reply, ParseError)
    assert reply.kind == "malformed_call"

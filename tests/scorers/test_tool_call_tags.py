"""Calls that are written in tags, as in XML."""

import pytest

from tests.scorers.tool_calls import ARGS, CROP, CROP_ARGS, FACE, FILE, FLY, make_text, read

TAGS = [
    (
        "function_tag",
        "<function=crop_the_object>\n<parameter=image_path> image/a.png\n"
        "<parameter=object> a red dog\n",
        [CROP],
    ),
    (
        "function_tag",
        "<function=crop_the_object><parameter=p>image/a.png<parameter=object>a red dog<|im_end|>",
        [CROP],
    ),
    (
        "function_tag",
        "<function=crop_the_object><parameter=path>image/a.png<parameter=object>a red dog\n"
        "</tool_call>",
        [CROP],
    ),
    (
        "function_tag",
        "<function=make_text><parameter=text>x &lt; 1 &amp;&amp; y</parameter></function>",
        [make_text("x < 1 && y")],
    ),
    # Markup, a list of one object and a text in brackets are values.
    ("tool_tag", "<make_text>\n<text><b>bold</b></text>\n</make_text>", [make_text("<b>bold</b>")]),
    (
        "tool_tag",
        "<fly><to>x</to></fly>\n<make_text>\n<text>\nAnswer: 5\n</text>\n</make_text>",
        [make_text("Answer: 5")],
    ),
    (
        "function_tag",
        '<function=make_text><parameter=text>[{"a": 1}]</parameter></function>',
        [make_text('[{"a": 1}]')],
    ),
    (
        "arg_key",
        "<tool_call>make_text<arg_key>text</arg_key><arg_value>[3]</arg_value></tool_call>",
        [make_text("[3]")],
    ),
    (
        "arg_key",
        "<|tool_calls|>\n<|tool_call:begin|>a1<|tool_call:name|>detect_face<|tool_call:args|>"
        f"{ARGS}<|tool_call:end|>",
        [FACE],
    ),
    (
        "function_tag",
        "<tool_call>\n<function=crop_the_object>\n<parameter=image_path>\nimage/a.png\n"
        "</parameter>\n<parameter=object>\na red dog\n</parameter>\n</function>\n</tool_call>",
        [CROP],
    ),
    ("function_tag", f"<function=detect_face>{ARGS}</function>", [FACE]),
    ("function_tag", f"<function=detect_face{ARGS}</function>", [FACE]),
    (
        "function_tag",
        '<function=detect_face>\n<parameter=image_path>\n["image/a.png"]\n</parameter></function>',
        [FACE],
    ),
    (
        "function_tag",
        '<function="Detect Face">\n<parameter="image path">image/a.png\n</function>',
        [FACE],
    ),
    (
        "invoke",
        '<minimax:tool_call>\n<invoke name="detect_face">\n<parameter name="image_path">'
        "image/a.png</parameter>\n</invoke>\n</minimax:tool_call>",
        [FACE],
    ),
    (
        "invoke",
        '<｜DSML｜function_calls><｜DSML｜invoke name="detect_face"><｜DSML｜parameter '
        'name="image_path" string="true">image/a.png</｜DSML｜parameter></｜DSML｜invoke>',
        [FACE],
    ),
    (
        "invoke",
        '<steptml:invoke name="detect_face"><steptml:parameter name="image_path">image/a.png'
        "</steptml:parameter></steptml:invoke>",
        [FACE],
    ),
    (
        "invoke",
        '<function name="detect_face"><param name="image_path">image/a.png</param></function>',
        [FACE],
    ),
    ("invoke", f'<tool_use name="detect_face"><input>{ARGS}</input></tool_use>', [FACE]),
    (
        "invoke",
        ']<]minimax[>[<tool_call>]<]minimax[>[<invoke name="detect_face">]<]minimax[>[<image_path>'
        "image/a.png]<]minimax[>[</image_path>]<]minimax[>[</invoke>",
        [FACE],
    ),
    (
        "arg_key",
        "<tool_call>crop_the_object\n<arg_key>image_path</arg_key>\n<arg_value>image/a.png"
        "</arg_value>\n<arg_key>object</arg_key>\n<arg_value>a red dog</arg_value>\n</tool_call>",
        [CROP],
    ),
    ("arg_key", f"<tool_call>detect_face\n{ARGS}</tool_call>", [FACE]),
    ("name_tag", "<tool>Detect Face</tool><tool_input>image/a.png</tool_input>", [FACE]),
    (
        "name_tag",
        "<invoke><tool_name>crop_the_object</tool_name><parameters><image_path>image/a.png"
        "</image_path><object>a red dog</object></parameters></invoke>",
        [CROP],
    ),
    ("name_tag", f"<tool_use><name>detect_face</name><input>{ARGS}</input></tool_use>", [FACE]),
    ("tool_tag", "<detect_face>\n<image_path>image/a.png</image_path>\n</detect_face>", [FACE]),
    ("tool_tag", f"<toolcall><detect_face>{ARGS}</detect_face></toolcall>", [FACE]),
    ("tool_tag", '<crop_the_object image_path="image/a.png" object="a red dog"/>', [CROP]),
    ("name_tag", "<tool>Detect Face</tool><tool_input>image/a.png", [FACE]),
    ("tool_line", "<tool: function>\ndetect_face image/a.png\n</tool>", [FACE]),
    (
        "function_tag",
        "<name>crop_the_object\n</parameter>\n<parameter=image_path>\nimage/a.png\n</parameter>\n"
        "<parameter=object>\na red dog\n</parameter>\n</function>",
        [CROP],
    ),
    (
        "arg_key",
        f"<user>detect_face\n<arg_key>path</arg_key>\n<arg_value>{FILE}</arg_value>",
        [FACE],
    ),
    (
        "arg_key",
        "<tool_calls><tool_call>detect_face<tool_sep>\n<arg_key>path</arg_key>\n"
        "<arg_value>image/a.png</arg_value>\n</tool_call></tool_calls>",
        [FACE],
    ),
    (
        "arg_key",
        "<tool_call>detect_face<arg_key>path</arg_key><arg_type>string</arg_type><arg_value>"
        "image/a.png</arg_value></tool_call>",
        [FACE],
    ),
    (
        "invoke",
        "function<｜tool▁sep｜>detect_face\n"
        '<invoke name="detect_face"><parameter name="path">image/a.png</parameter></invoke>',
        [FACE],
    ),
    (
        "invoke",
        " to=detect_face<|message|><atem:function_calls>\n"
        '<atem:invoke name="detect_face<|message|>">'
        '<atem:parameter name="path">image/a.png</atem:parameter></atem:invoke><|eot|>',
        [FACE],
    ),
    (
        "invoke",
        '<functionname="detect_face"><paramname="path"><![CDATA[image/a.png]]></param></function>',
        [FACE],
    ),
    (
        "invoke",
        '<function\u0120name="detect_face"><param\u0120name="path">image/a.png</param>\u010a</function>',
        [FACE],
    ),
    (
        "invoke",
        """<function name="detect_face"><param name="properties">{'path': 'image/a.png'}</param>""",
        [FACE],
    ),
    (
        "arg_key",
        "<|tool_call:start|>crop_the_object\n<|tool_arg:start|>path<|tool_arg:value|>image/a.png"
        "<|tool_arg:end|>\n<|tool_arg:start|>what<|tool_arg:value|>a red dog<|tool_arg:end|>\n"
        "<|tool_call:end|>",
        [CROP],
    ),
    (
        "name_tag",
        "<|plamo:begin_tool_request:plamo|><|plamo:begin_tool_name:plamo|>detect_face"
        "<|plamo:end_tool_name:plamo|><|plamo:begin_tool_arguments:plamo|><|plamo:constrain|>json"
        f"<|plamo:msg|>{ARGS}<|plamo:end_tool_arguments:plamo|><|plamo:end_tool_request:plamo|>",
        [FACE],
    ),
]

# Any tag may name a listed tool, in itself, in an attribute or in a child.
TAGS += [
    ("tool_tag", '<action name="detect_face" image_path="image/a.png"/>', [FACE]),
    ("tool_tag", f"<run_tool function='detect_face' arguments='{ARGS}'></run_tool>", [FACE]),
    (
        "tool_tag",
        '<use tool_name="crop_the_object"><path>image/a.png</path><what>a red dog</what></use>',
        [CROP],
    ),
    ("tool_tag", '<call function="detect_face"><arg name="path">image/a.png</arg></call>', [FACE]),
    (
        "tool_tag",
        "<crop_the_object>\npath: image/a.png\nwhat: a red dog\n</crop_the_object>",
        [CROP],
    ),
    (
        "name_tag",
        f"<call><function>detect_face</function><arguments>{ARGS}</arguments></call>",
        [FACE],
    ),
    ("name_tag", "<api_name>Detect Face</api_name><args>image/a.png</args>", [FACE]),
    ("invoke", f"<function name=\"detect_face\" parameters='{ARGS}'></function>", [FACE]),
    ("function_tag", "<function=detect_face><param=path>image/a.png</param></function>", [FACE]),
    # The engine dropped the token before the name.
    ("arg_key", "detect_face\n<arg_key>path</arg_key>\n<arg_value>image/a.png</arg_value>", [FACE]),
]

# Damaged tags: a sign of the head or of the key is missing, or the key's tag is written twice.
TAGS += [
    (
        "function_tag",
        f"<tool_call>{head}{key}image/a.png</parameter></function></tool_call>",
        [FACE],
    )
    for head, key in [
        ("<function detect_face>", "<parameter=path>"),
        ("<functiondetect_face>", "<parameter=path>"),
        ("<function=detect_face\n", "<parameter=path>"),
        ("<function=detect_face\n", "<parameter=path\n"),
        ("<function=detect_face>", "<parameter=parameter=path\n"),
    ]
]

TAGS += [
    ("name_tag", "detect_face\n<path>image/a.png</path>", [FACE]),
    ("name_tag", "I look.\ncrop_the_object:\n<a>image/a.png</a>\n<b>a red dog</b>\nOk.", [CROP]),
    ("tool_tag", "<detect_face>\n<path>image/a.png</path>\n</ detect_face>", [FACE]),
    ("tool_tag", "<detect_face>\n<path>image/a.png</path>\n", [FACE]),
    ("invoke", "<function name=detect_face><arg name=path>image/a.png</arg></function>", [FACE]),
    (
        "invoke",
        'I look. [Calling tool="detect_face" path="image/a.png"]\n'
        '[Calling tool="crop_the_object" path="image/a.png" object="a red dog"]',
        [FACE, CROP],
    ),
    ("tool_line", "<tool: detect_face image/a.png </tool>", [FACE]),
    ("arg_key", f"<tool_call>detect_face {ARGS}</tool_call>", [FACE]),
    ("arg_key", f"<tool_call>detect_face: {ARGS}</tool_call>", [FACE]),
]

# GLM's format with a mark behind each tag (HY 4), the line's end spelled out (Ling 3) or one tag
# missing
TAGS += [
    ("arg_key", text, [FACE])
    for text in (
        "<tool_calls:opensource><tool_call:opensource>detect_face<tool_sep:opensource>\n"
        "<arg_key:opensource>p</arg_key:opensource>\n<arg_value:opensource>image/a.png"
        "</arg_value:opensource>\n</tool_call:opensource></tool_calls:opensource>",
        r"<tool_call>detect_face\n<arg_key>p</arg_key><arg_value>image/a.png</arg_value></tool_call>",
        "<tool_call>detect_face<arg_key>p\n<arg_value>image/a.png</arg_value></tool_call>",
        "<tool_call>detect_face<arg_key>p</arg_key>image/a.png</arg_value></tool_call>",
        f"<tool_call:opensource>detect_face<tool_sep:opensource>{ARGS}<end_of_tool_call:opensource>",
        "<tool_call>detect_face path=image/a.png</tool_call>",
        "<tool_call>detect_facepath</arg_key><arg_value>image/a.png</arg_value></tool_call>",
        "<tool_call>detect_face path</arg_key><arg_value>image/a.png</arg_value></tool_call>",
    )
]

# MiniMax's with the beginnings of its tags lost; Kimi K3's that ends without its last token
TAGS += [
    (
        "invoke",
        'invoke name="detect_face">\nparameter name="p">image/a.pngparameter>\ninvoke>',
        [FACE],
    ),
    (
        "invoke",
        '<|open|>tools<|sep|><|open|>call tool="detect_face"<|sep|><|open|>argument key="p"<|sep|>'
        "image/a.png<|close|>argument<|close|>call",
        [FACE],
    ),
    # A pattern in a parameter
    (
        "function_tag",
        "<function=make_text>\n<parameter=text>\n**/a.json\n</parameter>\n</function>",
        [("Make Text", ("**/a.json",))],
    ),
]

# DeepSeek's mark with a bar missing or a space in it
TAGS += [
    (
        "invoke",
        f'<{mark}invoke name="detect_face"><{mark}parameter name="path">image/a.png'
        f"</{mark}parameter></{mark}invoke>",
        [FACE],
    )
    for mark in ("DSML｜", "｜DSML ｜", "|DSML|", "｜｜DSML｜｜", " | DSML | ")
]

# MiroThinker's tool without input; Qwen's arguments that are never closed
TAGS += [
    (
        "name_tag",
        "<use_mcp_tool>\n<server_name>air</server_name>\n<tool_name>fly</tool_name>\n"
        "<arguments>\n{}\n</arguments>\n</use_mcp_tool>",
        [FLY],
    ),
    (
        "name_tag",
        f"<tool_call>\n<server>a</server>\n<tool>crop_the_object</tool>\n<arguments>{CROP_ARGS}\n"
        "</tool_call>",
        [CROP],
    ),
]

# A vendor's prefix before a known tag is no format of its own, whoever the vendor is.
TAGS += [
    (
        "arg_key",
        f"<{prefix}tool_call>detect_face<{args}arg_key>path</{args}arg_key>"
        f"<{args}arg_value>image/a.png</{args}arg_value></{prefix}tool_call>",
        [FACE],
    )
    for prefix, args in [
        ("ifm|", "ifm|"),
        ("acme:", "acme:"),
        ("acmecoder_", ""),
        ("｜XYZ｜", "｜XYZ｜"),
    ]
]


@pytest.mark.parametrize(("style", "text", "calls"), TAGS)
def test_calls_in_tags(style, text, calls):
    found, reply = read(text)
    assert found == calls
    assert reply.format == style
    assert reply.fault is None

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instit_bench.scorers.reasoning import Visible, split_reasoning, strip_end_tokens

PAIRS = [
    ("<think>", "</think>"),
    ("<THINKING>", "</THINKING>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ('<think budget="low">', "</think>"),
    ("<seed:think>", "</seed:think>"),
    ("<mm:think>", "</mm:think>"),
    ("<longcat_think>", "</longcat_think>"),
    ("<inner_thoughts>", "</inner_thoughts>"),
    ("<antThinking>", "</antThinking>"),
    ("<analysis>", "</analysis>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|think|>", "<|/think|>"),
    ("<|channel>thought\n", "<channel|>"),
    ("<|think:start|>", "<|think:end|>"),
    ("<|plamo:begin_think:plamo|>", "<|plamo:end_think:plamo|>"),
    ("<|start|>assistant to=self<|message|>", "<|eom|><|start|>assistant to=user<|message|>"),
    ("<unused94>thought\n", "<unused95>"),
    ("Here is my thought process:", "Here is my response:"),
    ("<|channel|>analysis<|message|>", "<|end|>"),
    (
        "<|channel|>analysis<|message|>",
        "<|end|><|start|>assistant<|channel|>final<|message|>",
    ),
    ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),
    ("analysisWe see ", "assistantfinal"),
]
FAMILIES = pytest.mark.parametrize(("opening", "closing"), PAIRS)


@FAMILIES
def test_a_block_is_removed(opening, closing):
    assert split_reasoning(f"{opening}is it A?{closing}B") == Visible("B")


@FAMILIES
def test_an_unclosed_block_hides_the_rest(opening, closing):
    visible = split_reasoning(f"{opening}is it A? Or B")
    assert visible == Visible("", unclosed=True)
    assert visible.hidden.endswith("is it A? Or B")


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        (opening, closing)
        for opening, closing in PAIRS
        if not opening.lower().startswith(("here", "analysis"))
    ],
)
def test_text_before_and_after_a_block_is_kept(opening, closing):
    if closing.endswith("final<|message|>") and not opening.startswith("<|channel|>"):
        return
    assert split_reasoning(f"so {opening}is it A?{closing}B") == Visible("so B")


@pytest.mark.parametrize(
    "closing",
    [
        *["</think>", "</seed:think>", "[/THINK]", "◁/think▷", "<|END_THINKING|>", "<channel|>"],
        "<|end|><|start|>assistant<|channel|>final<|message|>",
    ],
)
def test_a_lone_closing_tag_ends_the_block_opened_by_the_template(closing):
    assert split_reasoning(f"is it A?{closing}B") == Visible("B")


@pytest.mark.parametrize(
    ("reply", "text", "unclosed"),
    [
        ("", "", False),
        ("B", "B", False),
        ("[3] at <7> <b>", "[3] at <7> <b>", False),
        ("<think>A</think>B</think>C", "C", False),
        ("<think>A <think> B</think>C", "C", False),
        ("<think>A</think><think>\n</think>D", "D", False),
        ("B<think>A", "B", True),
        ("A seems likely. </thin", "", True),
        ("<think>A</think>B is < th", "B is < th", False),
        # The reply forgot to close its block, and yet shows an answer.
        ("<think>A? <answer>B</answer>", "<answer>B</answer>", False),
        ("<think>A? <answer>B</answer>\n<|im_end|>", "<answer>B</answer>\n<|im_end|>", False),
        ("<think>the format is <answer>X</answer>, so", "", True),
        # gpt-oss: a call keeps the header that names its tool.
        (
            "<|channel|>analysis<|message|>Crop it.<|end|><|start|>assistant<|channel|>commentary "
            "to=functions.crop <|constrain|>json<|message|>{}<|call|>",
            "<|channel|>commentary to=functions.crop <|constrain|>json<|message|>{}<|call|>",
            False,
        ),
        (
            "analysisCrop it.assistantcommentary to=functions.crop json{}",
            "commentary to=functions.crop json{}",
            False,
        ),
        # It calls from its analysis channel too.
        (
            "<|channel|>analysis to=functions.crop code<|message|>{}<|call|>",
            "<|channel|>analysis to=functions.crop code<|message|>{}<|call|>",
            False,
        ),
        (
            "analysisCrop it.assistantanalysis to=functions.crop json{}",
            "analysis to=functions.crop json{}",
            False,
        ),
        ("to=self<|message|>Is it A?<|eom|><|start|>assistant to=user<|message|>B", "B", False),
        ("to=user<|message|>B", "B", False),
        ("<think>a<|end|>b</think>C", "C", False),
        ("B<|end|>", "B<|end|>", False),
        ("analysis of the frames: B", "analysis of the frames: B", False),
        ("Here is my response: B", "Here is my response: B", False),
    ],
)
def test_split_reasoning(reply, text, unclosed):
    assert split_reasoning(reply) == Visible(text, unclosed)


END_TOKENS = [
    *["</s>", "<eos>", "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|return|>", "<|endoftext|>"],
    *["<end_of_turn>", "<|end|>", "<|end_of_text|>", "<|END_OF_TURN_TOKEN|>", "<|eot|>", "<pad>"],
    *["<｜end▁of▁sentence｜>", "<|end▁of▁sentence|>", "<end_of_utterance>", "<|user|>", "[e~["],
    *["<turn|>", "[EOS]", "<|END_RESPONSE|>", "<seed:eos>", "<|role_end|>"],
]


@pytest.mark.parametrize("token", END_TOKENS)
@pytest.mark.parametrize("rest", ["", "\n", "\nUser: and now?", "\n<|im_start|>user\nhi"])
def test_text_after_an_end_token_is_dropped(token, rest):
    assert strip_end_tokens(f"B{token}{rest}") == "B"


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("", ""),
        ("B", "B"),
        ("[3] at <7>", "[3] at <7>"),
        ("<s> B</s>", "B"),
        ("</s>B</s>", "B"),
        ("<eos><eos>", ""),
        ("<|im_start|>assistant\nB<|im_end|>\n<|im_start|>user\nA?<|im_end|>", "B"),
        ("<|start_header_id|>assistant<|end_header_id|>\n\nB<|eot_id|>", "B"),
        ("<start_of_turn>model\nB<end_of_turn>", "B"),
        ("[/INST] B", "B"),
        ("B<start_of_turn>user\nA?", "B"),
        ("<|assistant|>B<|observation|>", "B"),
        ("<s>A</s> D", "<s>A</s> D"),
        ("not <s>A</s> but D<|im_end|>", "not <s>A</s> but D"),
    ],
)
def test_strip_end_tokens(text, rest):
    assert strip_end_tokens(text) == rest


PIECES = st.sampled_from(
    [
        *(tag for pair in PAIRS for tag in pair),
        *END_TOKENS,
        "<s>",
        "B",
        " ",
        "\n",
        "</thi",
        "<answer>",
    ]
)
REPLIES = st.one_of(st.text(), st.lists(PIECES, max_size=12).map("".join))


@given(REPLIES)
def test_any_reply_is_stripped_without_raising(reply):
    visible = split_reasoning(reply)
    assert len(visible.text) <= len(reply)
    kept = strip_end_tokens(visible.text)
    assert kept in visible.text


@given(st.text(alphabet="AB [](){}.,:3\n"))
def test_text_without_tags_is_unchanged(reply):
    assert split_reasoning(reply) == Visible(reply)
    assert strip_end_tokens(reply) == reply or reply[:1].isspace()


@pytest.mark.parametrize(
    "piece", [*(tag for pair in PAIRS for tag in pair), *END_TOKENS, "<", "<s>"]
)
def test_long_repetitive_replies_finish(piece):
    # A quadratic pattern would take minutes here.
    for text in (piece * (500_000 // len(piece)), f"{piece} x " * 50_000, f"<s>{piece}x " * 50_000):
        strip_end_tokens(split_reasoning(text).text)

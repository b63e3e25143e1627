from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from instit_bench.scorers.choice.official import extract_official
from instit_bench.scorers.choice.scorer import ChoiceScorer
from instit_bench.scorers.choice.strict import Extraction, extract_choice
from instit_bench.scorers.questions import letters_for
from instit_bench.types import Prediction, Sample, Score, ScoredSample, State

CORPUS = [
    json.loads(line)
    for line in (Path(__file__).parent / "choice_corpus.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]
DEV = [line for line in CORPUS if line["split"] == "dev"]
HELD_OUT = [line for line in CORPUS if line["split"] == "held_out"]
SHARED = Path(__file__).parents[3] / "shared" / "data"
BAGS = ("[3] is carrying a handbag.", "bag", "[3] is holding [4], a shopping bag.", "nothing")


def read(line: dict[str, Any]) -> Extraction:
    choices = line.get("choices", [])
    return extract_choice(line["reply"], choices, letters=letters_for(choices))


def precision(lines: list[dict[str, Any]]) -> float:
    pairs = [(line["label"], read(line).letter) for line in lines]
    given_letters = [label == letter for label, letter in pairs if letter]
    return sum(given_letters) / len(given_letters)


def sample(target: str = "B", choices: tuple[str, ...] = BAGS) -> Sample:
    return Sample("task", "001-01", {}, target, "001", choices=choices)


def score(text: str, *, target: str = "B", finish_reason: str | None = "stop") -> Score:
    return ChoiceScorer().score(sample(target), Prediction(text, finish_reason=finish_reason))


# The corpus


def test_corpus_is_large_and_consistent():
    assert len(CORPUS) >= 320
    assert len(HELD_OUT) >= 120
    keys = [(line["reply"], tuple(line.get("choices", ()))) for line in CORPUS]
    assert len(set(keys)) == len(keys)
    assert all((line["label"] is None) == ("reason" in line) for line in CORPUS)


@pytest.mark.parametrize(
    "line", DEV, ids=[f"{number}-{line['kind']}" for number, line in enumerate(DEV, 1)]
)
def test_corpus_line(line):
    extraction = read(line)
    right = (extraction.letter, extraction.reason) == (line["label"], line.get("reason"))
    if line.get("known_miss"):
        assert not right, f"{line['reply']!r} is read now: drop its known_miss"
    else:
        assert right, f"{line['reply']!r} gave {extraction}"


def test_precision_on_the_corpus():
    assert precision(DEV) >= 0.99
    assert precision(HELD_OUT) >= 0.97


# Official extraction


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("B", "B"),
        ("The best answer is C", "C"),
        ("Answer: D", "D"),
        ("The answer is B.", "B"),
        ("Option: C", "C"),
        ("", ""),
        ("nothing to see", ""),
        # Known flaws, kept: lower case is not read, any capital counts, reasoning counts.
        ("(b)", ""),
        ("Dog", "D"),
        ("ANSWER: D", "A"),
        ("Based on the video, C", "B"),
        ("A cat, so the answer is D", "A"),
        ("<think>Maybe A</think>C", "A"),
        ("Best answer: C", "B"),
        ("The best option is B", "B"),
        ("Best answer:Best option:C", "C"),
        ("one two three four five six seven eight nine ten eleven twelve", ""),
    ],
)
def test_official_extraction(reply, letter):
    assert extract_official(reply) == letter


def test_official_accuracy_of_the_benchmarks_own_predictions():
    path = SHARED / "inst_it" / "video_mc_inference.json"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    scores = [
        ChoiceScorer().score(
            sample(record["ground_truth"], ()), Prediction(record["model_prediction"])
        )
        for record in json.loads(path.read_text(encoding="utf-8"))
    ]
    official = [s.values["official_accuracy"] for s in scores if "official_accuracy" in s.values]
    assert (sum(official), len(official)) == (429, 1001)
    assert 100 * sum(official) / len(official) == pytest.approx(42.857142857142854, abs=1e-9)


# Strict extraction


@pytest.mark.parametrize(
    ("reply", "letter", "method"),
    [
        ("(b)", "B", "letter"),
        ("\\boxed{\\text{C}}", "C", "tagged"),
        ('{"answer": "D"}', "D", "tagged"),
        ("<answer>bag</answer>", "B", "tagged"),
        ("The answer is A. Wait, actually the answer is C.", "C", "anchored"),
        ("It hangs from the arm.\n\nC", "C", "line"),
        ("B, because of the handle", "B", "leading"),
        ("It hangs from the arm (C)", "C", "lone"),
        ("[3] is carrying a handbag", "A", "option_text"),
    ],
)
def test_each_method(reply, letter, method):
    assert extract_choice(reply, BAGS) == Extraction(letter, method)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "empty"),
        ("<think>It may be B", "truncated"),
        ("either A or C", "ambiguous"),
        ("I cannot determine this.", "refusal"),
        ("None of the above", "out_of_range"),
        ("The answer is F.", "out_of_range"),
        ("A man walks by.", "no_letter"),
    ],
)
def test_each_reason(reply, reason):
    assert extract_choice(reply, BAGS) == Extraction(None, "none", reason)


SHAPES = ("12 cm", "30°", "45°", "2.5")


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        # Labels that do not belong to the answer.
        ("The correct answer is D. The wrong answer would be B.", "D"),
        ("The best choice is B; the next best is A.", "B"),
        ("C is the answer. The second most likely option is D.", "C"),
        ("The incorrect one is option C.", None),
        ("The answer choice (D), unknown, is incorrect.", None),
        # Answers to another question or by somebody else.
        ("If the question were about [1], the answer would be A.", None),
        ("The answer is C. Had it asked about <2>, the answer would have been B.", "C"),
        ("If the grass died, the answer would be (C).", "C"),
        ("One might be tempted to say A. The answer is D.", "D"),
        # The model changes its mind.
        ("I initially chose A, but changed to C.", "C"),
        ("Either B or something else, but finally D.", "D"),
        ("<answer>A</answer> Wait, no: the answer is B.", "B"),
        ("\\boxed{C}. Hmm, that is wrong. The correct answer is D.", "D"),
        ("The answer is A.\n\nThe answer is C.", None),
        # Letters that belong to the content.
        ("In the triangle the angle A is a right angle, so [1] leans.", None),
        ("The line meets the circle at B.", None),
        ("There is a right angle at A and one at D.", None),
        ("The function P(x) = R(x) - C(x) is the profit.", None),
        ("The current is 5 A and the voltage is 3 V.", None),
        ("```\nA = (0, 0)\nB = (1, 0)\n```\nThe figure has two points.", None),
        # Lists.
        ("(A) one\n(B) two\n(C) three\n(D) four\n(E) five\n(A) one\n(B", None),
        ("Choose the correct option letter:\n(A) one\n(B) two\n(C) three\n(D) four", None),
        ("None of the options A, B, C, D are correct.", None),
        ("A: no\nB: no\nC: yes\nD: no", "C"),
        ("A is correct. B is correct too. C is wrong.", None),
        ("The answer is (B), (C), and (D).", None),
        ("【答案】BC", None),
        ("【解析】选项A是正确的，选项B是错误的。\n【答案】B <eoa>", "B"),
        # Formats.
        ("~~B~~ C", "C"),
        ("<response>C</response>", "C"),
        ("USER: A, B, C or D?\nASSISTANT: B", "B"),
        ("B\n\nQuestion: and the next?\nAnswer: D", "B"),
        ("There is not enough information, but the most likely is A.", "A"),
    ],
)
def test_each_kind_of_reply(reply, letter):
    assert extract_choice(reply, BAGS).letter == letter


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("The length is 12.0 cm.", "A"),
        ("So the angle is 100° - 70° = 30°.", "B"),
        ("90° - 45° = 30° + 15° = 50°", None),
        ("It is 30° as 75° - 45° = 30°.", "B"),
        ("The angle is 45°. However, this option is not available in the choices.", None),
        ("AB = 12, so the area is 144.", None),
        ("\\boxed{2.5}", "D"),
        ("The ratio is 2.5", "D"),
        ("The ratio is 12.5", None),
        ("At step 30 the loop ends", None),
    ],
)
def test_options_that_are_quantities(reply, letter):
    assert extract_choice(reply, SHAPES).letter == letter


def test_letters_limit_the_possible_answers():
    assert extract_choice("E").reason == "out_of_range"
    assert extract_choice("E", letters="ABCDE").letter == "E"
    assert extract_choice("fish", ["cat", "dog", "cow", "owl", "fish"]).letter is None


@pytest.mark.parametrize(
    ("choices", "letters"),
    [((), "ABCD"), (("x",) * 4, "ABCD"), (("x",) * 5, "ABCDE"), (("x",) * 2, "AB")],
)
def test_letters_follow_the_choices(choices, letters):
    assert letters_for(choices) == letters


@pytest.mark.parametrize(
    "piece",
    [
        "A, ",
        "A or ",
        "answer ",
        "the answer is A ",
        "not the ",
        "<think>",
        "<answer>",
        "\\boxed{",
        "(",
        "A\n",
        "A is also ",
        "<b>",
        '"answer": [',
    ],
)
def test_long_repetitive_replies_finish(piece):
    # A quadratic pattern would take minutes here.
    extract_choice(piece * (100_000 // len(piece)), BAGS)


@pytest.mark.parametrize("reply", ["A{}x", "answer{}x", "A,{}B{}x", "not{}x", "[[{}A"])
def test_long_runs_of_whitespace_finish(reply):
    extract_choice(reply.replace("{}", " " * 50_000), BAGS)


PIECES = st.sampled_from(
    [
        *["A", "b", "(C)", "D.", "[3]", "<7>", "the answer is", "not", "or", "bag", "答案是", "\n"],
        *["\\boxed{", "}", "<answer>", "<think>", "</think>", '{"answer": "', "**", "\ue001"],
        "I can't tell",
    ]
)
REPLIES = st.one_of(st.text(), st.lists(PIECES, max_size=12).map(" ".join))


@given(REPLIES, st.sampled_from([(), BAGS, ("", "?"), ("x",) * 6]))
@example("İ", ())
def test_any_reply_is_read_without_raising(reply, choices):
    letters = letters_for(choices)
    extraction = extract_choice(reply, choices, letters=letters)
    if extraction.letter is None:
        assert extraction.method == "none"
        assert extraction.reason
    else:
        assert extraction.letter in letters
        assert extraction.reason is None
    assert extract_official(reply) in {"", "A", "B", "C", "D"}


# The scorer


def test_a_correct_letter_is_scored():
    assert score("The answer is B") == Score(
        State.SCORED,
        {"accuracy": 1.0, "official_accuracy": 1.0},
        extracted="B",
        method="anchored",
        details={"official_extracted": "B"},
    )


def test_an_unparsed_reply_is_wrong_and_excluded_from_the_official_denominator():
    result = score("the first one, maybe")
    assert result.state is State.UNPARSED
    assert result.values == {"accuracy": 0.0}
    assert result.reason == "no_letter"
    assert result.details["official_extracted"] == ""
    assert "excluded officially" in result.details["difference"]


@pytest.mark.parametrize(
    ("text", "finish_reason", "state"),
    [
        ("<think>Let me see", "length", State.TRUNCATED),
        ("<think>Let me see", "stop", State.TRUNCATED),
        ("Let me look at the frames", "length", State.TRUNCATED),
        ("Let me look at the frames", "stop", State.UNPARSED),
        ("B. The bag is", "length", State.SCORED),
    ],
)
def test_states(text, finish_reason, state):
    assert score(text, finish_reason=finish_reason).state is state


@pytest.mark.parametrize(
    ("text", "values", "words"),
    [
        ("(b)", {"accuracy": 1.0}, "it is empty"),
        (
            "<think>A?</think>B",
            {"accuracy": 1.0, "official_accuracy": 0.0},
            "the first capital A to D in it is A",
        ),
        (
            "Both look alike",
            {"accuracy": 0.0, "official_accuracy": 1.0},
            "officially a capital B counts",
        ),
    ],
)
def test_differences_are_explained(text, values, words):
    result = score(text)
    assert result.values == values
    assert words in result.details["difference"]


def test_agreement_is_not_explained():
    assert "difference" not in score("C").details


def test_tables_count_scored_samples():
    scores = [score("B"), score("(C)"), score("b."), score("?"), Score(State.INFER_ERROR)]
    scored = [ScoredSample(str(n), "001", "B", value) for n, value in enumerate(scores)]
    assert ChoiceScorer().tables(scored) == {
        "methods": {"letter": 3, "none": 1},
        "unparsed_reasons": {"empty": 1},
        "answer_distribution": {"B": 2, "C": 1},
    }

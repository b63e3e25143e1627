"""The official metrics, worked out by hand from the published rules."""

import math
import warnings

import pytest

from instit_bench.scorers.tool_call.official import score_official

ASK = "Thought: Do I need to use a tool? "
CALL = ASK + "Yes\nAction: {}\nAction Input: {}\n"
END = "Observation: done\n" + ASK + "No\nAI: done\n"
CROP = CALL.format("Crop", "example.png, dog") + END
FACE = CALL.format("Face", "example.png") + END
REFUSAL = ASK + "No\nAI: Romeo."

# One correct text of one word: (1 + 1e-15) / (1 + 1e-9), with a negligible brevity penalty.
WORD = (1 + 1e-15) / (1 + 1e-9) * math.exp(1 - (1 + 1e-9) / (1 + 1e-15))


@pytest.mark.parametrize(
    ("gold", "prediction", "expected"),
    [
        pytest.param(FACE, FACE, (1, 1, 1, 1, 1), id="gold"),
        pytest.param(FACE, f"\n {FACE} ", (1, 1, 1, 1, 1), id="stripped first"),
        pytest.param(CROP, CROP, (1, 1, (1 + WORD) / 2, 1, (2.5 + WORD / 2) / 3), id="one word"),
        pytest.param(
            FACE, CALL.format("Face", "no/such.png"), (1, 1, 1, 1, 1), id="any .png passes"
        ),
        pytest.param(
            CROP, CALL.format("Crop", "x.png, zebra"), (1, 1, 0.5, 1, 2.5 / 3), id="zebra for dog"
        ),
        pytest.param(
            CROP, CALL.format("Crop", "x.jpg, dog"), (1, 1, 0, 0, 2 / 3), id="file must be .png"
        ),
        pytest.param(
            CROP, CALL.format("Crop", "x.png, a dog, brown"), (1, 1, 0, 0, 2 / 3), id="commas"
        ),
        pytest.param(FACE, CALL.format("Line", "x.png"), (1, 0, 1, 0, 2 / 3), id="other tool"),
        pytest.param(
            FACE,
            CALL.format("Line", "x.png") + CALL.format("Face", "x.png"),
            (0.5, 0, 0.5, 0, 2 / 3),
            id="an extra first call shifts all",
        ),
        pytest.param(FACE, REFUSAL, (0, 0, 0, 0, 0), id="wrong refusal"),
        pytest.param(FACE, "", (0, 0, 0, 0, 0), id="empty"),
        pytest.param(
            FACE, "Yes\nAction: Face\nAction Input: a.png", (0, 1, 1, 0, 2 / 3), id="chat"
        ),
        pytest.param(
            CALL.format("Face", "example.png") * 2,
            CALL.format("Face", "a.png"),
            (0.5, 0.5, 0.5, 0, 0.5),
            id="half a chain",
        ),
        pytest.param(
            CALL.format("3D", ""), CALL.format("3D", ""), (1, 1, 0, 0, 2 / 3), id="empty input"
        ),
        pytest.param(REFUSAL, ASK + "No\nAI: hi", (1, 1, 1, 1, 1), id="refusal"),
        pytest.param(REFUSAL, ASK + "No", (0, 0, 0, 0, 1), id="no AI: line; IoU comes before"),
        pytest.param(REFUSAL, ASK + "No.\nAI: hi", (0, 0, 0, 0, 0), id="No with a full stop"),
        pytest.param(
            REFUSAL,
            ASK + "No\n" + REFUSAL,
            (0.5, 0, 0, 0, 1),
            id="two thoughts, which IoU does not see",
        ),
        pytest.param(
            REFUSAL,
            ASK + "No\nAction: Delete\nAction Input: x.png\nAI: hi",
            (1, 1, 1, 1, 1),
            id="a call after No passes",
        ),
        pytest.param("AI: hi", "AI: hi", (0, 0, 0, 0, 0), id="no thought anywhere is 0, not NaN"),
        pytest.param("Action:\nAction Input:", "", (0, 0, 0, 0, 0), id="no places is 0, not NaN"),
    ],
)
def test_official(gold, prediction, expected):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = score_official(gold, prediction)
    found = (result.thought, result.action, result.args, result.success, result.iou)
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("gold", "prediction", "expected"),
    [
        ("a b c d", "a b", 2 / 2 * math.exp(1 - 4 / 2)),
        ("a b", "a b c d", 2 / 4),
        ("the cat", "the the the", 1 / 3),
        ("dog bites man", "man bites dog", 1),
        ("dog", "", 0),
    ],
)
def test_bleu_of_a_text_input(gold, prediction, expected):
    result = score_official(CALL.format("3D", gold), CALL.format("3D", prediction))
    assert result.args == pytest.approx(expected, abs=1e-8)


def test_a_target_with_an_action_without_input_is_refused():
    gold = CALL.format("Face", "example.png") + "Action: Face\n"
    with pytest.raises(ValueError, match="2 'Action: ' and 1 'Action Input: ' lines"):
        score_official(gold, gold)

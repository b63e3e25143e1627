"""The benchmark's own scoring of one GPT4Tools item, number for number, flaws included.

Source: the evaluation script of the GPT4Tools repository (AILab-CVC/GPT4Tools) and section 4 of
its paper, arXiv 2305.18752. Nothing here is lenient or clever on purpose: these figures are
compared with published rows. ``scorer`` adds the strict view.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from instit_bench.stats.sums import numpy_sum

Vector = list[float]

_THOUGHT = re.compile(r"Thought: Do I need to use a tool\? (.*)")
_ACTION = re.compile(r"Action: (.*)")
_INPUT = re.compile(r"Action Input: (.*)")
_ANSWER = re.compile(r"AI: (.*)")

# BLEU's guards against division by zero. They show in the tenth digit, so they are kept.
_TINY, _SMALL = 1e-15, 1e-9


@dataclass(frozen=True, slots=True)
class OfficialScore:
    """The five numbers of one item, each 0..1 (the paper's SR_t, SR_act, SR_args, SR and IoU)."""

    thought: float
    action: float
    args: float
    success: float
    iou: float


def score_official(gold: str, prediction: str) -> OfficialScore:
    """Score one completion against the target output.

    Args:
        gold: The target output text.
        prediction: The completion, without the prompt.

    Returns:
        The five numbers; a mean over nothing is 0.

    Raises:
        ValueError: The target has a different number of actions and action inputs.
    """
    prediction = prediction.strip()
    if "Action:" in gold and "Action Input:" in gold:
        return _score_calls(gold, prediction)
    return _score_refusal(gold, prediction)


def _score_calls(gold: str, prediction: str) -> OfficialScore:
    """A tool is needed: success = 1 if thought = 1, action = 1 and args >= 0.5."""
    gold_actions, gold_inputs = _find(_ACTION, gold), _find(_INPUT, gold)
    if len(gold_actions) != len(gold_inputs):
        raise ValueError(
            f"target output has {len(gold_actions)} 'Action: ' and {len(gold_inputs)} "
            "'Action Input: ' lines; every action needs exactly one input"
        )
    gold_thoughts = _find(_THOUGHT, gold)[: len(gold_actions)]
    thoughts, actions = _find(_THOUGHT, prediction), _find(_ACTION, prediction)
    # After its last call a reply asks itself once more and says No; that is correct.
    if len(thoughts) == len(actions) + 1 and thoughts[-1] == "No":
        thoughts.pop()

    thought = _compare(gold_thoughts, thoughts, _equal)
    action = _compare(gold_actions, actions, _equal)
    args = _compare(gold_inputs, _find(_INPUT, prediction), _score_input)
    sr_thought, sr_action, sr_args = _mean(thought[0]), _mean(action[0]), _mean(args[0])
    success = sr_thought >= 1 and sr_action >= 1 and sr_args >= 0.5
    iou = _iou(thought, action, args)
    return OfficialScore(sr_thought, sr_action, sr_args, float(success), iou)


def _score_refusal(gold: str, prediction: str) -> OfficialScore:
    """No tool is needed: all but IoU are 1 for a thought ``No`` and an ``AI:`` line, else 0."""
    thoughts = _find(_THOUGHT, prediction)
    vectors = _compare(_find(_THOUGHT, gold), thoughts, _equal)
    declines = thoughts[:1] == ["No"] and _ANSWER.search(prediction) is not None
    thought = _mean(vectors[0]) if declines else 0.0
    rest = float(thought >= 1)
    return OfficialScore(thought, rest, rest, rest, _iou(vectors))


def _find(pattern: re.Pattern[str], text: str) -> list[str]:
    return [match.strip() for match in pattern.findall(text)]


def _compare(
    gold: Sequence[str], predicted: Sequence[str], judge: Callable[[str, str], float]
) -> tuple[Vector, Vector]:
    """Compare position by position.

    Returns:
        Two vectors of length max(target, predicted): the scores, 0 where one side has no entry,
        and the reference, 1 where the target has an entry.
    """
    pairs = zip(gold, predicted, strict=False)
    scores = [float(judge(wanted, given)) for wanted, given in pairs]
    length = max(len(gold), len(predicted))
    scores += [0.0] * (length - len(scores))
    return scores, [1.0] * len(gold) + [0.0] * (length - len(gold))


def _equal(gold: str, predicted: str) -> bool:
    """Compare texts as NumPy does: trailing U+0000 is ignored."""
    return gold.rstrip("\0") == predicted.rstrip("\0")


def _score_input(gold: str, predicted: str) -> float:
    """The mean over comma-separated pieces; 0 if their counts differ or a file is missing.

    A target piece with ``.png`` in it matches any other ``.png``; any other piece scores
    BLEU-1. Pieces keep their spaces.
    """
    wanted, given = gold.split(","), predicted.split(",")
    if len(wanted) != len(given):
        return 0.0
    pieces = []
    for want, give in zip(wanted, given, strict=True):
        if ".png" not in want:
            pieces.append(_bleu1(want, give))
        elif ".png" in give:
            pieces.append(1.0)
        else:
            return 0.0
    return _mean(pieces)


def _bleu1(gold: str, predicted: str) -> float:
    """BLEU with unigrams only, one reference, as pycocoevalcap computes it.

    With c clipped matches and lengths p and g in words:
    (c + 1e-15) / (p + 1e-9), times exp(1 - 1/r) where r = (p + 1e-15) / (g + 1e-9) < 1.
    Two empty strings therefore score 0.
    """
    want, give = gold.split(), predicted.split()
    matches = len(want) if want == give else _common(want, give)
    precision = (matches + _TINY) / (len(give) + _SMALL)
    ratio = (len(give) + _TINY) / (len(want) + _SMALL)
    return precision * math.exp(1 - 1 / ratio) if ratio < 1 else precision


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """The number of words in both, each as often as in the text that has fewer of it."""
    left: dict[str, int] = {}
    for word in one:
        left[word] = left.get(word, 0) + 1
    common = 0
    for word in other:
        if left.get(word, 0):
            left[word] -= 1
            common += 1
    return common


def _mean(scores: Vector) -> float:
    return numpy_sum(scores) / len(scores) if scores else 0.0


def _iou(*parts: tuple[Vector, Vector]) -> float:
    """Sum of score x reference over max(sum of max(score, reference), 1), all parts end to end."""
    pairs = [pair for scores, reference in parts for pair in zip(scores, reference, strict=True)]
    union = max(numpy_sum([max(pair) for pair in pairs]), 1.0)
    return numpy_sum([score * reference for score, reference in pairs]) / union

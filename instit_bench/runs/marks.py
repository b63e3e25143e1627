"""Marks: what a reader must know about a number before putting it beside another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from instit_bench.runs.manifest import Manifest, TaskManifest
from instit_bench.scorers.judge.contract import LEXICAL, OFFICIAL_JUDGE
from instit_bench.scorers.registry import spec_of


class Mark(NamedTuple):
    """The letter that tables print, and what they say of it below."""

    letter: str
    meaning: str


MARKS: Mapping[str, Mark] = {
    "gold": Mark("G", "the answers are the targets themselves (echo-gold): checks a set-up only"),
    "demo": Mark("D", "on the embedded demo data, not on the benchmark"),
    "limited": Mark("L", "on a part of the dataset"),
    "file": Mark(
        "F",
        "from a prediction file alone: what it leaves out is not known, nor, unless told, whose "
        "prompts asked",
    ),
    "own-prompts": Mark("P", "asked in this project's words, not in the benchmark's"),
    "unknown-prompts": Mark("U", "whose words asked is not known"),
    "constrained": Mark(
        "R",
        "replies restricted to the options' letters, unlike the official protocol",
    ),
    "text-prompt": Mark(
        "T",
        "GPT4Tools asked with one text without roles: the official way for base and completion "
        "models, not for chat models",
    ),
    "lora-template": Mark(
        "A",
        "asked in a training template of GPT4Tools' LoRA weights: official for those alone",
    ),
    "own-settings": Mark("S", "asked with other sampling settings than the benchmark's"),
    "lexical": Mark(
        "X", "scored by the lexical judge, which is comparable with no other: not shown"
    ),
    "other-judge": Mark("J", "judged by another model than the benchmark's"),
    "own-judge-prompt": Mark("W", "judged by this project's instructions, not by the benchmark's"),
    "coverage": Mark("C", "not every sample has a verdict"),
}


def explained(marks: Iterable[str]) -> list[Mark]:
    """Each of these marks once, in the order of ``MARKS``."""
    used = set(marks)
    return [mark for name, mark in MARKS.items() if name in used]


def marks_of(task: TaskManifest, manifest: Manifest, coverage: float) -> list[str]:
    """The marks that a task's numbers earn; ``coverage`` is a fraction 0..1."""
    identity = manifest.identity
    applies = {
        "gold": identity.backend == "baseline" and identity.model == "echo-gold",
        "demo": manifest.data.kind == "demo",
        "limited": task.limited,
        "file": manifest.data.kind == "file",
        "own-prompts": task.prompts == "own",
        "unknown-prompts": task.prompts == "unknown" and manifest.data.kind != "file",
        "constrained": identity.constrain_choices and spec_of(task).multiple_choice,
        "text-prompt": task.style_mark == "text-prompt",
        "lora-template": task.style_mark == "lora-template",
        "own-settings": bool(task.own_settings),
        "coverage": coverage < 1.0,
        **_judge_marks(task, manifest),
    }
    return [mark for mark in MARKS if applies[mark]]


def _judge_marks(task: TaskManifest, manifest: Manifest) -> dict[str, bool]:
    judging = manifest.judging if spec_of(task).needs_judge else None
    judge = judging.judges[0] if judging else OFFICIAL_JUDGE
    return {
        "lexical": judge == LEXICAL,
        "other-judge": judge not in (OFFICIAL_JUDGE, LEXICAL),
        "own-judge-prompt": judging is not None and judging.prompts == "own" and judge != LEXICAL,
    }

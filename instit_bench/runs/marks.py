"""Marks: what a reader must know about a number before comparing it with another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from instit_bench.runs.manifest import Manifest, TaskManifest
from instit_bench.scorers.judge.contract import LEXICAL, OFFICIAL_JUDGE
from instit_bench.scorers.registry import spec_of


class Mark(NamedTuple):
    """The letter that tables print, and its meaning."""

    letter: str
    meaning: str


MARKS: Mapping[str, Mark] = {
    "gold": Mark("G", "predictions are the targets themselves (echo-gold): only checks a setup"),
    "demo": Mark("D", "run on the embedded demo data, not on the benchmark"),
    "limited": Mark("L", "run on part of the dataset"),
    "contaminated": Mark(
        "K", "run on the benchmark's training data, which the model may have been trained on"
    ),
    "generated": Mark("N", "run on newly generated items, not on the benchmark's"),
    "file": Mark(
        "F",
        "scored from a prediction file alone: missing samples are unknown, and so are the prompts "
        "unless --prompts names them",
    ),
    "own-prompts": Mark("P", "uses this project's prompts, not the benchmark's"),
    "unknown-prompts": Mark("U", "prompts unknown"),
    "constrained": Mark(
        "R",
        "replies restricted to the options' letters, unlike the official protocol",
    ),
    "text-prompt": Mark(
        "T",
        "GPT4Tools prompt sent as one text without roles: official for base and completion "
        "models, not for chat models",
    ),
    "lora-template": Mark(
        "A",
        "uses a training template of GPT4Tools' LoRA weights: official for those only",
    ),
    "intervention": Mark(
        "I", "requests altered by an intervention of an audit, which its folder names"
    ),
    "own-settings": Mark("S", "sampling settings differ from the benchmark's"),
    "own-marks": Mark(
        "M",
        "objects are marked in another style than in the benchmark's media, or not at all",
    ),
    "lexical": Mark(
        "X", "scored by the lexical judge, which cannot be compared with others: not shown"
    ),
    "other-judge": Mark("J", "judged by a different model than the benchmark's"),
    "own-judge-prompt": Mark("W", "judged with this project's instructions, not the benchmark's"),
    "extracted": Mark(
        "E",
        "not official: the strict metric with the letters that a judge extracted from predictions "
        "that stay unparsed",
    ),
    "corrected": Mark(
        "H",
        "not official: the judge's mean, corrected by human scores of a few drawn samples",
    ),
    "coverage": Mark("C", "not every sample is scored"),
    "early": Mark(
        "V", "stopped early by --until-verdict: only the images and videos so far are scored"
    ),
}


def explained(marks: Iterable[str]) -> list[Mark]:
    """Return each of these marks once, in the order of ``MARKS``."""
    used = set(marks)
    return [mark for name, mark in MARKS.items() if name in used]


def marks_of(task: TaskManifest, manifest: Manifest, coverage: float) -> list[str]:
    """Return the marks that apply to a task's numbers; ``coverage`` is a fraction 0..1.

    ``extracted`` and ``corrected`` are no marks of a task: each goes with the one number that it
    describes.
    """
    identity = manifest.identity
    applies = {
        "gold": identity.backend == "baseline" and identity.model == "echo-gold",
        "demo": manifest.data.kind == "demo",
        "limited": task.limited,
        "contaminated": task.training_data,
        "generated": bool(task.generated),
        "file": manifest.data.kind == "file",
        "own-prompts": task.prompts == "own",
        "unknown-prompts": task.prompts == "unknown" and manifest.data.kind != "file",
        "constrained": identity.constrain_choices and spec_of(task).multiple_choice,
        "text-prompt": task.style_mark == "text-prompt",
        "lora-template": task.style_mark == "lora-template",
        "intervention": identity.intervention is not None,
        "own-settings": bool(task.own_settings),
        "own-marks": identity.other_marks and task.media != "none",
        "coverage": coverage < 1.0,
        "early": coverage < 1.0 and manifest.looks is not None and bool(manifest.looks.stopped_at),
        **_judge_marks(task, manifest),
    }
    return [mark for mark in MARKS if applies.get(mark)]


def _judge_marks(task: TaskManifest, manifest: Manifest) -> dict[str, bool]:
    judging = manifest.judging if spec_of(task).needs_judge else None
    judge = judging.judges[0] if judging else OFFICIAL_JUDGE
    return {
        "lexical": judge == LEXICAL,
        "other-judge": judge not in (OFFICIAL_JUDGE, LEXICAL),
        "own-judge-prompt": judging is not None and judging.prompts == "own" and judge != LEXICAL,
    }

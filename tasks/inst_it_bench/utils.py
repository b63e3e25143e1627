"""Inst-IT Bench in lmms-eval's terms: how a record becomes a message and a reply a score.

Paper: arXiv 2412.03565. The request texts follow the benchmark's inference scripts: media first,
then the words before the question, the question with its options, the words after it.
"""

from collections.abc import Mapping
from typing import Any

from instit_bench.scorers.choice import ChoiceScorer
from instit_bench.types import Prediction, Sample

Doc = Mapping[str, Any]
_LETTERS = "ABCD"
_CHOICE_FIELDS = tuple(f"choice_{letter.lower()}" for letter in _LETTERS)


def doc_to_visual(doc: Doc) -> list[Any]:
    """The record's image, or its video (a folder of frames or a video file)."""
    return [doc["image"]] if "image" in doc else [{"type": "video", "url": doc["video_path"]}]


def doc_to_text_mc(doc: Doc, lmms_eval_specific_kwargs: Mapping[str, str]) -> str:
    """Multiple choice: words, question, lettered options, words."""
    options = [
        f"{letter}. {doc[field]}" for letter, field in zip(_LETTERS, _CHOICE_FIELDS, strict=True)
    ]
    words = lmms_eval_specific_kwargs
    return "\n".join([words["pre_prompt"], doc["question"], *options, words["post_prompt"]])


def doc_to_text_oe(doc: Doc, lmms_eval_specific_kwargs: Mapping[str, str]) -> str:
    """Open-ended: both words come before the question."""
    words = lmms_eval_specific_kwargs
    return "\n".join([words["pre_prompt"], words["post_prompt"], doc["question"]])


def doc_to_messages_mc(doc: Doc, lmms_eval_specific_kwargs: Mapping[str, str]) -> list[Any]:
    """One user turn, media first."""
    return _user_turn(doc, doc_to_text_mc(doc, lmms_eval_specific_kwargs))


def doc_to_messages_oe(doc: Doc, lmms_eval_specific_kwargs: Mapping[str, str]) -> list[Any]:
    """One user turn, media first."""
    return _user_turn(doc, doc_to_text_oe(doc, lmms_eval_specific_kwargs))


def process_results_mc(doc: Doc, results: list[str]) -> dict[str, Any]:
    """The metrics of one reply; a metric is absent where the reply is outside its denominator."""
    sample = Sample(
        task="",
        id=doc["question_id"],
        doc=doc,
        target=doc["answer"],
        cluster=doc["question_id"],
        choices=tuple(doc[field] for field in _CHOICE_FIELDS),
    )
    return dict(ChoiceScorer().score(sample, Prediction(results[0])).values)


def _user_turn(doc: Doc, text: str) -> list[Any]:
    kind = "image" if "image" in doc else "video"
    url = doc["image"] if kind == "image" else doc["video_path"]
    content = [{"type": kind, "url": url}, {"type": "text", "text": text}]
    return [{"role": "user", "content": content}]

"""The Inst-IT Dataset for lmms-eval: convert an item to a message, and a reply to a score.

Paper: arXiv 2412.03565. It is training data: models may have seen its very captions. Media come
first, then the words before the question, the question (with its options), the words after it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from instit_bench.integrations.lmms_eval.docs import docs_or_exit, official_prompts, plain_image
from instit_bench.integrations.lmms_eval.judging import chosen_judge
from instit_bench.integrations.lmms_eval.scores import with_sample
from instit_bench.judging.contracts import contract_for
from instit_bench.scorers.choice.scorer import ChoiceScorer
from instit_bench.scorers.judge import JudgeItem, OpenEndedScorer
from instit_bench.scorers.judge.marked_text import MarkedTextScorer
from instit_bench.scorers.mark_changes import MarkChangesScorer
from instit_bench.types import Prediction, Sample, Scorer

Doc = Mapping[str, Any]
_LETTERS = "ABCD"
_CHOICE_FIELDS = tuple(f"choice_{letter.lower()}" for letter in _LETTERS)


def process_docs(docs: Any) -> Any:
    """For lmms-eval: replace the stub's records by the dataset's."""
    return docs_or_exit(Path(__file__).parent, docs)


def doc_to_visual(doc: Doc) -> list[Any]:
    """Return the item's image, frames or video; lmms-eval gets a folder of frames as images."""
    if doc.get("image"):
        return [plain_image(doc["image"])]
    return [plain_image(medium) for medium in doc.get("frames") or [doc["video_path"]]]


def doc_to_text(doc: Doc, lmms_eval_specific_kwargs: Mapping[str, str]) -> str:
    """Return pre-prompt, question, lettered options if there are any, and post-prompt."""
    options = [
        f"{letter}. {doc[field]}"
        for letter, field in zip(_LETTERS, _CHOICE_FIELDS, strict=True)
        if field in doc
    ]
    words = lmms_eval_specific_kwargs
    return "\n".join([words["pre_prompt"], doc["question"], *options, words["post_prompt"]])


def doc_to_messages(doc: Doc, lmms_eval_specific_kwargs: Mapping[str, str]) -> list[Any]:
    """Return one user turn, media first."""
    media: list[dict[str, Any]]
    if doc.get("image") or doc.get("frames"):
        media = [{"type": "image", "url": visual} for visual in doc_to_visual(doc)]
    else:
        frames = doc.get("frame_names", "").splitlines()
        media = [{"type": "video", "url": doc["video_path"], "frames": frames}]
    text = doc_to_text(doc, lmms_eval_specific_kwargs)
    return [{"role": "user", "content": [*media, {"type": "text", "text": text}]}]


def process_results_changes(doc: Doc, results: list[str]) -> dict[str, Any]:
    """Return the metrics of two lists of marks."""
    return _scored(doc, MarkChangesScorer(), results)


def process_results_multi_choice(doc: Doc, results: list[str]) -> dict[str, Any]:
    """Return the metrics of one reply; those whose denominator excludes it are absent."""
    choices = tuple(doc[field] for field in _CHOICE_FIELDS)
    return _scored(doc, ChoiceScorer(), results, choices)


def process_results_image_captions(doc: Doc, results: list[str]) -> dict[str, Any]:
    """Return the marks' precision and recall, and the score of the judge of images, if one is set.

    Of a task about single images or frames.
    """
    return _judged(doc, MarkedTextScorer(), results, "image", ("mark_precision", "mark_recall"))


def process_results_captions(doc: Doc, results: list[str]) -> dict[str, Any]:
    """Return the same with the judge of videos, for a task about frames and whole videos."""
    return _judged(doc, MarkedTextScorer(), results, "video", ("mark_precision", "mark_recall"))


def process_results_temporal_change(doc: Doc, results: list[str]) -> dict[str, Any]:
    """Return F1 of marks and moments, and the score of the judge set in the environment."""
    return _judged(doc, MarkedTextScorer(), results, "video", ("mark_f1", "time_f1"))


def process_results_open_ended(doc: Doc, results: list[str]) -> dict[str, Any]:
    """Return the diagnostics of one reply, and the score of the judge set in the environment."""
    return _judged(doc, OpenEndedScorer(), results, "video", ("id_f1", "time_f1"))


def _judged(
    doc: Doc, scorer: Scorer, results: list[str], media: str, names: tuple[str, ...]
) -> dict[str, Any]:
    """Return these metrics, as in the task's metric_list: lmms-eval would show any other, too."""
    scored = _scored(doc, scorer, results)
    values = {name: scored[name] for name in names if name in scored}
    if judge := chosen_judge():
        contract = contract_for(media, official_prompts())
        item = JudgeItem(doc["question"], doc["answer"], results[0])
        values |= _of(doc, judge.scores(contract, item, doc["id"]))
    return values


def _scored(
    doc: Doc, scorer: Scorer, results: list[str], choices: tuple[str, ...] = ()
) -> dict[str, Any]:
    sample = Sample(
        task="",
        id=doc["id"],
        doc=doc,
        target=doc["answer"],
        cluster=doc["media_id"],
        question=doc["question"],
        choices=choices,
    )
    return _of(doc, scorer.score(sample, Prediction(results[0])).values)


def _of(doc: Doc, values: Mapping[str, float]) -> dict[str, Any]:
    return with_sample(values, id=doc["id"], media_id=doc["media_id"])

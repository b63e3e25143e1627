"""Inst-IT Bench for lmms-eval: convert a record to a message, and a reply to a score.

Paper: arXiv 2412.03565. The request texts follow the benchmark's inference scripts: media first,
then the words before the question, the question with its options, the words after it.
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
from instit_bench.types import Prediction, Sample

Doc = Mapping[str, Any]
_LETTERS = "ABCD"
_CHOICE_FIELDS = tuple(f"choice_{letter.lower()}" for letter in _LETTERS)


def process_docs(docs: Any) -> Any:
    """For lmms-eval: replace the stub's records by the benchmark's."""
    return docs_or_exit(Path(__file__).parent, docs)


def doc_to_visual(doc: Doc) -> list[Any]:
    """Return the record's image or video; lmms-eval gets a folder of frames as images."""
    media = [doc["image"]] if "image" in doc else doc.get("frames") or [doc["video_path"]]
    return [plain_image(medium) for medium in media]


def doc_to_text_mc(doc: Doc, lmms_eval_specific_kwargs: Mapping[str, str]) -> str:
    """Multiple choice: pre-prompt, question, lettered options, post-prompt."""
    options = [
        f"{letter}. {doc[field]}" for letter, field in zip(_LETTERS, _CHOICE_FIELDS, strict=True)
    ]
    words = {**lmms_eval_specific_kwargs, **_official_words(doc)}
    return "\n".join([words["pre_prompt"], doc["question"], *options, words["post_prompt"]])


def doc_to_text_oe(doc: Doc, lmms_eval_specific_kwargs: Mapping[str, str]) -> str:
    """Open-ended: both prompts come before the question."""
    words = {**lmms_eval_specific_kwargs, **_official_words(doc)}
    return "\n".join([words["pre_prompt"], words["post_prompt"], doc["question"]])


def doc_to_messages_mc(doc: Doc, lmms_eval_specific_kwargs: Mapping[str, str]) -> list[Any]:
    """Return one user turn, media first."""
    return _user_turn(doc, doc_to_text_mc(doc, lmms_eval_specific_kwargs))


def doc_to_messages_oe(doc: Doc, lmms_eval_specific_kwargs: Mapping[str, str]) -> list[Any]:
    """Return one user turn, media first."""
    return _user_turn(doc, doc_to_text_oe(doc, lmms_eval_specific_kwargs))


def process_results_mc(doc: Doc, results: list[str]) -> dict[str, Any]:
    """Return the metrics of one reply; those whose denominator excludes it are absent."""
    choices = tuple(doc[field] for field in _CHOICE_FIELDS)
    score = ChoiceScorer().score(_sample(doc, choices), Prediction(results[0]))
    return _values(doc, score.values)


def process_results_oe(doc: Doc, results: list[str]) -> dict[str, Any]:
    """Return the diagnostics of one reply, and the score of the judge set in the environment."""
    values = dict(OpenEndedScorer().score(_sample(doc), Prediction(results[0])).values)
    if judge := chosen_judge():
        contract = contract_for(_media(doc), official_prompts())
        item = JudgeItem(doc["question"], doc["answer"], results[0])
        values |= judge.scores(contract, item, doc["question_id"])
    return _values(doc, values)


def _sample(doc: Doc, choices: tuple[str, ...] = ()) -> Sample:
    return Sample(
        task="",
        id=doc["question_id"],
        doc=doc,
        target=doc["answer"],
        cluster=doc["media_id"],
        question=doc["question"],
        choices=choices,
    )


def _values(doc: Doc, values: Mapping[str, float]) -> dict[str, Any]:
    return with_sample(values, question_id=doc["question_id"], media_id=doc["media_id"])


def _media(doc: Doc) -> str:
    return "video" if "video_path" in doc else "image"


def _official_words(doc: Doc) -> dict[str, str]:
    """Return the benchmark's own prompts, if the record has them (``integrations/lmms_eval``)."""
    return {name: doc[name] for name in ("pre_prompt", "post_prompt") if name in doc}


def _user_turn(doc: Doc, text: str) -> list[Any]:
    kind = "image" if "image" in doc or doc.get("frames") else "video"
    media = [{"type": kind, "url": visual} for visual in doc_to_visual(doc)]
    return [{"role": "user", "content": [*media, {"type": "text", "text": text}]}]

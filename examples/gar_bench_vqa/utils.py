"""What the task's YAML names: the request for an item, and the scores of a prediction."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

Doc = Mapping[str, Any]


def process_docs(docs: Any) -> Any:
    """Give each item an id; lmms-eval gives a ``Dataset`` and wants one back."""
    return docs.map(_with_id) if hasattr(docs, "map") else [_with_id(doc) for doc in docs]


def _with_id(doc: Doc) -> dict[str, Any]:
    """Name an item after its image, which no other item has."""
    return {**doc, "id": PurePosixPath(doc["image"]).stem}


def doc_to_visual(doc: Doc) -> list[str]:
    """Return the image with its regions marked, as prepare.py writes it."""
    return [f"data/marked/{doc['id']}.png"]


def doc_to_text(doc: Doc) -> str:
    """Return the question with its options. The wording is this plugin's own."""
    options = "\n".join(doc["choices"])
    return (
        "The image has outlined regions. The one named <Prompt0> in the question has the number 0, "
        "<Prompt1> the number 1, and so on.\n\n"
        f"{doc['question']}\n{options}\n\nReply with the letter of the right option alone."
    )


def process_results(doc: Doc, results: list[str]) -> dict[str, float]:
    """Score one prediction.

    ``official_accuracy`` accepts the letter alone, as the benchmark's script does; each kind of
    question has the same in a metric of its own. ``accuracy`` also reads a letter in a sentence.
    """
    from instit_bench.scorers.choice.strict import extract_choice

    exact = float(results[0].lower() == doc["answer"].lower())
    options = [option.partition(". ")[2] for option in doc["choices"]]
    letters = "ABCD"[: len(options)]
    read = extract_choice(results[0], options, letters=letters).letter
    kind = doc["type"].replace("/", "_")
    return {"official_accuracy": exact, "accuracy": float(read == doc["answer"]), kind: exact}

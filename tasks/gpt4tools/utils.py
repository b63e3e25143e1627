"""GPT4Tools for lmms-eval. Paper: arXiv 2305.18752.

The record's ``instruction`` is the whole prompt. Base models complete it as it stands
(``doc_to_text``); chat models get it as one system message that opens the first thought
(``doc_to_messages``), both as in the benchmark's inference scripts.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from instit_bench.integrations.lmms_eval.docs import docs_or_exit
from instit_bench.scorers.tool_call.scorer import ToolCallScorer
from instit_bench.types import Prediction, Sample

Doc = Mapping[str, Any]
_OPEN_THOUGHT = "Thought: Do I need to use a tool? "


def process_docs(docs: Any) -> Any:
    """For lmms-eval: replace the stub's records by the benchmark's."""
    return docs_or_exit(Path(__file__).parent, docs)


def doc_to_messages(doc: Doc) -> list[Any]:
    """Return one system message: the instruction and an open thought."""
    text = f"{doc['instruction']}\n{_OPEN_THOUGHT}"
    return [{"role": "system", "content": [{"type": "text", "text": text}]}]


def process_results(doc: Doc, results: list[str]) -> dict[str, Any]:
    """Return the metrics of one reply; those whose denominator excludes it are absent."""
    sample = Sample(task="", id=str(doc["id"]), doc=doc, target=doc["output"], cluster="")
    return dict(ToolCallScorer().score(sample, Prediction(results[0])).values)

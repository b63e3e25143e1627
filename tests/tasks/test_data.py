"""A task's records after the plugin's own ``process_docs``."""

from __future__ import annotations

import json

import pytest

from instit_bench.datasets.source import open_source
from instit_bench.errors import InputError
from instit_bench.tasks.data import load_dataset
from instit_bench.tasks.registry import load_registry

TASK = """
task: sorted
dataset_path: json
dataset_kwargs: {data_files: docs.jsonl}
doc_to_text: question
doc_to_target: answer
process_docs: !function utils.process
metric_list: [{metric: accuracy}]
"""


@pytest.fixture
def docs(tmp_path):
    """A function that returns the ids of three records after ``process_docs`` with this body."""
    (tmp_path / "sorted.yaml").write_text(TASK)
    lines = [{"id": name, "question": "?", "answer": "A"} for name in "cab"]
    (tmp_path / "docs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def ids(body: str) -> list[str]:
        (tmp_path / "utils.py").write_text(f"def process(docs):\n    {body}\n")
        (task,) = load_registry((tmp_path,)).resolve(["sorted"])
        return [doc["id"] for doc in load_dataset(task, open_source("demo")).docs]

    return ids


def test_the_records_are_a_list_that_may_be_changed(docs):
    assert docs("docs.sort(key=lambda doc: doc['id']); return docs + docs[:1]") == [*"abc", "a"]


def test_a_failure_names_the_function(docs):
    with pytest.raises(InputError, match=r"process_docs: utils.process failed: KeyError"):
        docs("return {}[docs[0]['id']]")

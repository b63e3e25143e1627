"""Readers by name, including installed ones."""

from __future__ import annotations

import pytest

from instit_bench.datasets.source import open_source
from instit_bench.errors import InputError
from instit_bench.tasks.data import load_dataset
from instit_bench.tasks.registry import load_registry
from tests.installed import install

TASK = """
task: stars
dataset_path: none
dataset_name: bright
doc_to_text: question
doc_to_target: answer
process_results: !function utils.process_results
metric_list: [{metric: exact}]
metadata: {reader: sky}
"""
READER = """
from pathlib import Path
from instit_bench.datasets.readers import ReaderSpec
from instit_bench.datasets.records import Dataset

def read(keys, source):
    doc = {"id": "7", "question": f"Which {keys.dataset_name} star?", "answer": source.kind}
    return Dataset([doc], (keys.yaml_path,), Path())

SKY = ReaderSpec("sky", read)
"""


def stars(tmp_path):
    folder = tmp_path / "stars"
    folder.mkdir()
    (folder / "stars.yaml").write_text(TASK)
    return load_registry([folder]).resolve(["stars"])[0]


def test_an_installed_package_provides_a_reader(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, "instit_bench.readers", {"sky": "colours:SKY"}, READER)
    dataset = load_dataset(stars(tmp_path), open_source("demo"))
    assert dataset.docs == [{"id": "7", "question": "Which bright star?", "answer": "demo"}]


def test_a_reader_that_is_not_installed_is_an_error_that_names_the_key(tmp_path):
    with pytest.raises(InputError, match=r"stars\.yaml: key 'metadata\.reader': .*no such reader"):
        stars(tmp_path)

"""A command that has finished its run is told so, without reading what it has read before."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.runs.opened import watched

TASK = """
task: ours
dataset_path: json
dataset_kwargs: {data_files: ours.jsonl}
doc_to_text: !function utils.text
doc_to_target: answer
metric_list: [{metric: accuracy}]
metadata: {scorer: choice, choice_fields: [a, b]}
"""
UTILS = "def text(doc):\n    return doc['question']\n"
SAMPLES = "samples/ours.jsonl"


@pytest.fixture
def again(cli, tmp_path, monkeypatch):
    """A finished run, and a function that runs its command again."""
    monkeypatch.chdir(tmp_path)
    Path("task").mkdir()
    Path("task/ours.yaml").write_text(TASK)
    Path("task/utils.py").write_text(UTILS)
    docs = [{"id": f"{n}", "question": f"Q{n}?", "answer": "A", "a": 1, "b": 2} for n in range(5)]
    Path("task/ours.jsonl").write_text("".join(json.dumps(doc) + "\n" for doc in docs))

    def run(*options: str):
        words = ("--backend", "baseline", "--include-path", "task", "--tasks", "ours")
        return cli("run", "--model", "first", *words, "--name", "r", *options)

    assert run().returncode == 0
    return run


def opened_by(again, *options: str) -> set[str]:
    with watched() as opened:
        assert again(*options).returncode == 0
    return {*opened.to_read, *opened.to_write}


def test_nothing_is_read_or_written_where_nothing_changed(again):
    files = sorted(path for path in Path("results/r").rglob("*") if path.is_file())
    before = [(path, path.read_bytes(), path.stat().st_mtime_ns) for path in files]
    assert opened_by(again) == set()
    assert before == [(path, path.read_bytes(), path.stat().st_mtime_ns) for path in files]
    assert "5/5 done" in again().stderr


def drop_a_sample() -> None:
    path = Path("results/r", SAMPLES)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))


def touch(name: str) -> None:
    os.utime(name)


@pytest.mark.parametrize(
    "change",
    [
        drop_a_sample,
        lambda: touch("task/ours.jsonl"),
        lambda: touch("task/utils.py"),
        lambda: Path("results/r/results.json").write_text("{}"),
        lambda: Path("results/r/.finished_by.json").write_text("{"),
        lambda: Path("results/r/.results_from.json").unlink(),
    ],
    ids=["a sample", "the data", "the plugin", "the results", "the note", "the other note"],
)
def test_whatever_changed_is_looked_at(again, change):
    change()
    assert opened_by(again)
    assert json.loads(Path("results/r/results.json").read_text())["tasks"]["ours"]["n_counted"] == 5
    assert len(Path("results/r", SAMPLES).read_text().splitlines()) == 5


def test_other_settings_are_looked_at(again):
    assert opened_by(again, "--concurrency", "3")


def test_other_data_or_prompts_are_refused_although_the_run_is_finished(again):
    path = Path("task/ours.jsonl")
    path.write_text(path.read_text().replace("Q3?", "Q4?"))
    assert again().returncode == 3
    path.write_text(path.read_text().replace("Q4?", "Q3?", 1))
    Path("task/ours.yaml").write_text(TASK.replace("!function utils.text", "answer"))
    assert again().returncode == 3


def test_failed_samples_are_never_taken_for_finished(again):
    path = Path("results/r", SAMPLES)
    lines = path.read_text().replace('"state":"scored","prediction":"A"', '"state":"infer_error"')
    path.write_text(lines)
    assert opened_by(again)
    assert "infer_error" not in path.read_text()

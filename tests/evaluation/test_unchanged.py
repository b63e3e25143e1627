"""A command that has finished its run is told so, without reading what it has read before."""

from __future__ import annotations

import json
import os
import sys
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
UTILS = """
from pathlib import Path

import words


def text(doc):
    return words.BEFORE + doc["question"] + Path(__file__).with_name("prompt.txt").read_text()
"""
SAMPLES = "samples/ours.jsonl"


@pytest.fixture
def again(cli, tmp_path, monkeypatch):
    """A finished run, and a function that runs its command again."""
    monkeypatch.chdir(tmp_path)
    Path("task").mkdir()
    Path("task/ours.yaml").write_text(TASK)
    Path("task/utils.py").write_text(UTILS)
    Path("words.py").write_text("BEFORE = 'Look: '\n")
    Path("task/prompt.txt").write_text("Answer.")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "words", raising=False)
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


def replace_the_note_by_a_pipe() -> None:
    Path("results/r/.finished_by.json").unlink()
    os.mkfifo("results/r/.finished_by.json")


@pytest.mark.parametrize(
    "change",
    [
        drop_a_sample,
        lambda: touch("task/ours.jsonl"),
        lambda: touch("task/utils.py"),
        lambda: touch("task/prompt.txt"),
        lambda: touch("words.py"),
        lambda: Path("task/new.txt").touch(),
        lambda: Path("results/r/results.json").write_text("{}"),
        lambda: Path("results/r/.finished_by.json").write_text("{"),
        replace_the_note_by_a_pipe,
        lambda: Path("results/r/.results_from.json").unlink(),
    ],
    ids=[
        *("a sample", "the data", "the plugin", "a file that it reads", "a module that it uses"),
        *("a new file", "the results", "the note", "a pipe", "the other note"),
    ],
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

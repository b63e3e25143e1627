"""``results.json`` stands for its journals exactly as long as nothing has changed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from instit_bench.runs import kept_results
from instit_bench.runs.loaded import Run, load_results
from tests.runs.opened import RUN, instit_bench, watched

TASK = "inst_it_image_mc"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        instit_bench(*RUN, "first", "--tasks", f"{TASK},inst_it_image_oe", "--name", "r")
    return path / "results/r"


@pytest.fixture
def run(made, tmp_path) -> Path:
    """A finished run with two tasks."""
    shutil.copytree(made, tmp_path / "r")
    Run.load(tmp_path / "r").write_results()  # of the copy's own files
    return tmp_path / "r"


def read_of(run: Path) -> set[str]:
    """The tasks whose journals are read to show the results, which must be those of the samples."""
    with watched() as opened:
        results = load_results(run)
    (run / ".results_from.json").unlink(missing_ok=True)
    assert results == load_results(run)
    return {Path(name).stem for name in opened.to_read if "samples" in name}


def append_a_line(run: Path) -> None:
    path = run / f"samples/{TASK}.jsonl"
    first = path.read_text().splitlines()[0]
    with path.open("a") as file:
        file.write(first.replace('"state":"scored"', '"state":"unparsed"') + "\n")


def answer_otherwise(run: Path) -> None:
    path = run / f"samples/{TASK}.jsonl"
    path.write_text(path.read_text().replace('"accuracy":0.0', '"accuracy":1.0'))


def judge_otherwise(run: Path) -> None:
    path = run / "judgements/inst_it_image_oe.jsonl"
    path.write_text(path.read_text().replace('"score":0.', '"score":1.'))


def name_another_judge(run: Path) -> None:
    path = run / "manifest.json"
    path.write_text(path.read_text().replace('"lexical"', '"openai:other"'))


def limit(run: Path) -> None:
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["tasks"][TASK]["selected"] = ["001-01"]
    (run / "manifest.json").write_text(json.dumps(manifest))


def edit_the_results(run: Path) -> None:
    path = run / "results.json"
    path.write_text(path.read_text().replace('"value": 0.', '"value": 0.9'))


def touch(run: Path) -> None:
    os.utime(run / f"samples/{TASK}.jsonl")


def edit_in_secret(run: Path) -> None:
    """Of the same size, and with the time of the last change set back."""
    path = run / f"samples/{TASK}.jsonl"
    before = path.stat()
    answer_otherwise(run)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


BOTH = {TASK, "inst_it_image_oe"}
CHANGES = {
    "a line more": (append_a_line, {TASK}),
    "other scores": (answer_otherwise, {TASK}),
    "other verdicts": (judge_otherwise, {"inst_it_image_oe"}),
    "another judge": (name_another_judge, BOTH),
    "a selection": (limit, {TASK}),
    "edited results": (edit_the_results, BOTH),
    "other scores in secret": (edit_in_secret, {TASK}),
    "a journal touched": (touch, {TASK}),
    "no note": (lambda run: (run / ".results_from.json").unlink(), BOTH),
    "a broken note": (lambda run: (run / ".results_from.json").write_text("{"), BOTH),
    "no results": (lambda run: (run / "results.json").unlink(), BOTH),
}


def test_nothing_is_read_where_nothing_changed(run):
    assert read_of(run) == set()


@pytest.mark.parametrize(("change", "read"), CHANGES.values(), ids=CHANGES)
def test_whatever_changed_is_read_again(run, change, read):
    change(run)
    assert read_of(run) == read


def test_another_version_of_the_program_computes_again(run, monkeypatch):
    monkeypatch.setattr(kept_results, "__version__", "another")
    assert read_of(run) == BOTH


def test_a_finished_run_that_is_started_again_writes_no_journal(made, monkeypatch):
    monkeypatch.chdir(made.parents[1])
    files = [*made.glob("samples/*"), *made.glob("judgements/*"), made / "results.json"]
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}
    results = Run.load(made).results
    instit_bench(*RUN, "first", "--tasks", f"{TASK},inst_it_image_oe", "--name", "r")
    after = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}
    for path, (time, content) in before.items():
        assert after[path][1] == content, path
        assert path.parent == made or after[path][0] == time, path
    assert Run.load(made).results == results

"""A run in memory equals the run on disk, while it is being written and afterwards."""

from __future__ import annotations

import json

import pytest

from instit_bench.errors import InputError
from instit_bench.evaluation.config import make_config
from instit_bench.evaluation.runner import run
from instit_bench.progress import Silent
from instit_bench.runs.directory import default_name, run_directory
from instit_bench.runs.journal import JournalWriter
from instit_bench.runs.loaded import Run
from instit_bench.runs.record import SampleRecord
from instit_bench.types import State, Usage


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A judged run on the demo data, as the writing process holds it in memory."""
    settings = {"model": "first", "backend": "baseline", "data": "demo", "judge": ("lexical",)}
    folder = tmp_path_factory.mktemp("results")
    return run(make_config(None, settings | {"output": folder}), Silent()).run


def test_the_written_run_equals_the_loaded_one(written):
    stored = Run.load(written.path)
    assert stored.manifest == written.manifest
    assert stored.results == written.results
    for name, task in stored.tasks.items():
        assert dict(task.records) == dict(written.tasks[name].records)
        assert list(task.records) == list(written.tasks[name].records)
        assert list(task.selected()) == list(written.tasks[name].selected())


def test_results_json_contains_the_results(written):
    on_disk = json.loads(written.directory.results_path.read_text())
    assert on_disk == Run.load(written.path).results.model_dump(mode="json")


def test_appended_samples_and_verdicts_are_available_at_once(written, tmp_path):
    (tmp_path / "manifest.json").write_text(written.directory.manifest_path.read_text())
    task = Run.load(tmp_path).tasks["inst_it_image_oe"]
    assert (task.samples, task.result.n_counted) == ([], 0)
    record, verdicts = next(written.tasks[task.name].judged())
    unjudged = record.model_copy(update={"state": State.NOT_JUDGED, "scores": {}})
    with task.journal(print) as append:
        append(unjudged)
    assert (task.result.states["not_judged"], task.result.n_counted) == (1, 0)
    with task.judgements(print) as append:
        append(verdicts[0])
    assert task.result.n_counted == 1
    assert task.samples[0].scores == {"lexical_score": verdicts[0].score}
    again = Run.load(tmp_path).tasks[task.name]
    assert (again.samples, again.result) == (task.samples, task.result)


def test_a_released_task_keeps_its_result_and_is_read_again_on_demand(written):
    stored = Run.load(written.path)
    tasks = list(stored.one_by_one())
    before = [task.result for task in tasks]
    for task in tasks:
        task.release()
        written.directory.journal_path(task.name).rename(written.path / task.name)
    try:
        assert [task.result for task in tasks] == before
        assert all(task.samples == [] for task in tasks)  # now there is nothing to read
    finally:
        for task in tasks:
            (written.path / task.name).rename(written.directory.journal_path(task.name))


@pytest.mark.parametrize("length", [1, 2**16 - 1, 2**16, 2**16 + 1, 2**18])
def test_a_truncated_line_is_dropped_and_told_whatever_its_length(tmp_path, length):
    told: list[str] = []
    record = SampleRecord(id="1", state=State.SCORED, target="A", usage=Usage(1, 2))
    path = tmp_path / "task.jsonl"
    with JournalWriter(path, told.append) as journal:
        journal.append(record)
    assert not told
    whole = path.read_bytes()
    for before in (whole, b""):
        path.write_bytes(before + b"x" * length)
        with JournalWriter(path, told.append) as journal:
            journal.append(record)
        assert path.read_bytes() == before + whole
        assert f"{path}: its last line was unfinished and is dropped ({length:,} bytes" in told[-1]


def test_a_folder_without_a_run_is_an_error(tmp_path):
    with pytest.raises(InputError, match="nowhere: run directory not found"):
        Run.load(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"is not a run directory: it has no manifest\.json"):
        Run.load(tmp_path)


@pytest.mark.parametrize("model", ["字" * 100, "😀a" * 100, "/" * 9, "m" * 10**5])
def test_a_run_named_after_any_model_fits_a_file_name(tmp_path, model):
    name = default_name(model, "demo")
    assert 0 < len(name.encode()) <= 200
    run_directory(tmp_path, name).path.mkdir()

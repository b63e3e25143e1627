"""``instit-bench baseline save``: a small file that replaces a run in comparisons."""

from __future__ import annotations

import json
import os

import pytest

from tests.comparison.runs import TASK, predictions, score, task_scores, write_run


def test_a_baseline_can_replace_its_run(cli, tmp_path):
    demo = ["run", "--model", "random", "--backend", "baseline", "--data", "demo"]
    assert cli(*demo, "--judge", "lexical").returncode == 0
    saved = cli("baseline", "save", "results/random-demo")
    assert saved.returncode == 0, saved.stderr
    assert "baseline: results/baselines/random-demo.json" in saved.stderr
    file = "results/baselines/random-demo.json"

    cli(*demo, "--judge", "lexical", "--seed", 1, "--name", "other")
    everything = ("results/other", "--all-metrics", "--flips", "all")
    from_file = cli("compare", file, *everything)
    from_run = cli("compare", "results/random-demo", *everything)
    assert from_file.returncode == 0, from_file.stderr
    assert from_file.stdout == from_run.stdout
    assert "wrong to right" in from_file.stdout


def test_a_baseline_contains_no_texts_and_one_sample_per_line(cli, tmp_path):
    rows = predictions()
    rows[0]["model_prediction"] = "The answer of the model is A"
    run = score(cli, tmp_path, rows, "run")
    cli("baseline", "save", run, "--output", "kept/b.json")
    text = (tmp_path / "kept/b.json").read_text()
    assert "The answer" not in text
    assert "What does" not in text
    assert str(tmp_path) not in text
    assert len(text.splitlines()) == len(rows) + 12
    assert list(json.loads(text)["tasks"][TASK]["samples"]) == [r["question_id"] for r in rows]


def test_an_unfinished_run_is_not_saved_as_a_baseline_unless_allowed(cli, tmp_path):
    run = score(cli, tmp_path, predictions(), "run")
    manifest = tmp_path / run / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"finished"', '"interrupted"'))
    done = cli("baseline", "save", run)
    assert done.returncode == 2
    assert "the run is interrupted" in done.stderr
    assert not (tmp_path / "results/baselines").exists()
    assert cli("baseline", "save", run, "--allow-incomplete").returncode == 0


BROKEN = {
    "no JSON": (
        lambda v: "[{",
        "is not a valid baseline file: Invalid JSON",
    ),
    "another format": (lambda v: json.dumps(v | {"format": "x"}), "field 'format'"),
    "a field too many": (lambda v: json.dumps(v | {"note": "x"}), "field 'note'"),
    "a score that is no number": (
        lambda v: json.dumps(v).replace('"accuracy": 1.0', '"accuracy": NaN'),
        "samples.000-00.scores.accuracy",
    ),
    "a score over 1": (
        lambda v: json.dumps(v).replace('"accuracy": 1.0', '"accuracy": 1e308'),
        "samples.000-00.scores.accuracy",
    ),
    "a sample that stands twice": (
        lambda v: json.dumps(v).replace('"000-01": {', '"000-00": {'),
        "duplicate key '000-00' (from a bad merge?)",
    ),
    "no task": (lambda v: json.dumps(v | {"tasks": {}}), "contains no task"),
    "an unknown state": (
        lambda v: json.dumps(v).replace('"state": "scored"', '"state": "fine"'),
        "samples.000-00.state",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_refused_by_field(cli, tmp_path, case):
    change, words = BROKEN[case]
    good = write_run(tmp_path, "good", **{TASK: task_scores(20)})
    (tmp_path / "bad.json").write_text(change(json.loads((tmp_path / good).read_text())))
    done = cli("check", good, "--baseline", "bad.json")
    assert done.returncode == 2
    assert "error: bad.json: " in done.stderr
    assert words in done.stderr


def test_a_folder_name_need_not_be_valid_unicode(cli, tmp_path):
    run = tmp_path / score(cli, tmp_path, predictions(), "run")
    odd = run.rename(os.fsdecode(os.fsencode(run) + b"\xff"))
    done = cli("baseline", "save", odd)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "results/baselines/run\ufffd.json").is_file()
    assert cli("compare", odd, odd, "--json", "c.json").returncode == 0
    names = json.loads((tmp_path / "c.json").read_text())["comparisons"][0]["a"]["name"]
    assert names == "run\ufffd"


def test_a_task_name_cannot_control_the_terminal(cli, tmp_path):
    manifest = tmp_path / score(cli, tmp_path, predictions(), "run") / "manifest.json"
    manifest.write_text(manifest.read_text().replace(TASK, r"x\n::error::\u001b[31m"))
    journal = manifest.parent / "samples" / f"{TASK}.jsonl"
    journal.rename(journal.with_name("x\n::error::\x1b[31m.jsonl"))
    done = cli("baseline", "save", "results/run")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stderr
    assert not any(line.startswith("::") for line in done.stderr.splitlines())


def test_a_folder_without_a_run_is_not_saved_as_a_baseline(cli, tmp_path):
    done = cli("baseline", "save", "nowhere")
    assert done.returncode == 2
    assert "nowhere: run directory not found" in done.stderr

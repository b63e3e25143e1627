"""``instit-bench explain``: faults of each class, injected and found again."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from scripts.explain_faults import FAULTS, begin, measure, table
from tests.command_line import cli_in
from tests.comparison.scripted_model import ScriptedModel
from tests.judging.test_judging import TASK, predictions
from tests.openai_server import Reply, openai_server

MODELS = {
    "plain": ScriptedModel(),
    "noisy": ScriptedModel(noise=0.1),
    "other": ScriptedModel(weights=1),
}
MEDIA = 8
BASELINE = ("run", "--backend", "baseline", "--data", "demo", "--tasks", "inst_it_image_mc")


@pytest.fixture(scope="module")
def faults(tmp_path_factory):
    """The runs with faults, and how their flips were classed."""
    folder = tmp_path_factory.mktemp("faults")
    cli = cli_in(folder)
    rows = []
    for name, model in MODELS.items():
        with openai_server(model) as server:
            if name == "plain":
                begin(cli, folder, server.base_url, MEDIA)
            rows += measure(cli, folder, name, server.base_url)
    return folder, rows


def test_injected_faults_are_classed_right(faults):
    _, rows = faults
    assert [row.fault for row in rows] == list(FAULTS)
    for row in rows:
        assert row.flips >= 8, row.fault.name
        assert row.right >= 0.95 * row.flips, table(rows)


def test_the_points_of_all_causes_are_the_difference(faults):
    folder, rows = faults
    for number in range(len(rows)):
        for task in json.loads((folder / f"{number}.json").read_text())["tasks"].values():
            assert sum(t["points"] for t in task["totals"]) == pytest.approx(task["difference"])
            assert task["difference"] == pytest.approx(100 * (task["b"] - task["a"]))
            assert sum(t["changed"] for t in task["totals"]) == len(task["samples"])
            assert task["n"] == MEDIA * 4


def test_the_evidence_names_what_differs(faults):
    folder, rows = faults
    told = {}
    for number, row in enumerate(rows):
        tasks = json.loads((folder / f"{number}.json").read_text())["tasks"]
        told[row.fault.name] = " ".join(tasks["faults_video"]["samples"][0]["evidence"])
    assert "(character" in told["another wording"]
    assert "template or tokenizer" in told["another chat template (hidden)"]
    assert "1 of 4 differ: 2.jpg: 112x84 against 84x56" in told["a resized image or frame"]
    assert "1 of 4 differ: 2.jpg: 112x84 " in told["an image or frame saved again"]
    assert "4 against 3 images or frames; max_frames: 32 against 3" in told[
        "one frame fewer"
    ].replace(" max_frames", "; max_frames", 1)
    assert "of the same media" in told["another image size in the engine (hidden)"]
    assert "at its stop text" in told["another stop text"]
    assert "temperature: 0.0 against 0.8" in told["another temperature"]
    assert "max_tokens 24 against 9" in told["another token limit"]
    assert "the same prediction" in told["another extraction"]
    assert "a tie at token" in told["another precision (hidden)"]
    assert "not a tie: token" in told["other weights (hidden)"]


def test_table_markdown_and_a_limit_of_samples(faults, tmp_path):
    folder, _ = faults
    cli, page = cli_in(folder), tmp_path / "page.md"
    runs = ("results/plain", "results/0")
    done = cli("explain", *runs, "--samples", "2", "--markdown", page, COLUMNS="160")
    assert done.returncode == 0, done.stderr
    assert "more samples: --samples all" in done.stdout
    assert re.search(r"prompt +\d+ +\d+ +\d+ +[+-]\d+\.\d\d", done.stdout)
    assert re.search(r"\| prompt \| \d+ \| \d+ \| \d+ \| [+-]", page.read_text())
    assert page.read_text().count("### faults") == 2
    one = cli("explain", *runs, "--tasks", "*_image", COLUMNS="160")
    assert "faults_video" not in one.stdout


def test_a_run_agrees_with_itself(faults):
    folder, _ = faults
    done = cli_in(folder)("explain", "results/plain", "results/plain", COLUMNS="160")
    assert done.returncode == 0
    assert re.search(r"all +0 +0 +0 +\+0\.00", done.stdout)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("results/plain", "0.json"), 2, "0.json: is a file; explain reads the samples of run"),
        (("results/plain", "results/none"), 2, "results/none: run directory not found"),
        (("results/plain", "results/0", "--tasks", "x"), 2, "--tasks x: no run has such a task"),
        (("results/plain", "results/0", "--samples", "x"), 2, "--samples 'x': must be a number"),
        (("results/plain", "results/0", "--metric", "x"), 3, "metric 'x' has no value in both"),
    ],
)
def test_wrong_arguments_are_told_in_one_line(faults, arguments, code, told):
    folder, _ = faults
    done = cli_in(folder)("explain", *arguments)
    assert done.returncode == code
    assert told in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_without_evidence_the_cause_is_unknown_and_says_what_to_do(cli, tmp_path):
    for name in ("random", "first"):
        cli(*BASELINE, "--model", name, "--name", name)
    cli("explain", "results/random", "results/first", "--json", "found.json")
    task = json.loads((tmp_path / "found.json").read_text())["tasks"]["inst_it_image_mc"]
    assert {tuple(sample["causes"]) for sample in task["samples"]} == {("unknown",)}
    evidence = task["samples"][0]["evidence"]
    assert evidence == ["numerics, or model: no evidence kept; run with --logprobs"]


def test_chance_is_named_where_runs_sampled(cli, tmp_path):
    for name in ("random", "first"):
        cli(*BASELINE, "--model", name, "--name", name, "--temperature", 0.7)
    told = explained(cli, tmp_path, "random", "first")["samples"][0]["evidence"][0]
    assert told == "sampled with chance in both runs, at a temperature other than 0"


def test_a_fault_of_one_run_is_no_flip_and_broken_evidence_is_told(cli, tmp_path):
    cli(*BASELINE, "--model", "first", "--name", "whole")
    shutil.copytree(tmp_path / "results/whole", tmp_path / "results/faulty")
    journal = tmp_path / "results/faulty/samples/inst_it_image_mc.jsonl"
    journal.with_suffix(".index").unlink()
    rows = [json.loads(line) for line in journal.read_text().splitlines()]
    fault = {"state": "infer_error", "prediction": None, "scores": {}, "error": "HTTP 500"}
    rows[:3] = [row | fault for row in rows[:3]]
    journal.write_text("".join(json.dumps(row) + "\n" for row in rows))
    task = explained(cli, tmp_path, "whole", "faulty")
    assert (task["samples"], task["n"], task["unpaired"]) == ([], len(rows) - 3, 3)
    assert task["noticed"] == {"prompt": 0, "media": 0, "prediction": 0, "unknown": 0}
    rows[3]["tokens"] = {"texts": ["A"], "logprobs": []}
    journal.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = cli("explain", "results/whole", "results/faulty")
    assert done.returncode == 2
    assert "line 4: field 'tokens': must have as many log-probabilities" in done.stderr


def test_a_judge_that_scores_otherwise_is_the_cause(cli, tmp_path):
    file, _ = predictions(tmp_path, 4)
    other = tmp_path / "other.json"
    other.write_text(
        json.dumps([r | {"model_prediction": "No."} for r in json.loads(file.read_text())])
    )
    runs = (("a", 1.0, "one", file), ("b", 0.5, "one", file), ("c", 0.5, "two", file))
    for name, score, judge, predicted in (*runs, ("d", 0.5, "two", other)):
        with openai_server(lambda _, s=score: Reply(json.dumps({"sample_score": s}))) as server:
            done = cli(
                *("score", predicted, "--task", TASK, "--name", name, "--judge", f"openai:{judge}"),
                *("--judge-base-url", server.base_url),
                OPENAI_API_KEY="sk-x",
            )
        assert done.returncode == 0, done.stderr
    found = {name: explained(cli, tmp_path, "a", name)["samples"][0] for name in "bcd"}
    judged = "the same prediction, judged 1 against 0.5"
    assert found["b"]["causes"] == ["judge"]
    assert found["b"]["evidence"] == [judged, "the same judge and instructions"]
    assert found["c"]["causes"] == ["judge"]
    assert found["c"]["evidence"] == [judged, "judge: openai:one against openai:two"]
    assert found["d"]["causes"] == ["unknown", "judge"], "they cannot be told apart"


def explained(cli, folder, *names):
    """What ``explain`` finds of the only task of two runs."""
    done = cli("explain", *(f"results/{name}" for name in names), "--json", "found.json")
    assert done.returncode == 0, done.stderr
    (task,) = json.loads((folder / "found.json").read_text())["tasks"].values()
    return task


def test_prediction_files_have_less_evidence_which_is_said(cli, tmp_path):
    cli(*BASELINE, "--model", "random", "--name", "r")
    lines = (tmp_path / "results/r/samples/inst_it_image_mc.jsonl").read_text().splitlines()
    for name, field in (("a", "prediction"), ("b", "target")):
        rows = [
            {"question_id": r["id"], "question": r["question"]}
            | {"ground_truth": r["target"], "model_prediction": r[field]}
            for r in map(json.loads, lines)
        ]
        (tmp_path / f"{name}.json").write_text(json.dumps(rows))
        options = ("--task", "inst_it_image_mc", "--data", "demo", "--name", name)
        done = cli("score", f"{name}.json", *options)
        assert done.returncode == 0, done.stderr
    cli("explain", "results/a", "results/b", "--json", "found.json")
    task = json.loads((tmp_path / "found.json").read_text())["tasks"]["inst_it_image_mc"]
    assert {tuple(sample["causes"]) for sample in task["samples"]} == {("unknown",)}
    evidence = " ".join(task["samples"][0]["evidence"])
    assert "the prompt is not kept in A and B" in evidence
    assert "settings of a prediction file are not known" in evidence

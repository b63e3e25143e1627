"""Scoring prediction files and exporting runs in the upstream formats."""

from __future__ import annotations

import json
import math

import pytest

GOLD = ["run", "--model", "echo-gold", "--backend", "baseline"]
RANDOM = ["run", "--model", "random", "--backend", "baseline", "--data", "demo"]


def load(path):
    return json.loads(path.read_text())


def metrics(tmp_path, name, task):
    return load(tmp_path / f"results/{name}/results.json")["tasks"][task]["metrics"]


def journal(tmp_path, name, task):
    text = (tmp_path / f"results/{name}/samples/{task}.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_the_benchmark_s_own_predictions_give_the_published_number(cli, tmp_path, shared_data):
    file = shared_data / "inst_it/video_mc_inference.json"
    done = cli("score", file, "--task", "inst_it_video_mc")
    assert done.returncode == 0, done.stderr
    found = metrics(tmp_path, "video_mc_inference", "inst_it_video_mc")["official_accuracy"]
    assert (found["value"], found["n"]) == (0.42857142857142855, 1001)
    assert math.isclose(100 * found["value"], 42.857142857142854, abs_tol=1e-12)


def test_open_ended_predictions_are_kept_unscored(cli, tmp_path, shared_data):
    file = shared_data / "inst_it/video_oe_inference.json"
    assert cli("score", file, "--task", "inst_it_video_oe", "--name", "oe").returncode == 0
    task = load(tmp_path / "results/oe/results.json")["tasks"]["inst_it_video_oe"]
    assert task["states"]["not_judged"] == 1001
    assert task["metrics"]["official_score"]["value"] is None
    assert len(journal(tmp_path, "oe", "inst_it_video_oe")[0]["prediction"]) > 10


@pytest.mark.parametrize(
    ("task", "file"),
    [
        ("inst_it_image_mc", "image_mc_inference.json"),
        ("inst_it_image_oe", "image_oe_inference.json"),
        ("inst_it_video_mc", "video_mc_inference.json"),
        ("inst_it_video_oe", "video_oe_inference.json"),
        ("gpt4tools_seen", "gpt4tools_seen/gpt4tools_seen_0.json"),
        ("gpt4tools_unseen", "gpt4tools_unseen/gpt4tools_unseen_0.json"),
    ],
)
def test_an_export_scored_again_gives_the_same_metrics(cli, tmp_path, task, file):
    assert cli(*RANDOM, "--tasks", task, "--name", "r").returncode == 0
    assert cli("export", "results/r", "--format", "official", "--output", "out").returncode == 0
    done = cli("score", f"out/{file}", "--task", task, "--data", "demo", "--name", "again")
    assert done.returncode == 0, done.stderr
    assert metrics(tmp_path, "again", task) == metrics(tmp_path, "r", task)
    done = cli("score", f"results/r/samples/{task}.jsonl", "--task", task, "--name", "ours")
    assert done.returncode == 0, done.stderr
    assert metrics(tmp_path, "ours", task) == metrics(tmp_path, "r", task)


def test_exported_files_have_the_upstream_formats(cli, tmp_path):
    cli(*RANDOM, "--tasks", "inst_it_image_mc,gpt4tools_seen", "--name", "r", "--limit", 2)
    cli("export", "results/r")
    rows = load(tmp_path / "results/r/export/image_mc_inference.json")
    assert [set(row) for row in rows] == [
        {"question_id", "question", "model_prediction", "ground_truth", "split"}
    ] * 2
    assert rows[0]["split"] == "image"
    rows = load(tmp_path / "results/r/export/gpt4tools_seen/gpt4tools_seen_0.json")
    records = journal(tmp_path, "r", "gpt4tools_seen")
    assert [row["id"] for row in rows] == [0, 1]
    # The upstream evaluator removes the prompt by its length.
    assert rows[0]["output"][len(records[0]["question"]) :] == records[0]["prediction"]


def write_predictions(tmp_path, rows, name="p.json"):
    path = tmp_path / name
    path.write_text(json.dumps(rows))
    return path


def mc_row(sample_id, prediction="A", truth="A"):
    return {
        "question_id": sample_id,
        "question": "Q?",
        "model_prediction": prediction,
        "ground_truth": truth,
        "split": "image",
    }


def test_missing_unknown_and_duplicate_ids_are_counted_and_named(cli, tmp_path):
    cli(*GOLD, "--data", "demo", "--tasks", "inst_it_image_mc", "--name", "gold")
    cli("export", "results/gold", "--output", "out")
    rows = load(tmp_path / "out/image_mc_inference.json")
    ids = [row["question_id"] for row in rows]
    rows = [*rows[2:], mc_row("999-01"), rows[5]]
    file = write_predictions(tmp_path, rows)
    done = cli("score", file, "--task", "inst_it_image_mc", "--data", "demo", "--name", "s")
    assert done.returncode == 0, done.stderr
    task = load(tmp_path / "results/s/results.json")["tasks"]["inst_it_image_mc"]
    assert task["notes"] == [
        f"2 missing from the file: {ids[0]}, {ids[1]}",
        "1 unknown to the dataset: 999-01",
        f"1 doubled in the file (the last one counts, officially every one): {ids[5]}",
    ]
    assert all(note in done.stdout for note in task["notes"])
    assert (task["n_total"], task["n_counted"], task["states"]["not_run"]) == (17, 15, 2)
    counts = {name: task["metrics"][name]["n"] for name in ("official_accuracy", "accuracy")}
    assert counts == {"official_accuracy": 15, "accuracy": 14}


def test_targets_and_options_of_the_data_override_those_of_the_file(cli, tmp_path):
    cli(*GOLD, "--data", "demo", "--tasks", "inst_it_image_mc", "--name", "gold")
    (first, *_) = journal(tmp_path, "gold", "inst_it_image_mc")
    wrong_letter = "B" if first["target"] != "B" else "C"
    text_of_right = first["choices"]["ABCD".index(first["target"])]
    file = write_predictions(tmp_path, [mc_row(first["id"], text_of_right, wrong_letter)])
    cli("score", file, "--task", "inst_it_image_mc", "--data", "demo", "--name", "s")
    (record, *_) = journal(tmp_path, "s", "inst_it_image_mc")
    assert (record["method"], record["scores"]["accuracy"]) == ("option_text", 1.0)


def test_a_prompt_repeated_in_the_prediction_is_removed(cli, tmp_path):
    cli(*GOLD, "--data", "demo", "--tasks", "gpt4tools_seen", "--name", "gold")
    records = journal(tmp_path, "gold", "gpt4tools_seen")
    rows = [{"id": r["id"], "output": [r["question"] + r["target"], "other"]} for r in records]
    file = write_predictions(tmp_path, rows)
    cli("score", file, "--task", "gpt4tools_seen", "--data", "demo", "--name", "s")
    assert metrics(tmp_path, "s", "gpt4tools_seen")["strict_sr"]["value"] == 1.0


def test_a_failed_sample_stays_failed_in_our_own_format(cli, tmp_path):
    path = tmp_path / "samples.jsonl"
    good = {"id": "1-1", "state": "scored", "prediction": "A", "target": "A"}
    bad = {"id": "1-2", "state": "infer_error", "prediction": None, "target": "B", "error": "x"}
    path.write_text(json.dumps(good) + "\n" + json.dumps(bad) + "\n")
    cli("score", path, "--task", "inst_it_image_mc", "--name", "s")
    task = load(tmp_path / "results/s/results.json")["tasks"]["inst_it_image_mc"]
    assert task["states"]["infer_error"] == 1
    assert task["metrics"]["accuracy"] | {"stderr": None, "ci95": None} == {
        "value": 1.0,
        "stderr": None,
        "ci95": None,
        "n": 1,
    }


def test_a_file_without_any_prediction_is_a_failure(cli, tmp_path):
    path = tmp_path / "predictions.json"
    path.write_text(json.dumps([mc_row("1-1", prediction=None)]))
    done = cli("score", path, "--task", "inst_it_image_mc")
    assert done.returncode == 1
    assert "no prediction of the 1 can be scored" in done.stderr


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([], "contains no predictions"),
        ([{"id": 1}], "record 1: has neither 'model_prediction'"),
        ([mc_row("1-1"), mc_row("")], "record 2: field 'question_id'"),
        ([mc_row("1-1", prediction=3)], "field 'model_prediction' must be text or null, found 3"),
        ([mc_row("1-1", truth="a")], "field 'ground_truth' must be A, B, C or D"),
        ([mc_row("1-1") | {"split": "video"}], "field 'split' is 'video'"),
        ([{"id": 1, "output": [3]}], "field 'output' must be text or null, found 3"),
        ([{"id": "1", "state": "done", "target": ""}], "field 'state'"),
        ({"question_id": 1}, "must hold a JSON list"),
    ],
)
def test_a_broken_prediction_file_is_an_error_that_names_record_and_field(
    cli, tmp_path, rows, told
):
    done = cli("score", write_predictions(tmp_path, rows), "--task", "inst_it_image_mc")
    assert done.returncode == 2
    assert told in done.stderr
    assert str(tmp_path / "p.json") in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1

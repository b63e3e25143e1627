"""``export --format lmms-eval``: results and sample logs that give the same scores again."""

from __future__ import annotations

import json
import shutil

import pytest

from instit_bench.resources import demo_data

TASKS = (
    *("inst_it_image_mc", "inst_it_image_oe", "inst_it_video_mc", "inst_it_video_oe"),
    *("gpt4tools_seen", "gpt4tools_unseen"),
)
RUN = ["run", "--backend", "baseline", "--model", "random", "--name", "r"]
EXPORT = ["export", "results/r", "--format", "lmms-eval", "--output", "out"]
# What lmms-eval 0.7.3 writes; ``efficiency`` only if a model counts tokens.
RESULTS_KEYS = {
    *("results", "group_subtasks", "configs", "versions", "n-shot", "higher_is_better"),
    *("n-samples", "config", "git_hash", "git_branch", "lmms_eval_version", "date", "usage"),
    *("task_hashes", "model_source", "model_name", "model_name_sanitized"),
    *("system_instruction", "system_instruction_sha", "fewshot_as_multiturn"),
    *("chat_template", "chat_template_sha", "start_time", "end_time"),
    "total_evaluation_time_seconds",
}


def load(path):
    return json.loads(path.read_text())


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def task_of(tmp_path, run, task):
    return load(tmp_path / f"results/{run}/results.json")["tasks"][task]


def samples_file(tmp_path, task):
    (path,) = (tmp_path / "out").rglob(f"*_samples_{task}.jsonl")
    return path


def results_file(tmp_path):
    (path,) = (tmp_path / "out").rglob("*_results.json")
    return path


@pytest.mark.parametrize("task", TASKS)
def test_an_export_scored_again_gives_the_same_metrics(cli, tmp_path, task):
    judge = ["--judge", "lexical"] if task.endswith("_oe") else []
    assert cli(*RUN, "--data", "demo", "--tasks", task, *judge).returncode == 0
    done = cli(*EXPORT)
    assert done.returncode == 0, done.stderr
    assert str(samples_file(tmp_path, task).relative_to(tmp_path)) in done.stderr
    done = cli("score", samples_file(tmp_path, task), "--task", task, *judge, "--name", "again")
    assert done.returncode == 0, done.stderr
    again, first = task_of(tmp_path, "again", task), task_of(tmp_path, "r", task)
    for field in ("metrics", "states", "n_total", "tables"):
        assert again[field] == first[field], field


def test_the_results_file_has_lmms_eval_s_keys_and_the_run_s_values(cli, tmp_path):
    tasks = "inst_it_image_mc,gpt4tools_seen"
    cli(*RUN, "--data", "demo", "--tasks", tasks)
    assert cli(*EXPORT).returncode == 0
    path = results_file(tmp_path)
    found = load(path)
    assert set(found) == RESULTS_KEYS
    assert path.parent == tmp_path / "out/random"
    assert path.name == f"{found['date']}_results.json"
    for task in tasks.split(","):
        metrics = task_of(tmp_path, "r", task)["metrics"]
        values = found["results"][task]
        for name, metric in metrics.items():
            assert values[f"{name},none"] == metric["value"]
            assert values[f"{name}_stderr,none"] == metric["stderr"]
            assert values[f"{name}_stderr_clustered,none"] == metric["stderr"]
    assert found["n-samples"]["inst_it_image_mc"] == {"original": 16, "effective": 16}
    assert found["higher_is_better"]["gpt4tools_seen"]["format_error_rate"] is False
    assert found["configs"]["inst_it_image_mc"]["doc_to_text"] == "utils.doc_to_text_mc"
    assert found["config"]["instit_bench"]["marks"]["gpt4tools_seen"] == ["demo"]


def test_the_export_is_deterministic(cli, tmp_path):
    cli(*RUN, "--data", "demo", "--tasks", "inst_it_image_mc")
    cli(*EXPORT)
    once = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.json*")}
    cli(*EXPORT)
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.json*")} == once
    assert len(once) == 2


def test_without_output_the_files_are_written_to_the_run_directory(cli, tmp_path):
    cli(*RUN, "--data", "demo", "--tasks", "inst_it_image_mc")
    assert cli("export", "results/r", "--format", "lmms-eval").returncode == 0
    assert len(list((tmp_path / "results/r/export/lmms-eval/random").iterdir())) == 2


def test_a_metric_without_samples_is_left_out(cli, tmp_path):
    cli(*RUN, "--data", "demo", "--tasks", "inst_it_image_oe")
    cli(*EXPORT)
    values = load(results_file(tmp_path))["results"]["inst_it_image_oe"]
    assert {name for name in values if "official_score" in name} == set()
    assert "id_f1,none" in values


def test_a_failed_sample_has_a_reason_but_no_prediction_and_no_metrics(cli, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(demo_data(), data)
    (data / "Inst-It-Bench/images_vpt/002.jpg").write_bytes(b"no picture")
    cli(*RUN, "--data", data, "--tasks", "inst_it_image_mc")
    assert cli(*EXPORT).returncode == 0
    rows = lines(samples_file(tmp_path, "inst_it_image_mc"))
    failed = [row for row in rows if row["state"] == "infer_error"]
    assert [row["doc_id"] for row in failed] == [2, 3]
    for row in failed:
        assert "002.jpg" in row["error"]
        assert not {"filtered_resps", "score", "accuracy", "official_accuracy"} & set(row)
    cli("score", samples_file(tmp_path, "inst_it_image_mc"), "--task", "inst_it_image_mc")
    again = task_of(tmp_path, "random-inst_it_image_mc", "inst_it_image_mc")
    assert again["states"] == task_of(tmp_path, "r", "inst_it_image_mc")["states"]
    assert again["states"]["infer_error"] == 2


CALL = {"name": "Detect the Give Object", "arguments": '{"image": "image/a.png"}'}


@pytest.mark.parametrize(
    "nested",
    [
        {"type": "function", "function": CALL},
        {"id": "c1", "function": CALL | {"arguments": {"image": "image/a.png"}}},
    ],
)
def test_tool_calls_may_be_nested_as_in_the_protocol(cli, tmp_path, nested):
    cli(*RUN, "--data", "demo", "--tasks", "gpt4tools_seen")
    rows = lines(tmp_path / "results/r/samples/gpt4tools_seen.jsonl")
    found = {}
    for name, call in (("flat", CALL), ("nested", nested)):
        rows[0] |= {"prediction": "", "tool_calls": [call]}
        rewrite(tmp_path / f"{name}.jsonl", rows)
        done = cli("score", f"{name}.jsonl", "--task", "gpt4tools_seen", "--name", name)
        assert done.returncode == 0, done.stderr
        found[name] = task_of(tmp_path, name, "gpt4tools_seen")["metrics"]
    assert found["nested"] == found["flat"]


def test_truncation_and_tool_calls_survive(cli, tmp_path):
    """A reply truncated at the limit, and native tool calls."""
    cli(*RUN, "--data", "demo", "--tasks", "inst_it_image_mc,gpt4tools_seen")
    journal = tmp_path / "results/r/samples/inst_it_image_mc.jsonl"
    rows = lines(journal)
    rows[0] |= {"prediction": "The answer is", "finish_reason": "length"}
    rewrite(tmp_path / "mc.jsonl", rows)
    rows = lines(tmp_path / "results/r/samples/gpt4tools_seen.jsonl")
    call = {"name": "Detect the Give Object", "arguments": '{"image": "image/a.png"}'}
    rows[0] |= {"prediction": "", "tool_calls": [call]}
    rewrite(tmp_path / "tools.jsonl", rows)
    for file, task in (("mc", "inst_it_image_mc"), ("tools", "gpt4tools_seen")):
        assert cli("score", f"{file}.jsonl", "--task", task, "--name", file).returncode == 0
        done = cli("export", f"results/{file}", "--format", "lmms-eval", "--output", "out")
        assert done.returncode == 0, done.stderr
        cli("score", samples_file(tmp_path, task), "--task", task, "--name", "again")
        again = task_of(tmp_path, "again", task)
        assert again["metrics"] == task_of(tmp_path, file, task)["metrics"]
        assert again["states"] == task_of(tmp_path, file, task)["states"]
    assert task_of(tmp_path, "mc", "inst_it_image_mc")["states"]["truncated"] == 1


def rewrite(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.mark.parametrize(
    ("selection", "places"),
    [(["--limit", "3"], [0, 1, 2]), (["--sample-id", "003-02", "--sample-id", "001-02"], [1, 5])],
)
def test_doc_id_is_the_position_in_the_whole_dataset(cli, tmp_path, selection, places):
    cli(*RUN, "--data", "demo", "--tasks", "inst_it_image_mc", *selection)
    assert cli(*EXPORT).returncode == 0
    rows = lines(samples_file(tmp_path, "inst_it_image_mc"))
    assert [row["doc_id"] for row in rows] == places
    found = load(results_file(tmp_path))
    assert found["n-samples"]["inst_it_image_mc"] == {"original": 16, "effective": len(places)}
    assert found["config"]["limit"] == len(places)


def test_part_of_a_local_dataset_needs_its_folder(cli, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(demo_data(), data)
    cli(*RUN, "--data", data, "--tasks", "inst_it_image_mc", "--limit", "2")
    done = cli(*EXPORT)
    assert done.returncode == 2
    assert "inst_it_image_mc: the run has 2 of 16 samples; name its data with --data" in done.stderr
    assert not (tmp_path / "out").exists()
    records = data / "Inst-It-Bench/image_multi_choices.json"
    assert cli(*EXPORT, "--data", data).returncode == 0
    records.write_text(records.read_text().replace("shirt", "jacket"))
    done = cli(*EXPORT, "--data", data)
    assert done.returncode == 2
    assert f"--data {data} is not the data of this run" in done.stderr


@pytest.mark.parametrize(
    ("model", "folder"),
    [
        ("lmms-lab/llava-onevision-7b", "lmms-lab__llava-onevision-7b"),
        ("/models/a/b:c*", "a__b__c__"),
        ("..", "model"),
        ("../..", "..__.."),
    ],
)
def test_model_names_cannot_escape_the_folder(cli, tmp_path, model, folder):
    row = {"id": "001-01", "state": "scored", "prediction": "A", "target": "A"}
    rewrite(tmp_path / "samples.jsonl", [row])
    cli("score", "samples.jsonl", "--task", "inst_it_image_mc", "--model", model, "--name", "m")
    done = cli("export", "results/m", "--format", "lmms-eval", "--output", "out/here")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["here"]
    assert [path.name for path in (tmp_path / "out/here").iterdir()] == [folder]
    assert load(results_file(tmp_path))["model_name"] == model


def test_a_folder_without_a_run_is_one_clear_error(cli, tmp_path):
    done = cli("export", tmp_path, "--format", "lmms-eval")
    assert done.returncode == 2
    assert "is not a run directory" in done.stderr


@pytest.mark.parametrize("to", ["lmms-eval", "inspect"])
def test_a_run_without_a_start_time_is_one_clear_error(cli, tmp_path, to):
    cli(*RUN, "--data", "demo", "--tasks", "inst_it_image_mc", "--limit", "1")
    manifest = tmp_path / "results/r/manifest.json"
    manifest.write_text(json.dumps(load(manifest) | {"created": "yesterday"}))
    done = cli("export", "results/r", "--format", to)
    assert done.returncode == 2
    assert "manifest.json: field 'created' is not a valid time" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1

"""``score`` on lmms-eval's sample logs: matching lines to samples, reading replies and models."""

from __future__ import annotations

import json

import pytest

TASK = "inst_it_image_mc"
GIVEN = {"001-01": "D", "001-02": "B", "002-01": "[3]"}  # targets C, B and C


def load(path):
    return json.loads(path.read_text())


def journal(tmp_path, run, task=TASK):
    text = (tmp_path / f"results/{run}/samples/{task}.jsonl").read_text()
    return {row["id"]: row for row in map(json.loads, text.splitlines())}


def metrics(tmp_path, run, task):
    return load(tmp_path / f"results/{run}/results.json")["tasks"][task]["metrics"]


def line(place, target, reply, **more):
    """Return a line as in lmms-eval 0.7.3: no record, a single reply not in a list, null counts."""
    return {
        "doc_id": place,
        "target": target,
        "filtered_resps": reply,
        "token_counts": [None],
        "doc_hash": "74234e98",
        "input": "What?",
        "accuracy": 0.0,
        **more,
    }


def write_log(folder, rows, task=TASK):
    folder.mkdir(exist_ok=True)
    path = folder / f"20261121_194257_samples_{task}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


LOG = (line(0, "C", "D"), line(1, "B", "B"), line(2, "C", "[3]"))


def test_lines_are_matched_by_position_in_the_dataset(cli, tmp_path):
    log = write_log(tmp_path / "logs", LOG)
    done = cli("score", log, "--task", TASK, "--data", "demo", "--name", "s")
    assert done.returncode == 0, done.stderr
    records = journal(tmp_path, "s")
    assert {name: records[name]["prediction"] for name in GIVEN} == GIVEN
    assert records["001-01"]["scores"]["official_accuracy"] == 0.0
    assert records["001-02"]["scores"]["official_accuracy"] == 1.0
    task = load(tmp_path / "results/s/results.json")["tasks"][TASK]
    assert task["states"]["not_run"] == 13
    assert "13 missing from the file" in done.stdout
    assert "file" not in task["marks"]


def test_without_the_dataset_a_log_without_records_says_what_to_do(cli, tmp_path):
    log = write_log(tmp_path / "logs", LOG)
    done = cli("score", log, "--task", TASK)
    assert done.returncode == 2
    assert f"{log}: this lmms-eval log has no questions; name the dataset" in done.stderr


def test_an_id_in_a_metric_value_takes_precedence_over_the_position(cli, tmp_path):
    rows = [
        line(place, row["target"], row["filtered_resps"])
        | {"accuracy": {"score": 0.0, "question_id": name, "media_id": "001"}}
        for place, (name, row) in enumerate(reversed([*zip(GIVEN, LOG, strict=True)]))
    ]
    log = write_log(tmp_path / "logs", rows)
    assert cli("score", log, "--task", TASK, "--data", "demo", "--name", "s").returncode == 0
    records = journal(tmp_path, "s")
    assert {name: records[name]["prediction"] for name in GIVEN} == GIVEN


def test_a_log_with_records_needs_no_dataset(cli, tmp_path):
    """The records have the hub's columns, which lack the image that questions share."""
    doc = {"question": "Which?", "choice_a": "a", "choice_b": "b", "choice_c": "c", "answer": "B"}
    rows = [
        line(0, "B", "B", doc=doc | {"question_id": "007-01", "choice_d": "d"}),
        line(1, "B", "c", doc=doc | {"question_id": "007-02"}),
    ]
    log = write_log(tmp_path / "logs", rows)
    done = cli("score", log, "--task", TASK, "--name", "s")
    assert done.returncode == 0, done.stderr
    records = journal(tmp_path, "s")
    assert {name: row["cluster"] for name, row in records.items()} == {
        "007-01": "007",
        "007-02": "007",
    }
    assert records["007-01"]["choices"] == ["a", "b", "c", "d"]
    assert records["007-02"]["choices"] == [], "options are either all known or all unknown"
    assert load(tmp_path / "results/s/results.json")["tasks"][TASK]["marks"] == ["file"]


def test_tool_use_logs_are_read_with_and_without_records(cli, tmp_path):
    task = "gpt4tools_seen"
    baseline = ["run", "--backend", "baseline", "--model", "random", "--data", "demo"]
    cli(*baseline, "--tasks", task, "--name", "first")
    first = journal(tmp_path, "first", task)
    rows = [line(n, row["target"], row["prediction"]) for n, row in enumerate(first.values())]
    docs = [
        {"id": int(name), "instruction": row["question"], "output": row["target"]}
        for name, row in first.items()
    ]
    with_docs = [row | {"doc": doc} for row, doc in zip(rows, docs, strict=True)]
    for folder, found, data in (("a", rows, ["--data", "demo"]), ("b", with_docs, [])):
        log = write_log(tmp_path / folder, found, task)
        assert cli("score", log, "--task", task, "--name", folder, *data).returncode == 0
        assert metrics(tmp_path, folder, task) == metrics(tmp_path, "first", task)


@pytest.mark.parametrize(
    ("change", "told", "origin"),
    [
        ({}, [], "own"),
        ({1: "What?"}, [], "unknown"),
        ({1: None}, [], "own"),
        ({0: None, 1: None, 2: None}, [], "unknown"),
        ({0: 3, 1: 3, 2: 3}, [], "unknown"),
        ({}, ["--prompts", "official"], "official"),
    ],
    ids=["ours", "one other", "one missing", "none", "no texts", "the user knows better"],
)
def test_the_source_of_the_prompts_is_detected_from_the_requests(
    cli, tmp_path, change, told, origin
):
    run = ["run", "--backend", "baseline", "--model", "random", "--data", "demo", "--limit", "3"]
    assert cli(*run, "--tasks", TASK, "--name", "first").returncode == 0
    prompts = [row["prompt"] for row in journal(tmp_path, "first").values()]
    rows = [
        {**row, "input": change.get(place, prompt)}
        for place, (row, prompt) in enumerate(zip(LOG, prompts, strict=True))
    ]
    log = write_log(tmp_path / "logs", rows)
    done = cli("score", log, "--task", TASK, "--data", "demo", "--name", "s", *told)
    assert done.returncode == 0, done.stderr
    task = load(tmp_path / "results/s/results.json")["tasks"][TASK]
    assert task["prompts"] == origin
    assert ("own-prompts" in task["marks"]) == (origin == "own")


ASKED = {"max_new_tokens": 128, "temperature": 0, "do_sample": False, "until": []}


@pytest.mark.parametrize(
    ("kwargs", "interface", "refused"),
    [
        (ASKED, "(chat)", None),
        (ASKED | {"temperature": 0.7}, "(chat)", None),  # irrelevant without sampling
        (ASKED | {"do_sample": True, "temperature": 0.7}, "(chat)", "temperature: 0.0 against 0.7"),
        (ASKED | {"max_new_tokens": 16}, "(chat)", "max_tokens: 128 against 16"),
        (ASKED | {"until": "\n"}, "(chat)", "stop: none against"),
        (ASKED, "(simple)", "prompt_style: chat against raw"),
        (ASKED, "", "against not known"),
        ({"max_new_tokens": "many"}, "(chat)", "against not known"),
        (None, "(chat)", "against not known"),
    ],
)
def test_settings_are_read_from_the_results_file_beside_the_log(
    cli, tmp_path, kwargs, interface, refused
):
    run = ["run", "--backend", "baseline", "--model", "random", "--data", "demo", "--limit", "3"]
    assert cli(*run, "--tasks", TASK, "--name", "ours").returncode == 0
    prompts = [row["prompt"] for row in journal(tmp_path, "ours").values()]
    rows = [row | {"input": prompt} for row, prompt in zip(LOG, prompts, strict=True)]
    log = write_log(tmp_path / "logs", rows)
    told = {
        "config": {"model": "theirs", "model_backend": f"some.Adapter {interface}"},
        "configs": {TASK: {"generation_kwargs": kwargs}},
    }
    (tmp_path / "logs/20261121_194257_results.json").write_text(json.dumps(told))
    assert cli("score", log, "--task", TASK, "--data", "demo").returncode == 0
    done = cli("compare", "results/ours", f"results/theirs-{TASK}")
    assert done.returncode == (3 if refused else 0), done.stderr
    assert (refused or "") in done.stderr


@pytest.mark.parametrize(
    ("replies", "taken"),
    [
        ({"filtered_resps": ["B"]}, "B"),
        ({"filtered_resps": [["B"]]}, "B"),
        ({"filtered_resps": "B", "resps": ["<think>C</think>B"]}, "<think>C</think>B"),
        ({"filtered_resps": "B", "resps": [["C", "B"]]}, "B"),
        ({"filtered_resps": [], "resps": [["B"]]}, "B"),
        ({"resps": ["B", "C"]}, "B"),
        ({"filtered_resps": ""}, ""),
        ({"filtered_resps": None}, None),
        ({"filtered_resps": [[]], "resps": []}, None),
        ({}, None),
    ],
)
def test_a_single_reply_counts_unfiltered_and_of_several_the_filtered_one(
    cli, tmp_path, replies, taken
):
    bare = {"doc_id": 1, "target": "B"}
    log = write_log(tmp_path / "logs", [bare | replies])
    done = cli("score", log, "--task", TASK, "--data", "demo", "--name", "s")
    assert done.returncode == 0, done.stderr
    record = journal(tmp_path, "s")["001-02"]
    assert record["prediction"] == taken
    if taken is None:
        assert (record["state"], record["reason"]) == ("not_run", "missing_prediction")


def test_repeats_and_duplicate_lines_are_reported(cli, tmp_path):
    several = line(3, "D", "D", resps=[["D", "A"]]), line(4, "B", ["B", "A"])
    rows = [*LOG, line(0, "C", "C"), *several]
    log = write_log(tmp_path / "logs", rows)
    done = cli("score", log, "--task", TASK, "--data", "demo", "--name", "s")
    assert done.returncode == 0, done.stderr
    notes = load(tmp_path / "results/s/results.json")["tasks"][TASK]["notes"]
    assert notes[1:] == [
        "1 doubled in the file (the last one counts): 001-01",
        "2 with several replies (the first one counts)",
    ]
    assert journal(tmp_path, "s")["001-01"]["prediction"] == "C"


@pytest.mark.parametrize(
    ("beside", "model"),
    [
        ({"model_name": "lmms-lab/llava", "config": {"model": "llava"}}, "lmms-lab/llava"),
        ({"model_name": "", "config": {"model": "dummy"}}, "dummy"),
        ({"config": 3}, None),
        (None, None),
    ],
)
def test_the_model_is_read_from_the_results_file_beside_the_log(cli, tmp_path, beside, model):
    log = write_log(tmp_path / "logs", LOG)
    if beside is not None:
        (tmp_path / "logs/20261121_194257_results.json").write_text(json.dumps(beside))
    assert cli("score", log, "--task", TASK, "--data", "demo").returncode == 0
    (run,) = (tmp_path / "results").iterdir()
    assert load(run / "results.json")["model"] == (model or log.stem)
    # One log per task: the task is in the folder's name or in the log's name.
    assert TASK in run.name
    done = cli("score", log, "--task", TASK, "--data", "demo", "--model", "mine", "--name", "n")
    assert done.returncode == 0, done.stderr
    assert load(tmp_path / "results/n/results.json")["model"] == "mine"


DOC = {"question_id": "1-1", "question": "Q?", "answer": "B"}


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (line(99, "C", "D"), "no such sample among the dataset's 16"),
        (line(-1, "C", "D"), "no such sample among the dataset's"),
        (line(0, "A", "D"), "field 'target' is 'A', and the dataset's sample 001-01 has 'C'"),
        (line("0", "C", "D"), "field 'doc_id' must be a whole number, found '0'"),
        (line(0, 3, "D"), "field 'target' must be text, found 3"),
        (line(0, "C", 3), "field 'filtered_resps' must be text or lists of text, found 3"),
        (line(0, "C", "\ud800"), "holds half a character"),
        (line(0, "C", "", state="infer_error"), "field 'state' is infer_error, but it has a reply"),
        (line(0, "C", "D", tool_calls=[{"function": 3}]), "field 'tool_calls' must be a list"),
        (line(0, "C", "D", tool_calls=[3]), "field 'tool_calls' must be a list of objects"),
        (line(0, "B", "D", doc=[3]), "field 'doc' must be an object"),
        (line(0, "B", "D", doc=DOC | {"question_id": None}), "field 'question_id' must be"),
        (line(0, "B", "D", doc={"answer": "B"}), "field 'doc.question_id' is missing"),
        (line(0, "B", "D", doc=DOC | {"question": 3}), "doc: field 'question' must be text"),
        (line(0, "Z", "D", doc=DOC), "field 'target' must be A, B, C or D, not 'Z'"),
    ],
)
def test_a_broken_line_is_an_error_that_names_record_and_field(cli, tmp_path, row, told):
    good = {"doc": DOC | {"question_id": "1-2"}} if "doc" in row else {}
    log = write_log(tmp_path / "logs", [line(1, "B", "B", **good), row])
    done = cli("score", log, "--task", TASK, *([] if "doc" in row else ["--data", "demo"]))
    assert done.returncode == 2
    assert told in done.stderr
    assert f"{log}: record 2" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1

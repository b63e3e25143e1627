"""``run --until-verdict`` and ``check --adaptive``: a gate that asks no more than it needs."""

from __future__ import annotations

import json
import random
import shutil
import threading
import zlib
from collections import Counter

import pytest

from instit_bench.comparison.gate import RunGate
from instit_bench.runs.journal import Journal
from scripts.gate_simulation import VIDEOS
from tests.command_line import cli_in
from tests.openai_server import Reply, openai_server

TASK = """
task: videos
dataset_path: json
dataset_kwargs: {data_files: videos.json}
doc_to_text: question
doc_to_target: answer
process_results: !function utils.process_results
metric_list:
  - {metric: hits, aggregation: mean, higher_is_better: true}
cluster_key: video
"""
# A model is a word that every prediction consists of; the data say where that word is right.
SCORE = """
def process_results(doc, results):
    return {"hits": float(results[0] in doc["right"])}
"""
GOOD, BAD = "text:good", "text:bad"


def questions():
    """1,001 questions about 206 videos, as in the benchmark; ``bad`` loses a part of them."""
    rng = random.Random(1)
    docs, video = [], 0
    for size, counts in VIDEOS.items():
        for right, count in enumerate(counts):
            for _ in range(count):
                video += 1
                for number in range(size):
                    words = ["good", "same", "bad"] if number < right else []
                    if "bad" in words and rng.random() < 0.3:
                        words.remove("bad")
                    docs.append(
                        {
                            "id": f"{video:03}-{number}",
                            "video": f"{video:03}",
                            "question": f"What is {number} in {video}?",
                            "answer": "x",
                            "right": words,
                        }
                    )
    return docs


OPTIONS = ("--backend", "baseline", "--include-path", "plugin", "--tasks", "videos")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Return a folder with the plugin, and the good model's run and baseline."""
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "plugin").mkdir()
    (folder / "plugin/videos.yaml").write_text(TASK)
    (folder / "plugin/utils.py").write_text(SCORE)
    (folder / "plugin/videos.json").write_text(json.dumps(questions()))
    cli = cli_in(folder)
    done = cli("run", "--model", GOOD, "--name", "old", *OPTIONS)
    assert done.returncode == 0, done.stderr
    assert cli("baseline", "save", "results/old", "--output", "old.json").returncode == 0
    return folder


@pytest.fixture
def run(cli, tmp_path, prepared):
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    return lambda model, name, *more: cli("run", "--model", model, "--name", name, *OPTIONS, *more)


def manifest(tmp_path, name):
    return json.loads((tmp_path / f"results/{name}/manifest.json").read_text())


def asked(tmp_path, name):
    return (tmp_path / f"results/{name}/samples/videos.jsonl").read_text().splitlines()


def test_a_run_stops_early_is_completed_and_gives_the_full_verdict(run, cli, tmp_path):
    done = run(BAD, "new", "--until-verdict", "--baseline", "old.json")
    assert done.returncode == 0, done.stderr
    assert ": regression (obf)" in done.stderr
    kept = manifest(tmp_path, "new")
    assert kept["status"] == "settled"
    looks, stopped_at = kept["looks"], kept["looks"]["stopped_at"]
    assert (looks["seed"], looks["verdict"], looks["rule"]) == (0, "regression", "obf")
    assert looks["clusters"]["videos"][-1] == 206
    assert looks["bounds"]["videos"][-1] == pytest.approx(2.12, abs=0.01)
    assert stopped_at < 6
    early = asked(tmp_path, "new")
    assert looks["samples"]["videos"][stopped_at - 1] <= len(early) < 1001
    _says_that_it_is_incomplete(cli, tmp_path)

    replayed = cli("check", "results/new", "--adaptive", "--baseline", "old.json", COLUMNS="200")
    assert replayed.returncode == 1, replayed.stderr
    assert f"settled at look {stopped_at} of 10" in replayed.stdout
    assert cli("check", "results/new", "--baseline", "old.json").returncode == 3  # coverage

    assert run(BAD, "new").returncode == 0
    assert len(asked(tmp_path, "new")) == 1001
    assert manifest(tmp_path, "new")["status"] == "finished"
    assert cli("check", "results/new", "--baseline", "old.json").returncode == 1
    again = cli("check", "results/new", "--adaptive", "--baseline", "old.json", COLUMNS="200")
    assert (again.returncode, again.stdout) == (1, replayed.stdout)


def _says_that_it_is_incomplete(cli, tmp_path):
    compared = cli("compare", "results/old", "results/new", COLUMNS="200").stdout
    assert "B is incomplete: stopped at look" in compared
    board = cli("leaderboard", "results/new", COLUMNS="200").stdout
    assert "not every sample is scored" in board
    assert "stopped early by --until-verdict" in board
    saved = cli("baseline", "save", "results/new", "--output", "new.json")
    assert saved.returncode == 2
    assert "the run is settled" in saved.stderr


@pytest.mark.parametrize("rule", ["obf", "curtailed", "cs"])
def test_an_equal_model_passes_early_by_every_rule(run, cli, tmp_path, rule):
    gate = ("--until-verdict", "--baseline", "old.json", "--stop-rule", rule)
    done = run("text:same", "new", *gate)
    assert ": passed (" in done.stderr
    assert (", early)" in done.stderr) == (rule == "curtailed")
    assert len(asked(tmp_path, "new")) < 1001
    checked = cli("check", "results/new", "--adaptive", "--baseline", "old.json", COLUMNS="220")
    assert checked.returncode == 0
    assert "a drop of 0.05 is ruled out" in checked.stdout


def test_a_stopped_run_goes_on_from_a_later_look(run, tmp_path):
    gate = ("--until-verdict", "--baseline", "old.json")
    run("text:same", "new", *gate)
    first = len(asked(tmp_path, "new"))
    assert run("text:same", "new", *gate).returncode == 0
    assert len(asked(tmp_path, "new")) == first  # it was settled before the first request
    run("text:same", "new", *gate, "--first-look", "9")
    assert len(asked(tmp_path, "new")) > first
    assert manifest(tmp_path, "new")["looks"]["stopped_at"] == 9
    other = run("text:same", "new", *gate, "--order-seed", "1")
    assert other.returncode == 3
    assert "--until-verdict: seed was 0, now 1" in other.stderr


def test_no_sample_is_read_at_two_looks(run, tmp_path, monkeypatch):
    """Looks are on the event loop, so the last may not take ten times as long as the first."""
    read = Counter()
    looking = False
    record_of, settled = Journal.__getitem__, RunGate.settled

    def counted(journal, sample):
        read[sample] += looking
        return record_of(journal, sample)

    def look(*args):
        nonlocal looking
        looking = True
        try:
            return settled(*args)
        finally:
            looking = False

    monkeypatch.setattr(Journal, "__getitem__", counted)
    monkeypatch.setattr(RunGate, "settled", look)
    run("text:same", "new", "--until-verdict", "--baseline", "old.json", "--concurrency", "1")
    looks = manifest(tmp_path, "new")["looks"]
    assert looks["stopped_at"] > 1
    by_then = looks["samples"]["videos"][looks["stopped_at"] - 1]
    assert Counter(times for times in read.values() if times) == {1: by_then}


def test_images_and_videos_are_asked_whole(run, tmp_path):
    run("text:same", "new", "--until-verdict", "--baseline", "old.json")
    looks = manifest(tmp_path, "new")["looks"]
    found = {json.loads(line)["cluster"] for line in asked(tmp_path, "new")}
    assert len(found) >= looks["clusters"]["videos"][looks["stopped_at"] - 1]
    sizes = {doc["video"]: 0 for doc in questions()}
    for doc in questions():
        sizes[doc["video"]] += 1
    whole = sum(sizes[video] for video in found)
    assert whole - len(asked(tmp_path, "new")) < 9  # at most the video in flight


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--until-verdict",), 2, "--until-verdict needs --baseline"),
        (("--baseline", "old.json"), 2, "--baseline is only used with --until-verdict"),
        (("--until-verdict", "--baseline", "no.json"), 2, "no.json: run directory or baseline"),
        (("--until-verdict", "--baseline", "old.json", "--margin", "5"), 2, "--margin"),
        (
            ("--until-verdict", "--baseline", "old.json", "--policy", "mean.yaml"),
            2,
            "mean.yaml: videos: hits has gate: mean, which has no interval",
        ),
        (
            ("--until-verdict", "--baseline", "old.json", "--max-tokens", "7"),
            3,
            "videos: max_tokens",
        ),
    ],
)
def test_what_no_look_could_settle_is_refused_before_the_first_request(
    run, tmp_path, options, code, said
):
    (tmp_path / "mean.yaml").write_text("defaults: {gate: mean}\n")
    done = run(BAD, "new", *options)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results/new").exists()


def test_a_refused_gate_leaves_the_earlier_run_where_it_is(run, tmp_path):
    run(BAD, "new")
    gate = ("--until-verdict", "--baseline", "old.json", "--fresh")
    refused = run(BAD, "new", *gate, "--max-tokens", "7")
    assert refused.returncode == 3
    assert [folder.name for folder in sorted((tmp_path / "results").iterdir())] == ["new", "old"]
    assert manifest(tmp_path, "new")["status"] == "finished"
    assert run(BAD, "new", *gate).returncode == 0
    assert manifest(tmp_path, "new")["looks"]["verdict"] == "regression"


def test_a_complete_run_without_looks_can_be_replayed_by_any_rule(run, cli):
    run(BAD, "new")
    command = ("check", "results/new", "--adaptive", "--baseline", "old.json")
    found = cli(*command, "--stop-rule", "curtailed", COLUMNS="200")
    assert found.returncode == 1
    assert "early, settled at look" in found.stdout
    assert cli(*command, "--order-seed", "3").returncode == 1
    assert cli(*command, "--stop-rule", "x").returncode == 2
    assert cli("check", "results/new", "--margin", "0.1").returncode == 2


def test_a_judged_task_needs_a_judge_that_answers_during_the_run(cli):
    common = ("run", "--model", "echo-gold", "--backend", "baseline", "--data", "demo")
    common += ("--tasks", "inst_it_image_oe")
    assert cli(*common, "--judge", "lexical", "--name", "old").returncode == 0
    gate = ("--until-verdict", "--baseline", "results/old", "--name", "new")
    refused = cli(*common, *gate)
    assert refused.returncode == 2
    assert "inst_it_image_oe gets no scores while the run goes on: no --judge" in refused.stderr
    done = cli(*common, *gate, "--judge", "lexical")
    assert done.returncode == 0, done.stderr
    assert "look 10 of 10" in done.stderr or ": passed" in done.stderr


def test_looks_wait_for_verdicts_that_an_earlier_process_did_not_get(cli, tmp_path):
    common = ("run", "--model", "echo-gold", "--backend", "baseline", "--data", "demo")
    common += ("--tasks", "inst_it_image_oe", "--judge", "openai:j", "--judge-base-url")
    out_of_order = threading.Event()

    def judge(_):
        return Reply(status=401) if out_of_order.is_set() else Reply('{"sample_score": 1}')

    with openai_server(judge) as server:
        gate = (server.base_url, "--until-verdict", "--baseline", "results/old", "--name")
        assert cli(*common, server.base_url, "--name", "old").returncode == 0
        assert cli(*common, *gate, "whole").returncode == 0
        assert cli("judge", "cache", "clear").returncode == 0
        out_of_order.set()
        assert cli(*common, *gate, "new").returncode == 1
        assert manifest(tmp_path, "new")["looks"]["verdict"] is None
        out_of_order.clear()
        resumed = cli(*common, *gate, "new")
    assert resumed.returncode == 0, resumed.stderr
    stopped = [manifest(tmp_path, name)["looks"]["stopped_at"] for name in ("whole", "new")]
    assert stopped[0] is not None
    assert stopped[0] == stopped[1]


def test_nothing_passes_while_too_many_samples_failed(cli, tmp_path, prepared):
    """Failures are left out, not counted as wrong, so what they hide could be a drop."""
    fails = threading.Event()

    def answer(body):
        if fails.is_set() and zlib.crc32(json.dumps(body["messages"]).encode()) % 5 == 0:
            return Reply(status=400)
        return Reply("same")

    gate = ("--until-verdict", "--baseline", "old.json", "--fail-on-error", "0.5", "--limit", "200")
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    with openai_server(answer) as server:
        asked = ("run", "--model", "m", "--name", "new", "--backend", "openai", *OPTIONS[2:], *gate)
        asked += ("--base-url", server.base_url)
        fails.set()
        done = cli(*asked)
        assert done.returncode == 0, done.stderr
        assert ": passed" not in done.stderr
        assert "look 10 of 10, 200 of 200 samples: not settled yet" in done.stderr
        command = ("check", "results/new", "--adaptive", "--baseline", "old.json")
        assert cli(*command).returncode == 3
        fails.clear()
        assert ": passed" in cli(*asked).stderr  # the failed ones are asked again
    assert cli(*command).returncode == 0

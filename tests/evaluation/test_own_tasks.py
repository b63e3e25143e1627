"""A user's task, by ``--include-path``: its metrics count as it declares them."""

from __future__ import annotations

import json
import re

import pytest

from tests.command_line import REPOSITORY

TASK = """
task: colours
dataset_path: json
dataset_kwargs: {data_files: colours.json}
doc_to_text: question
doc_to_target: answer
process_results: !function utils.process_results
metric_list:
  - {metric: mistakes, aggregation: mean, higher_is_better: false}
"""
SCORE = """
def process_results(doc, results):
    return {"mistakes": float(results[0] != doc["answer"])}
"""
DOCS = [{"id": n, "question": f"What colour is {n}?", "answer": "blue"} for n in range(1, 11)]


@pytest.fixture
def run(cli, tmp_path):
    """Return a function that runs a baseline model on the task, scored by this code."""

    def run(model, name, utils=SCORE, *more, **env):
        folder = tmp_path / "colours"
        folder.mkdir(exist_ok=True)
        (folder / "colours.yaml").write_text(TASK)
        (folder / "utils.py").write_text(utils)
        (folder / "colours.json").write_text(json.dumps(DOCS))
        options = ("--backend", "baseline", "--include-path", "colours", "--tasks", "colours")
        return cli("run", "--model", model, "--name", name, *options, *more, **env)

    return run


def test_a_metric_where_lower_is_better_is_ordered_correctly_everywhere(run, cli, tmp_path):
    for model, name in (("echo-gold", "good"), ("text:red", "bad")):
        done = run(model, name)
        assert done.returncode == 0, done.stderr
    assert "colours_mistakes" in done.stdout  # the row is not empty
    worse = cli("compare", "results/good", "results/bad", COLUMNS="160")
    assert "10 right to wrong, 0 wrong to right" in worse.stdout
    better = cli("compare", "results/bad", "results/good", COLUMNS="160")
    assert "0 right to wrong, 10 wrong to right" in better.stdout
    cli("report", "results/good", "results/bad", "--output", "report.html")
    page = (tmp_path / "report.html").read_text()
    assert '<span class="quiet">lower is better</span>' in page
    data = json.loads(page.split('<script type="application/json" id="data">')[1].split("<")[0])
    assert [a["right"] for s in data["samples"] for a in s["answers"]] == [1, 0] * 10
    cli("leaderboard", "results/good", "results/bad", "--html", "board.html")
    board = (tmp_path / "board.html").read_text()
    assert "data-lower" in board
    assert "mistakes of task colours, lower is better" in board


def test_an_undeclared_metric_is_an_error_that_names_it(run):
    done = run("first", "r", SCORE.replace('"mistakes"', '"misteaks"'))
    assert done.returncode == 2
    error = done.stderr.splitlines()[-1]
    assert re.search(
        r"colours\.yaml: task colours: sample \d+: process_results returns metric 'misteaks'", error
    )
    assert "'metric_list' does not declare" in error
    assert "Traceback" not in done.stderr


def test_a_task_selects_metrics_of_its_scorer_and_the_journal_keeps_all(cli, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "strict.yaml").write_text(
        f"include: {REPOSITORY}/tasks/inst_it_bench/inst_it_image_mc.yaml\n"
        "task: strict\nmetric_list: [{metric: accuracy}]\n"
    )
    options = ("--backend", "baseline", "--data", "demo", "--include-path", "own")
    done = cli("run", "--model", "echo-gold", *options, "--tasks", "strict", "--name", "r")
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "results/r/results.json").read_text())["tasks"]["strict"]
    assert {name: metric["value"] for name, metric in results["metrics"].items()} == {"accuracy": 1}
    journal = (tmp_path / "results/r/samples/strict.jsonl").read_text().splitlines()
    assert {"accuracy", "official_accuracy"} <= json.loads(journal[0])["scores"].keys()


@pytest.mark.parametrize(
    "utils",
    ["import sys\nsys.exit(0)", "def process_results(doc, results):\n    raise SystemExit(0)"],
    ids=["on import", "when it scores"],
)
def test_a_plugin_that_exits_is_an_error_not_a_success(run, utils):
    done = run("echo-gold", "exits", utils)
    assert done.returncode == 2
    assert "colours.yaml: " in done.stderr.splitlines()[-1]


def test_the_traceback_behind_an_error_is_shown_on_request(run):
    utils = "def process_results(doc, results):\n    return doc['colour']"
    assert "Traceback" not in run("echo-gold", "r", utils).stderr
    for shown in (
        run("echo-gold", "r", utils, INSTIT_BENCH_DEBUG="1").stderr,
        run("echo-gold", "r", utils, "--debug").stderr,
    ):
        assert "KeyError: 'colour'" in shown
        assert "return doc['colour']" in shown

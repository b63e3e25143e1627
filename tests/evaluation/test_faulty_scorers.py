"""A plugin's scorer may fail in any way: no prediction is lost, and ``rescore`` makes up for it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from instit_bench.scorers.registry import SCORERS
from tests.command_line import REPOSITORY, cli_environment
from tests.openai_server import Reply, openai_server

TASK = """
task: colours
dataset_path: json
dataset_kwargs: {data_files: colours.json}
doc_to_text: question
doc_to_target: answer
process_results: !function utils.process_results
metric_list: [{metric: exact}]
"""
GOOD = """
def process_results(doc, results):
    return {"exact": float(results[0] == doc["answer"])}
"""
DOCS = [{"id": n, "question": f"What colour is {n}?", "answer": "blue"} for n in range(8)]


@pytest.fixture
def plugin(tmp_path):
    """Return a function that writes the plugin with this scorer."""

    def write(utils, task=TASK):
        folder = tmp_path / "colours"
        folder.mkdir(exist_ok=True)
        (folder / "colours.yaml").write_text(task)
        (folder / "colours.json").write_text(json.dumps(DOCS))
        # A distinct length: Python takes a module of the same size and second from its cache.
        (folder / "utils.py").write_text(f"{utils}\n# {time.monotonic_ns()}\n")
        return folder

    return write


@pytest.fixture
def server():
    """An endpoint that answers blue, and counts how often it is asked."""
    with openai_server(lambda _: Reply("blue")) as started:
        yield started


def command(server, *more):
    return (
        *("run", "--include-path", "colours", "--tasks", "colours", "--name", "r"),
        *("--model", "m", "--backend", "openai", "--base-url", server.base_url, *more),
    )


def samples(folder):
    lines = (folder / "results/r/samples/colours.jsonl").read_text().splitlines()
    return {record["id"]: record for record in map(json.loads, lines)}


def exact(folder):
    results = json.loads((folder / "results/r/results.json").read_text())
    return results["tasks"]["colours"]["metrics"]["exact"]


def failing(statement):
    return GOOD.replace("    return", f"    if doc['id'] in (3, 5): {statement}\n    return")


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("raise KeyError('shade')", "the scorer failed: KeyError: 'shade'"),
        ("raise SystemExit(0)", "the scorer failed: SystemExit: 0"),
        ("return {'exact': 7}", "metric 'exact' must be a number from 0 to 1, found 7"),
        ("return None", "process_results must return a mapping of metrics, not None"),
    ],
)
def test_a_faulty_scorer_loses_no_prediction(cli, plugin, server, tmp_path, statement, told):
    plugin(failing(statement))
    done = cli(*command(server))
    assert done.returncode == 2
    error = done.stderr.splitlines()[-1]
    assert re.search(r"colours/colours\.yaml: task colours: sample [35]: ", error)
    assert told in error
    assert "2 predictions kept without a score" in error
    assert "instit-bench rescore results/r" in error
    assert "Traceback" not in done.stderr
    assert "6/8 (2 answered, not scored)" in done.stdout
    kept = samples(tmp_path)
    assert all(record["prediction"] == "blue" for record in kept.values())
    assert [kept[name]["state"] for name in ("3", "4")] == ["not_scored", "scored"]
    assert (exact(tmp_path)["n"], exact(tmp_path)["value"]) == (6, 1.0)
    asked = len(server.requests)

    again = cli("rescore", "results/r")  # nothing was mended
    assert again.returncode == 2
    assert told in again.stderr
    plugin(GOOD)
    mended = cli("rescore", "results/r")
    assert mended.returncode == 0, mended.stderr
    assert "2 samples changed" in mended.stderr
    assert exact(tmp_path)["n"] == len(DOCS)
    assert samples(tmp_path)["3"]["prompt"] == kept["3"]["prompt"] != ""
    assert json.loads((tmp_path / "results/r/manifest.json").read_text())["status"] == "finished"
    assert len(server.requests) == asked == len(DOCS)


def test_the_same_command_scores_them_too(cli, plugin, server, tmp_path):
    plugin(failing("raise KeyError('shade')"))
    assert cli(*command(server)).returncode == 2
    plugin(GOOD)
    done = cli(*command(server))
    assert done.returncode == 0, done.stderr
    assert exact(tmp_path)["n"] == len(DOCS) == len(server.requests)


def test_a_scorer_that_crashes_the_process_loses_no_prediction(
    cli, cli_process, plugin, server, tmp_path
):
    plugin(failing("import os; os.abort()"))
    done = cli_process(*command(server, "--concurrency", 1))
    assert done.returncode == -signal.SIGABRT
    kept = samples(tmp_path)
    assert kept["3"]["prediction"] == "blue"
    assert kept["3"]["state"] == "not_scored"
    plugin(GOOD)
    assert cli(*command(server)).returncode == 0
    assert exact(tmp_path)["n"] == len(DOCS) == len(server.requests)


def test_a_hanging_scorer_can_be_interrupted(cli, plugin, server, tmp_path):
    plugin(failing("import time; open('hangs', 'w').close(); time.sleep(600)"))
    with subprocess.Popen(
        [sys.executable, "-m", "instit_bench", *map(str, command(server, "--concurrency", 1))],
        cwd=tmp_path,
        env=cli_environment(INSTIT_BENCH_HOME=str(tmp_path / "home")),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    ) as process:
        while not (tmp_path / "hangs").exists():
            assert process.poll() is None
            time.sleep(0.05)
        for _ in range(2):  # once asks it to finish what it does, twice stops it
            os.kill(process.pid, signal.SIGINT)
            time.sleep(0.2)
        assert process.wait(60) == 130
        assert b"Traceback" not in process.stderr.read()
    assert samples(tmp_path)["3"]["prediction"] == "blue"
    plugin(GOOD)
    assert cli(*command(server)).returncode == 0
    assert exact(tmp_path)["n"] == len(DOCS) == len(server.requests)


def test_rescore_takes_a_changed_metric_and_keeps_the_run(cli, plugin, server, tmp_path):
    plugin(GOOD)
    assert cli(*command(server)).returncode == 0
    before = json.loads((tmp_path / "results/r/manifest.json").read_text())
    utils = GOOD.replace('"exact": float', '"wrong": 1 - float')
    plugin(utils, TASK.replace("{metric: exact}", "{metric: wrong, higher_is_better: false}"))
    done = cli("rescore", "results/r")
    assert done.returncode == 0, done.stderr
    assert "wrong" in done.stdout
    after = json.loads((tmp_path / "results/r/manifest.json").read_text())
    assert after["identity"] == before["identity"]
    assert after["tasks"]["colours"]["lower_is_better"] == ["wrong"]


def test_rescore_refuses_other_data_and_names_what_is_missing(cli, plugin, server, tmp_path):
    folder = plugin(GOOD)
    assert cli(*command(server)).returncode == 0
    journal = (tmp_path / "results/r/samples/colours.jsonl").read_text()
    (folder / "colours.json").write_text(json.dumps([{**doc, "answer": "red"} for doc in DOCS]))
    done = cli("rescore", "results/r")
    assert done.returncode == 3
    assert "task colours: the data are not those of the run any more" in done.stderr
    folder.rename(tmp_path / "elsewhere")
    done = cli("rescore", "results/r")
    assert done.returncode == 2
    assert f"task folder {folder} does not exist" in done.stderr
    assert (tmp_path / "results/r/samples/colours.jsonl").read_text() == journal


def test_rescoring_a_built_in_task_changes_nothing(cli, tmp_path):
    options = ("--backend", "baseline", "--model", "random", "--data", "demo", "--judge", "lexical")
    assert cli("run", *options, "--name", "r").returncode == 0
    folder = tmp_path / "results/r"
    names = [path for path in folder.rglob("*.json*") if path.name != "manifest.json"]
    before = {path: path.read_text() for path in names if not path.name.startswith(".")}
    done = cli("rescore", folder)
    assert done.returncode == 0, done.stderr
    assert "0 samples changed" in done.stderr
    assert {path: path.read_text() for path in before} == before
    for name, task in json.loads((folder / "manifest.json").read_text())["tasks"].items():
        lines = (folder / f"samples/{name}.jsonl").read_text().splitlines()
        computed = {metric for line in lines for metric in json.loads(line)["scores"]}
        assert computed <= SCORERS.load(task["scorer"]).metrics, name


@pytest.mark.parametrize("given", ["acuracy", "f1"])
def test_a_metric_that_the_named_scorer_does_not_have_is_an_error(cli, tmp_path, given):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "own.yaml").write_text(
        f"include: {REPOSITORY}/tasks/inst_it_bench/inst_it_image_mc.yaml\n"
        f"task: own\nmetric_list: [{{metric: accuracy}}, {{metric: {given}}}]\n"
    )
    options = ("--model", "first", "--backend", "baseline", "--data", "demo")
    done = cli("run", *options, "--include-path", "own", "--tasks", "own")
    assert done.returncode == 2
    error = done.stderr.splitlines()[-1]
    assert f"own.yaml: key 'metric_list': scorer choice has no metric {given!r}; " in error
    assert ("did you mean 'accuracy'?" if given == "acuracy" else "it has accuracy, ") in error
    assert not (tmp_path / "results").exists()

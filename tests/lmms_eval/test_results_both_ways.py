"""Results in both directions: lmms-eval's logs scored here, and our exports read there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.command_line import cli_in
from tests.lmms_eval.conftest import TASKS

pytestmark = pytest.mark.lmms_eval

HEADLINES = {"inst_it_image_mc": "official_accuracy", "gpt4tools_unseen": "sr"}


def instit_bench(folder, *arguments):
    done = cli_in(folder)(*arguments)
    assert done.returncode == 0, done.stderr
    return done


def load(path):
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def theirs(lexically_judged):
    """A run of all six tasks in lmms-eval, judged by the lexical judge."""
    return lexically_judged("chat")


@dataclass(frozen=True)
class Exported:
    """A run of ours (random choice, judged by the lexical judge) in lmms-eval's format."""

    tasks: dict
    folder: Path

    @property
    def results_file(self) -> Path:
        (path,) = self.folder.rglob("*_results.json")
        return path

    def samples_file(self, task: str) -> Path:
        (path,) = self.folder.rglob(f"*_samples_{task}.jsonl")
        return path


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Exported:
    folder = tmp_path_factory.mktemp("exported")
    run = ["run", "--backend", "baseline", "--model", "random", "--data", "demo"]
    instit_bench(folder, *run, "--judge", "lexical", "--name", "r")
    instit_bench(folder, "export", "results/r", "--format", "lmms-eval", "--output", "out")
    return Exported(load(folder / "results/r/results.json")["tasks"], folder / "out")


@pytest.mark.parametrize("task", TASKS)
def test_its_logs_scored_here_give_its_metrics(theirs, tmp_path, task):
    log = theirs.samples_file(task)
    options = ["--data", "demo", "--judge", "lexical"]
    instit_bench(tmp_path, "score", log, "--task", task, *options)
    (run,) = (tmp_path / "results").glob("*/results.json")
    assert load(run)["model"] == theirs.results["config"]["model"]
    metrics = load(run)["tasks"][task]["metrics"]
    found = {n: v for n, v in theirs.metrics(task).items() if "_stderr" not in n}
    assert set(found) == {name for name, metric in metrics.items() if metric["n"]}
    for name, value in found.items():
        assert metrics[name]["value"] == pytest.approx(value, abs=1e-9), name


@pytest.mark.parametrize("task", HEADLINES)
def test_its_logs_can_be_compared_with_our_runs(theirs, tmp_path, task):
    """Its results file shows that prompts and settings are the same."""
    run = ["run", "--backend", "baseline", "--model", "random", "--data", "demo", "--name", "ours"]
    # GPT4Tools sets chat models no limit, and lmms-eval always sets one.
    limit = ("--max-tokens", "512") if task.startswith("gpt4tools") else ()
    instit_bench(tmp_path, *run, "--tasks", task, *limit)
    log = theirs.samples_file(task)
    instit_bench(tmp_path, "score", log, "--task", task, "--data", "demo", "--name", "theirs")
    assert (
        HEADLINES[task]
        in instit_bench(tmp_path, "compare", "results/ours", "results/theirs").stdout
    )


def test_our_files_have_the_keys_of_its_own(theirs, exported):
    optional = {"groups", "efficiency"}  # present for groups and for models that count tokens
    assert set(load(exported.results_file)) == set(theirs.results) - optional
    for task in TASKS:
        rows = [json.loads(line) for line in exported.samples_file(task).open()]
        for their_row, our_row in zip(theirs.samples(task), rows, strict=True):
            # lmms-eval omits resps if they equal filtered_resps, and finds paths in texts.
            values = {"resps", "input_media", *exported.tasks[task]["metrics"]}
            assert set(their_row) - values <= set(our_row)
            assert their_row["doc_id"] == our_row["doc_id"]
            assert their_row["target"] == our_row["target"]


def test_its_table_shows_our_results(exported):
    from lmms_eval.utils import make_table

    table = make_table(load(exported.results_file))
    for task, headline in HEADLINES.items():
        metric = exported.tasks[task]["metrics"][headline]
        row = next(r for r in table.splitlines() if f"|{task}" in r and f"|{headline} " in r)
        assert f"{metric['value']:.4f}" in row
        assert f"{metric['stderr']:.4f}" in row


@pytest.mark.parametrize("task", TASKS)
def test_its_baseline_reader_finds_every_sample_s_headline(exported, task):
    from lmms_eval.baselines import load_baseline

    metrics = exported.tasks[task]["metrics"]
    headline = next(metric for metric in metrics.values() if metric["n"])
    scores, results = load_baseline(str(exported.samples_file(task)), task)
    assert len(scores) == headline["n"] == exported.tasks[task]["n_total"]
    assert sum(scores.values()) / len(scores) == pytest.approx(headline["value"], abs=1e-9)
    assert results["model_name"] == "random"


def test_its_paired_comparison_accepts_our_run_as_the_baseline(lmms_eval, exported):
    task = "inst_it_image_oe"
    baseline = exported.samples_file(task)
    run = lmms_eval("--baseline", baseline, tasks=task, INSTIT_BENCH_JUDGE="lexical")
    assert run.code == 0, run.err
    found = run.results["results"][task]
    mean = exported.tasks[task]["metrics"]["lexical_score"]["value"]
    assert found["paired_baseline_score"] == pytest.approx(100 * mean, abs=1e-9)
    assert 0.0 <= found["paired_pvalue"] <= 1.0


def test_its_web_page_lists_our_run_and_shows_its_samples(exported):
    testclient = pytest.importorskip("fastapi.testclient", reason="needs lmms-eval[tui]")
    from lmms_eval.tui.server import app

    client, logs = testclient.TestClient(app), {"logs_path": str(exported.folder)}
    (run,) = client.get("/logs/runs", params=logs).json()
    assert (run["model_name"], set(run["tasks"])) == ("random", set(TASKS))
    url = f"/logs/runs/{run['run_id']}/samples/inst_it_image_mc"
    shown = client.get(url, params=logs).json()
    assert shown["total"] == 16
    assert shown["samples"][0]["filtered_resps"] in list("ABCD")

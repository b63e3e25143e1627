"""``instit-bench runs``: stored runs listed, watched, renamed, merged and removed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time

import pytest
from filelock import FileLock

from tests.command_line import cli_environment, cli_in
from tests.finished_run import read_jsonl
from tests.openai_server import Reply, openai_server

RUN = ("run", "--backend", "baseline", "--data", "demo")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a run of two tasks and one of a third task, both of one model."""
    folder = tmp_path_factory.mktemp("runs")
    cli = cli_in(folder)
    for name, tasks in (("a", "inst_it_*_mc"), ("b", "gpt4tools_seen")):
        done = cli(*RUN, "--model", "first", "--name", name, "--tasks", tasks)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def runs(made, tmp_path):
    """The command line in a copy of that folder."""
    shutil.copytree(made / "results", tmp_path / "results")
    return cli_in(tmp_path)


def rows(done):
    """Return the cells of the list's lines, by run."""
    lines = [re.split(r"\s{2,}", line.strip()) for line in done.stdout.splitlines() if "/" in line]
    return {line[0]: line[1:] for line in lines}


def test_runs_are_listed_with_status_progress_model_and_tasks(runs):
    done = runs("runs", COLUMNS="110")
    assert done.returncode == 0, done.stderr
    found = rows(done)
    assert found["results/a"][:2] == ["finished", "32/32"]
    assert found["results/a"][-2:] == ["first", "inst_it_image_mc, inst_it_video_mc"]
    assert found["results/b"][1] == "24/24"
    assert max(map(len, done.stdout.splitlines())) <= 110


def test_on_a_narrow_terminal_no_path_is_broken(runs):
    lines = runs("runs", COLUMNS="60").stdout.splitlines()
    assert [line.split()[0] for line in lines if "/" in line] == ["results/b", "results/a"]
    assert max(map(len, lines)) <= 60


def test_a_killed_run_is_stopped_and_one_that_is_written_to_is_running(runs, tmp_path):
    for name, drop in (("a", 3), ("b", 20)):
        manifest = tmp_path / f"results/{name}/manifest.json"
        manifest.write_text(manifest.read_text().replace('"finished"', '"running"'))
        journal = next((tmp_path / f"results/{name}/samples").glob("*.jsonl"))
        journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:-drop]))
    with FileLock(tmp_path / "results/b/.lock"):
        found = rows(runs("runs", "results/*"))
        refused = runs("runs", "rm", "results/b", "--yes")
    assert found["results/a"][:2] == ["stopped", "29/32"]
    assert found["results/b"][:2] == ["running", "4/24"]
    assert refused.returncode == 2
    assert "is writing to this run" in refused.stderr
    assert (tmp_path / "results/b/manifest.json").is_file()


def test_a_broken_run_is_listed_as_such(runs, tmp_path):
    (tmp_path / "results/b/manifest.json").write_text("{}")
    done = runs("runs")
    assert rows(done)["results/b"][0] == "broken"
    assert "results/b/manifest.json: is not a valid run manifest" in done.stderr


def test_show_tells_what_a_run_is_and_its_metrics(runs):
    done = runs("runs", "show", "results/a")
    assert "status:     finished, 32 of 32 samples have a prediction\n" in done.stdout
    assert "model:      first (baseline)\n" in done.stdout
    assert "official_accuracy" in done.stdout


def test_a_run_is_renamed_but_never_over_another(runs, tmp_path):
    assert runs("runs", "rename", "results/a", "b").returncode == 2
    assert runs("runs", "rename", "results/a", "../c").returncode == 2
    taken = runs("runs", "rename", "results/a", "b")
    assert "error: results/b: exists already" in taken.stderr
    done = runs("runs", "rename", "results/a", "c")
    assert done.stderr == "renamed: results/a is now results/c\n"
    assert (tmp_path / "results/c/manifest.json").is_file()
    assert not (tmp_path / "results/a").exists()


def test_only_runs_are_removed_and_only_when_told(runs, tmp_path):
    (tmp_path / "results/notes").mkdir()
    unasked = runs("runs", "rm", "results/a")
    assert (unasked.returncode, "--yes is needed" in unasked.stderr) == (2, True)
    assert runs("runs", "rm", "results/notes", "--yes").returncode == 2
    folder = runs("runs", "rm", "results", "--yes")
    assert folder.returncode == 2
    assert "results: is a folder of runs; name the runs, or 'results/*'" in folder.stderr
    done = runs("runs", "rm", "results/*", "--yes")
    assert done.returncode == 0, done.stderr
    assert "removed: results/a: first, finished, 32 predictions, " in done.stderr
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["notes"]


def test_runs_of_one_model_are_merged_into_one_with_the_same_numbers(runs, tmp_path):
    done = runs("runs", "merge", "results/a", "results/b", "--name", "both")
    assert done.returncode == 0, done.stderr
    merged = json.loads((tmp_path / "results/both/results.json").read_text())
    apart = [json.loads((tmp_path / f"results/{n}/results.json").read_text()) for n in "ab"]
    assert merged["tasks"] == {**apart[0]["tasks"], **apart[1]["tasks"]}
    assert merged["status"] == "finished"
    again = runs(*RUN, "--model", "first", "--name", "both", "--tasks", "gpt4tools_seen")
    assert again.returncode == 0, again.stderr  # it is a run like any other: it resumes


def test_parts_of_one_task_are_merged_and_a_prediction_stands_before_a_failure(runs, tmp_path):
    options = ("--model", "first", "--tasks", "gpt4tools_seen")
    ids = [
        record["id"] for record in read_jsonl(tmp_path / "results/b/samples/gpt4tools_seen.jsonl")
    ]
    runs(*RUN, *options, "--name", "p", "--limit", "2")
    runs(*RUN, *options, "--name", "q", "--sample-id", ids[1], "--sample-id", ids[2])
    journal = tmp_path / "results/p/samples/gpt4tools_seen.jsonl"
    first, second = read_jsonl(journal)
    second |= {"state": "infer_error", "prediction": None, "error": "e", "scores": {}}
    journal.write_text(f"{json.dumps(first)}\n{json.dumps(second)}\n")
    done = runs("runs", "merge", "results/p", "results/q", "--name", "pq")
    assert done.returncode == 0, done.stderr
    found = read_jsonl(tmp_path / "results/pq/samples/gpt4tools_seen.jsonl")
    assert {record["id"]: record["state"] for record in found} == dict.fromkeys(ids[:3], "scored")


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--model", "random"], 3, "model was 'first', now 'random'"),
        (["--model", "first", "--max-tokens", "7"], 3, "max_tokens was None, now 7"),
    ],
)
def test_runs_that_do_not_belong_together_are_not_merged(runs, tmp_path, options, code, said):
    runs(*RUN, *options, "--name", "other", "--tasks", "gpt4tools_unseen", "--limit", "1")
    done = runs("runs", "merge", "results/a", "results/other", "--name", "x")
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert not (tmp_path / "results/x").exists()


def test_two_predictions_for_one_sample_are_not_merged(runs, tmp_path):
    shutil.copytree(tmp_path / "results/b", tmp_path / "results/c")
    journal = tmp_path / "results/c/samples/gpt4tools_seen.jsonl"
    journal.write_text(journal.read_text().replace('"prediction":"', '"prediction":"not ', 1))
    done = runs("runs", "merge", "results/b", "results/c", "--name", "x")
    assert done.returncode == 2
    assert "a run before it has another prediction for this sample" in done.stderr


def test_watch_follows_a_run_of_another_process_to_its_end(tmp_path):
    with openai_server(lambda _: Reply("A", delay_s=0.15)) as server:
        run = subprocess.Popen(
            [
                *(sys.executable, "-m", "instit_bench", "run", "--model", "m", "--backend"),
                *("openai", "--base-url", server.base_url, "--data", "demo", "--name", "r"),
                *("--tasks", "inst_it_image_mc", "--concurrency", "2"),
            ],
            cwd=tmp_path,
            env=cli_environment(INSTIT_BENCH_HOME=str(tmp_path)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while len(server.requests) < 2:
                time.sleep(0.02)
            done = cli_in(tmp_path)("runs", "watch", "results/r", "--every", "0.1")
            assert run.wait(60) == 0
        finally:
            run.kill()
    first, *_, last = done.stdout.splitlines()
    assert re.match(r"running: \d+/16 done", first)
    assert re.search(r"running: \d+/16 done, \d+\.\d/s, about \d+ s left", done.stdout)
    assert last == "finished: 16/16 done"

"""Extracted letters over the life of a run: payment, resuming, comparison and tables."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

from instit_bench.display import counted
from tests.command_line import cli_environment
from tests.judging.extraction import (
    PREDICTIONS,
    TASK,
    TORN,
    asked_about,
    extract_with,
    prediction_file,
    reads,
    records_of,
    score,
    task_of,
)
from tests.judging.test_judging import lines, load
from tests.openai_server import Reply, openai_server


def test_a_stored_run_gets_its_letters_later_and_nothing_is_judged(cli, tmp_path, extracted):
    with openai_server(reads) as server:
        score(cli, tmp_path, name="later")
        done = cli("judge", "results/later", *extract_with(server), OPENAI_API_KEY="sk-x")
    assert done.returncode == 0, done.stderr
    later = task_of(tmp_path / "results/later")
    assert later["metrics"] == task_of(extracted)["metrics"]
    assert {body["model"] for body in server.requests} == {"x"}


def test_another_judge_takes_the_earlier_one_s_place(cli, tmp_path, extracted):
    with openai_server(lambda _: Reply('{"letter": "none"}')) as server:
        done = cli("judge", "results/s", *extract_with(server, judge="openai:y"))
    assert done.returncode == 0, done.stderr
    task = task_of(extracted)
    assert (task["extraction"]["judge"], task["extraction"]["none"]) == ("openai:y", 3)
    assert task["metrics"]["extracted_accuracy"]["value"] == task["metrics"]["accuracy"]["value"]
    assert {r["method"] for r in records_of(extracted).values()} == {"letter", "anchored", "none"}
    assert len(lines(extracted / f"judgements/{TASK}.jsonl")) == 6


def test_nothing_is_paid_for_twice(cli, tmp_path):
    with openai_server(reads) as server:
        score(cli, tmp_path, *extract_with(server))
        assert len(server.requests) == 3
        score(cli, tmp_path, *extract_with(server))  # its own verdicts
        other = score(cli, tmp_path, *extract_with(server), name="other")  # the cache
        cli("judge", "results/other", *extract_with(server))
        assert len(server.requests) == 3
    assert "letters extracted by openai:x: about 0 calls, no cost" in other.stderr
    found = task_of(tmp_path / "results/other")["extraction"]
    assert (found["calls"], found["from_cache"]) == (0, 3)
    assert "openai:x: 3 letters" in cli("judge", "cache", "stats").stdout


def test_scoring_again_without_the_option_keeps_the_letters(cli, tmp_path, extracted):
    before = task_of(extracted)
    done = score(cli, tmp_path)
    assert done.returncode == 0, done.stderr
    assert task_of(extracted) == before


def test_calls_and_dollars_are_told_before_the_first_call_and_a_budget_holds(cli, tmp_path):
    prices = tmp_path / "prices.json"
    prices.write_text('{"x": {"input": 1000.0, "output": 1000.0}}')  # 0.102 dollars a call
    with openai_server(reads) as server:
        score(cli, tmp_path, name="e")
        estimate = cli(
            *("judge", "estimate", "results/e", "--extract-with", "openai:x"),
            *("--judge-prices", prices),
        )
        options = extract_with(server, "--judge-prices", prices, "--judge-concurrency", 1)
        stopped = score(cli, tmp_path, *options, "--judge-budget", "0.5")
        paid = len(server.requests)
        rest = score(cli, tmp_path, *options)
    assert estimate.stdout.startswith("openai:x: 3 calls, about ")
    assert "US dollars" in estimate.stdout
    assert stopped.returncode == 3
    told = stopped.stderr.index("letters extracted by openai:x: about 3 calls, about ")
    assert told < stopped.stderr.index(f"{TASK} extracted")
    assert 0 < paid < 3
    assert f"about {counted(3 - paid, 'call')} ({paid} already known)" in rest.stderr
    assert len(server.requests) == 3


def test_a_run_extracts_when_all_predictions_are_there_and_resumes(cli, tmp_path):
    """One endpoint plays the model and, in a second run, the judge too."""

    def answer(body):
        if body["model"] == "m":
            return Reply("Either A or B.")
        return Reply(f'{{"letter": "{"AB"[len(asked_about(body)["question"]) % 2]}"}}')

    with openai_server(answer) as server:
        run = (
            *("run", "--model", "m", "--backend", "openai", "--base-url", server.base_url),
            *("--data", "demo", "--tasks", "inst_it_image_mc,inst_it_image_oe", "--name", "r"),
        )
        first = cli(*run, OPENAI_API_KEY="sk-x")
        assert first.returncode == 0, first.stderr
        assert {body["model"] for body in server.requests} == {"m"}, "nobody asked for a judge"
        generated = len(server.requests)
        second = cli(*run, *extract_with(server), "--limit", "8", OPENAI_API_KEY="sk-x")
        assert second.returncode == 0, second.stderr
        asked = server.requests[generated:]
        third = cli(*run)
    assert {body["model"] for body in asked} == {"x"}
    tasks = load(tmp_path / "results/r/results.json")["tasks"]
    assert tasks["inst_it_image_mc"]["extraction"]["letters"] == len(asked) == 16
    assert tasks["inst_it_image_oe"]["extraction"] is None
    assert third.returncode == 0, third.stderr
    assert load(tmp_path / "results/r/manifest.json")["extraction"]["judges"] == ["openai:x"]


def test_a_fault_fails_a_run_unless_it_is_allowed(cli, tmp_path):
    def answer(body):
        return Reply("?") if "colour" in asked_about(body)["question"] else Reply("none")

    with openai_server(answer) as server:
        run = (
            *("run", "--model", "text:A or B?", "--backend", "baseline", "--data", "demo"),
            *("--tasks", "inst_it_image_mc", "--name", "r", "--limit", "2"),
            *extract_with(server, "--judge-attempts", 1),
        )
        failed = cli(*run)
        allowed = cli(*run, "--fail-on-error", "1")
    assert failed.returncode == 1
    assert "no letter extracted: the reply is neither" in failed.stderr
    assert allowed.returncode == 0, allowed.stderr


def test_a_killed_command_asks_only_for_what_it_has_not_heard(tmp_path):
    predictions = {f"{n:03}-01": ("A", TORN.format(n), "A") for n in range(40)}
    file = prediction_file(tmp_path, predictions)

    def answer(body):
        return Reply('{"letter": "A"}', delay_s=0.02)

    with openai_server(answer) as server:
        command = [sys.executable, "-m", "instit_bench", "score", str(file), "--task", TASK]
        command += ["--name", "s", *extract_with(server, "--judge-concurrency", 2)]
        environment = cli_environment(INSTIT_BENCH_HOME=str(tmp_path / "home"))
        killed = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=-3, stdout=-3)
        while len(server.requests) < 10 and killed.poll() is None:
            time.sleep(0.002)
        killed.kill()
        assert killed.wait(60) == -signal.SIGKILL
        done = subprocess.run(command, cwd=tmp_path, env=environment, check=False)
    assert done.returncode == 0
    assert len(server.requests) <= 40 + 2, "only calls in flight at the kill were made again"
    assert task_of(tmp_path / "results/s")["extraction"]["letters"] == 40


def test_runs_by_different_extractors_are_not_compared_in_that_metric(
    cli, tmp_path, plain, extracted
):
    with openai_server(lambda _: Reply('{"letter": "none"}')) as server:
        score(cli, tmp_path, *extract_with(server, judge="openai:y"), name="y")
    assert cli("compare", "results/s", "results/y").returncode == 0
    for other, said in (("plain", "nobody"), ("y", "openai:y")):
        compare = ("compare", "results/s", f"results/{other}", "--all-metrics")
        refused = cli(*compare)
        assert refused.returncode == 3
        told = f"extracted_accuracy: letters extracted by: openai:x against {said}"
        assert told in refused.stderr
        assert cli(*compare, "--allow-mismatch").returncode == 0
    cli("baseline", "save", "results/s")
    policy = tmp_path / "checks.yaml"
    policy.write_text("defaults: {metrics: {extracted_accuracy: {max_drop: 1.0, gate: mean}}}")
    check = ("check", "results/y", "--baseline", "results/baselines/s.json", "--policy", policy)
    assert cli(*check).returncode == 3
    policy.write_text("defaults: {gate: mean}")
    assert cli(*check).returncode == 0


def test_leaderboard_report_and_exports_show_them_apart(cli, tmp_path, plain, extracted):
    table = cli("leaderboard", "results/s", "results/plain", "--csv", "b.csv", "--html", "b.html")
    assert table.returncode == 0, table.stderr
    csv = (tmp_path / "b.csv").read_text()
    assert f"{TASK}_extracted_accuracy_marks" in csv.splitlines()[0]
    assert "extracted" in csv.splitlines()[1]
    assert "not official" in table.stdout
    official = f"{TASK}_marks"
    assert official not in csv.splitlines()[0] or "extracted" not in load_marks(csv, official)
    cli("report", "results/s", "--no-media")
    page = (extracted / "report.html").read_text()
    assert "openai:x read 3 unparsed predictions: 2 letters, 1 without a choice, 0 faults" in page
    assert cli("export", "results/s", "--format", "official").returncode == 0
    (file,) = (extracted / "export").rglob("*.json")
    sent = {row["question_id"]: row["model_prediction"] for row in load(file)}
    assert sent == {name: prediction for name, (_, prediction, _) in PREDICTIONS.items()}


def load_marks(csv, column):
    head, first, *_ = (line.split(",") for line in csv.splitlines())
    return first[head.index(column)]


def test_a_judge_that_stops_is_told_of_once(cli, tmp_path):
    with openai_server(lambda _: Reply("no", status=404)) as server:
        done = score(cli, tmp_path, *extract_with(server))
    assert done.returncode == 1
    assert done.stderr.count("instit-bench: error:") == 1
    assert "openai:x" in done.stderr
    assert load(tmp_path / "results/s/manifest.json")["extraction"] is None

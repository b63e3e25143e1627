"""A judge in an engine of one's own, whose stand-in answers (tests/vllm has the real one)."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time

import pytest

from tests.command_line import REPOSITORY, cli_process_in
from tests.judge_engine import install_engine, log_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="vLLM runs on Linux")
TASK = "inst_it_image_oe"


@pytest.fixture
def engine(tmp_path):
    return install_engine(tmp_path / "installed")


@pytest.fixture
def judge(tmp_path, engine, cli):
    """Judge a run, in a process that finds the stand-in."""
    options = ("--backend", "baseline", "--data", "demo", "--tasks", TASK, "--output", ".")
    assert cli("run", "--model", "echo-gold", "--name", "r", *options).returncode == 0
    path = os.pathsep.join([str(engine), str(REPOSITORY)])
    return lambda *words: cli_process_in(tmp_path)("judge", "r", *words, PYTHONPATH=path)


def verdicts(tmp_path):
    path = tmp_path / f"r/judgements/{TASK}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_an_engine_that_dies_is_started_again_and_no_verdict_is_lost(tmp_path, engine, judge):
    (engine / "delay").write_text("0.05")

    def kill():
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if pids := [int(pid) for what, pid, _ in log_of(engine) if what == "answered"]:
                return os.kill(pids[0], signal.SIGKILL)
            time.sleep(0.02)
        return None

    killer = threading.Thread(target=kill)
    killer.start()
    done = judge("--judge", "vllm:j", "--judge-concurrency", 4)
    killer.join()
    assert done.returncode == 0, done.stderr
    assert "the engine died" in done.stderr
    assert [what for what, *_ in log_of(engine)].count("started") == 2
    assert len({verdict["id"] for verdict in verdicts(tmp_path)}) == 16
    assert {verdict["error"] for verdict in verdicts(tmp_path)} == {None}


def test_two_engines_that_need_the_same_gpus_follow_each_other(tmp_path, engine, judge):
    done = judge("--judge", "vllm:j", "--judge", "vllm:k")
    assert done.returncode == 0, done.stderr
    first, second = dict.fromkeys(pid for _, pid, _ in log_of(engine))
    order = [pid for _, pid, _ in log_of(engine)]
    assert order == [first] * order.count(first) + [second] * order.count(second)
    said = [verdict["judge"] for verdict in verdicts(tmp_path)]
    assert (said.count("vllm:j"), said.count("vllm:k")) == (16, 16)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--judge", "vllm:j", "--replicas", "2"), "--replicas: needs --ray"),
        (
            ("--judge", "vllm:j", "--judge-gpus-per-replica", "2"),
            "--judge-gpus-per-replica: needs --ray",
        ),
        (("--judge", "vllm:j"), "judge vllm:j needs vLLM: pip install"),
    ],
)
def test_what_cannot_run_is_one_clear_error(cli, monkeypatch, words, said):
    monkeypatch.setattr("instit_bench.judging.vllm_judge.installed_version", lambda: None)
    options = ("--backend", "baseline", "--data", "demo", "--tasks", TASK, "--output", ".")
    assert cli("run", "--model", "echo-gold", "--name", "r", *options).returncode == 0
    done = cli("judge", "r", *words)
    assert done.returncode == 2
    assert done.stderr.count("instit-bench: error:") == 1
    assert said in done.stderr.splitlines()[-1]


def test_a_cluster_that_the_environment_names_for_runs_does_not_disturb_other_judges(cli):
    options = ("--backend", "baseline", "--data", "demo", "--tasks", TASK, "--output", ".")
    assert cli("run", "--model", "echo-gold", "--name", "r", *options).returncode == 0
    done = cli("judge", "r", "--judge", "lexical", INSTIT_BENCH_RAY="auto")
    assert done.returncode == 0, done.stderr
    assert "--ray: no judge of the form vllm:MODEL runs there; not used" in done.stderr


def test_a_judge_that_cannot_start_after_a_run_leaves_its_results(tmp_path, engine):
    (engine / "refuse").touch()
    path = os.pathsep.join([str(engine), str(REPOSITORY)])
    options = ("--backend", "baseline", "--data", "demo", "--tasks", TASK, "--output", ".")
    words = ("run", "--model", "echo-gold", "--name", "r", *options, "--judge", "vllm:j")
    done = cli_process_in(tmp_path)(*words, PYTHONPATH=path)
    assert done.returncode == 2
    assert "judge vllm:j: the engine did not start: " in done.stderr.splitlines()[-1]
    task = json.loads((tmp_path / "r/results.json").read_text())["tasks"][TASK]
    assert sum(task["states"].values()) == 16


def test_a_call_that_takes_too_long_is_made_again(tmp_path, engine, judge):
    (engine / "delay").write_text("1.2")

    def hurry():
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not any(w == "answered" for w, *_ in log_of(engine)):
            time.sleep(0.02)
        (engine / "delay").write_text("0")

    hurrying = threading.Thread(target=hurry)
    hurrying.start()
    done = judge("--judge", "vllm:j", "--judge-timeout", "0.8")
    hurrying.join()
    assert done.returncode == 0, done.stderr
    assert max(verdict["calls"] for verdict in verdicts(tmp_path)) > 1

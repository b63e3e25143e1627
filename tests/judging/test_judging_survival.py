"""Judging survives a kill at any moment: nothing is lost, duplicated or paid for twice."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from instit_bench.judging.cache import VerdictCache
from tests.command_line import cli_environment
from tests.judging.test_judging import TASK, by_rule, judge_options, lines, predictions
from tests.openai_server import Reply, openai_server


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_judging_ends_cleanly(tmp_path, signal_number):
    with openai_server(lambda body: Reply(by_rule(body).text, delay_s=0.5)) as server:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "instit_bench", "run", "--model", "echo-gold"),
                *("--backend", "baseline", "--data", "demo", "--tasks", "inst_it_video_oe"),
                *judge_options(server, "--judge-concurrency", 1),
            ],
            cwd=tmp_path,
            env=cli_environment(INSTIT_BENCH_HOME=str(tmp_path / "home")),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 60
        while len(server.requests) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal_number)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in told
    assert "run the same command again to resume" in told


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_random_points_no_verdict_is_paid_for_twice(tmp_path, seed):
    """SIGKILL ten times per seed: nothing is lost or duplicated, no verdict requested again."""
    file, expected = predictions(tmp_path, 150)
    randomness = random.Random(seed)
    command = [
        *(sys.executable, "-m", "instit_bench", "score", str(file), "--task", TASK),
        *("--name", "s", "--judge", "openai:j", "--judge-concurrency", "4"),
    ]
    answered = Counter()

    def answer(body):
        answered[body["messages"][0]["content"][1]["text"]] += 1
        return Reply(by_rule(body).text, delay_s=0.005)

    with openai_server(answer) as server:
        command += ["--judge-base-url", server.base_url]
        environment = cli_environment(INSTIT_BENCH_HOME=str(tmp_path / "home"))
        kills = 0
        while True:
            process = subprocess.Popen(
                command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL, stdout=-3
            )
            if kills < 10:
                target = len(server.requests) + randomness.randint(1, 12)
                deadline = time.monotonic() + 60
                while len(server.requests) < target and process.poll() is None:
                    assert time.monotonic() < deadline
                    time.sleep(0.001)
                process.kill()
            if process.wait(60) != -signal.SIGKILL:
                assert process.returncode == 0
                break
            kills += 1
    records = lines(tmp_path / "results/s/samples/inst_it_video_oe.jsonl")
    assert {r["id"]: r["scores"]["official_score"] for r in records} == expected
    # Only calls in flight at a kill (four at most) can have been repeated.
    assert sum(answered.values()) <= 150 + 4 * kills
    assert kills == 10


def test_a_verdict_is_in_the_journal_before_it_is_in_the_cache(cli, tmp_path, monkeypatch):
    """A cached verdict costs the next run nothing; it must be on the record of what it has cost."""
    file, _ = predictions(tmp_path, 3)
    journal = tmp_path / f"results/s/judgements/{TASK}.jsonl"
    journaled, put = [], VerdictCache.put

    def watched(cache, *words):
        journaled.append(len(lines(journal)))
        put(cache, *words)

    monkeypatch.setattr(VerdictCache, "put", watched)
    with openai_server(by_rule) as server:
        done = cli(
            *("score", file, "--task", TASK, "--name", "s"),
            *judge_options(server, "--judge-concurrency", 1),
        )
    assert done.returncode == 0, done.stderr
    assert journaled == [1, 2, 3]

"""A run survives the death of its engine, and a killed run leaves nothing behind."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.vllm.processes import alive, command_line, key_of_engine, tree

pytestmark = pytest.mark.vllm
# Few at a time and not short, so that there is time to kill a process in the middle.
LONG = ("--tasks", "gpt4tools", "--limit", 4, "--max-tokens", 200, "--concurrency", 2)
SAMPLES = 8


def journal_lines(process):
    return [
        line
        for path in process.folder.glob("samples/*.jsonl")
        for line in path.read_text().split("\n")[:-1]
    ]


def wait_for_lines(process, count):
    deadline = time.monotonic() + 300
    while len(journal_lines(process)) < count:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def server_of(process):
    """Return the engine's main process, which listens for requests."""
    return next(pid for pid in tree(process.pid) if "serve" in command_line(pid)[:4])


def test_an_engine_killed_during_a_run_is_restarted_and_the_run_finishes(start, finish, models):
    process = start(models / "text", *LONG, name="engine-killed")
    wait_for_lines(process, 3)
    before = len(journal_lines(process))
    os.kill(server_of(process), signal.SIGKILL)
    done = finish(process)
    assert done.code == 0, done.err
    assert before < SAMPLES, "the engine was killed during the run"
    assert "the engine died" in done.err
    assert done.results["engine"]["starts"] == 2
    records = [r for task in ("gpt4tools_seen", "gpt4tools_unseen") for r in done.records(task)]
    assert len(records) == SAMPLES
    assert {r["error"] for r in records} == {None}


def test_a_killed_run_leaves_no_server_and_can_be_resumed(start, finish, models):
    process = start(models / "text", *LONG, name="run-killed", VLLM_ENABLE_V1_MULTIPROCESSING="1")
    wait_for_lines(process, 3)
    engine = tree(process.pid)
    assert len(engine) >= 4, "a guard, a server, its engine and its worker"
    key = key_of_engine(process.pid)
    assert not any(key in word for pid in engine for word in command_line(pid))
    process.kill()
    process.wait()
    deadline = time.monotonic() + 20
    while any(map(alive, engine)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [command_line(pid) for pid in engine if alive(pid)] == []

    finished = len(journal_lines(process))
    assert 0 < finished < SAMPLES
    done = finish(start(models / "text", *LONG, name="run-killed"))
    assert done.code == 0, done.err
    assert sum(task["n_total"] for task in done.results["tasks"].values()) == SAMPLES
    assert "done before" in done.err
    # The longest request is sent once more to check that it fits.
    assert done.results["engine"]["generated_tokens"] <= (SAMPLES - finished + 1) * 200

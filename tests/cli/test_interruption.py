"""Ctrl-C, a closed terminal and a closed pipe end a command cleanly, at any moment."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from tests.command_line import cli_environment
from tests.openai_server import Reply, openai_server
from tests.terminal import terminal

IN_FLIGHT = 4


def options(server, *more):
    return [
        *("run", "--model", "m", "--backend", "openai", "--base-url", server.base_url),
        *("--data", "demo", "--tasks", "gpt4tools_unseen", "--concurrency", IN_FLIGHT, *more),
    ]


@pytest.fixture
def held():
    """A server that answers four requests, and the others once they are let go."""
    let_go = threading.Event()

    def answer(body):
        if len(server.requests) > IN_FLIGHT:
            let_go.wait(60)
        return Reply("no tool")

    with openai_server(answer) as server:
        yield server, let_go
        let_go.set()


def stored(tmp_path):
    run = tmp_path / "results/m-demo"
    results = json.loads((run / "results.json").read_text())
    lines = (run / "samples/gpt4tools_unseen.jsonl").read_text().splitlines()
    return results["status"], len(lines)


def test_the_first_ctrl_c_waits_for_what_is_in_flight(tmp_path, held):
    server, let_go = held
    with terminal(tmp_path, *options(server)) as running:
        running.wait_for("4/24")
        running.type(b"\x03")
        running.wait_for("stopping: 4 requests in flight will be finished; Ctrl-C again stops")
        let_go.set()
        assert running.end() == 130
        assert "8/24 done in" in running.shown
        assert "finished samples are kept" in running.shown
    assert stored(tmp_path) == ("interrupted", 2 * IN_FLIGHT)
    assert len(server.requests) == 2 * IN_FLIGHT


def test_a_closed_terminal_ends_a_run_as_ctrl_c_does(tmp_path, held):
    server, _ = held
    with terminal(tmp_path, *options(server)) as running:
        running.wait_for("4/24")
        running.close()
        assert running.end() in (129, 130)
    assert stored(tmp_path) == ("interrupted", IN_FLIGHT)


def test_the_reader_of_a_pipe_may_leave(tmp_path, held):
    """As in ``instit-bench run … 2>&1 | head -3``."""
    server, let_go = held
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "instit_bench",
            *map(
                str,
                options(
                    server,
                ),
            ),
        ],
        cwd=tmp_path,
        env=cli_environment(INSTIT_BENCH_HOME=str(tmp_path / "home")),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout.readline() == b"run: results/m-demo\n"
    process.stdout.close()
    let_go.set()
    assert process.wait(60) in (130, 141)
    assert stored(tmp_path)[0] in ("interrupted", "finished")


# Before its first module, Python itself ends with a traceback; that can take a while.
TOLD = "from instit_bench.__main__ import main; print('begins', flush=True); main()"


@pytest.mark.parametrize("after_s", [0.01, 0.1, 0.3, 0.6])
def test_ctrl_c_while_it_starts_shows_no_traceback(held, tmp_path, after_s):
    server, let_go = held
    with terminal(tmp_path, *options(server), program=("-c", TOLD)) as running:
        running.wait_for("begins")
        time.sleep(after_s)
        running.type(b"\x03")
        let_go.set()  # on a fast machine it has started
        assert running.end() in (-signal.SIGINT, 130)
        assert "Traceback" not in running.shown


def test_judging_is_interrupted_in_the_same_way(tmp_path, cli):
    let_go = threading.Event()

    def answer(body):
        if len(server.requests) > 2:
            let_go.wait(60)
        return Reply('{"sample_score": 1}')

    done = cli(
        *("run", "--model", "echo-gold", "--backend", "baseline", "--data", "demo"),
        *("--tasks", "inst_it_image_oe", "--name", "r"),
    )
    assert done.returncode == 0
    with openai_server(answer) as server:
        judge = ["--judge", "openai:j", "--judge-base-url", server.base_url]
        with terminal(tmp_path, "judge", "results/r", *judge, "--judge-concurrency", 2) as running:
            running.wait_for("2/16")
            running.type(b"\x03")
            running.wait_for("stopping: 2 judge calls in flight will be finished")
            let_go.set()
            assert running.end() == 130
            assert "the verdicts given are kept" in running.shown
    results = json.loads((tmp_path / "results/r/results.json").read_text())
    states = results["tasks"]["inst_it_image_oe"]["states"]
    assert (states["scored"], states["not_judged"]) == (4, 12)


def test_nobody_listening_is_told_before_the_retries_which_the_second_ctrl_c_ends(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with terminal(
        tmp_path,
        *("run", "--model", "m", "--backend", "openai", "--base-url", address),
        *("--data", "demo", "--tasks", "gpt4tools_unseen"),
        columns=120,
    ) as running:
        running.wait_for(f"cannot reach {address}: Connection refused; trying again, 6 times")
        running.type(b"\x03")
        running.wait_for("in flight will be finished; Ctrl-C again stops at once")
        running.type(b"\x03")
        assert running.end() == 130
        assert "Traceback" not in running.shown
    results = json.loads((tmp_path / "results/m-demo/results.json").read_text())
    assert results["status"] == "interrupted"

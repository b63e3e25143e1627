"""A run survives a kill at any moment: no finished sample is lost or requested again."""

from __future__ import annotations

import itertools
import json
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from threading import Event

import pytest

from tests.command_line import cli_environment
from tests.openai_server import Reply, openai_server

N_DEMO = 112  # samples of all six tasks in the demo data


def letter_for(body):
    """Return a reply that depends only on the request, like a greedy model's."""
    text = json.dumps(body["messages"])
    return Reply("ABCD"[sum(text.encode()) % 4], delay_s=0.02)


def command(server, output):
    return [
        *(sys.executable, "-m", "instit_bench", "run", "--model", "m", "--backend", "openai"),
        *("--base-url", server.base_url, "--data", "demo", "--output", str(output)),
        *("--concurrency", "4"),
    ]


def start(server, output, cwd, data="demo"):
    return subprocess.Popen(
        [data if word == "demo" else word for word in command(server, output)],
        cwd=cwd,
        env=cli_environment(INSTIT_BENCH_HOME=str(cwd / "home")),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def lines(output):
    return {
        path.stem: [json.loads(line) for line in path.read_text().splitlines()]
        for path in (output / "m-demo/samples").glob("*.jsonl")
    }


def answers(output):
    volatile = ("latency_s",)
    return {
        task: [{k: v for k, v in record.items() if k not in volatile} for record in records]
        for task, records in lines(output).items()
    }


def results(output):
    return json.loads((output / "m-demo/results.json").read_text())


def wait_for_requests(server, count, process):
    deadline = time.monotonic() + 60
    while len(server.requests) < count and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken")
    with openai_server(letter_for) as server:
        process = start(server, folder / "out", folder)
        assert process.wait(60) == 0, process.stderr.read()
        requests = [json.dumps(body) for body in server.requests]
    return folder / "out", requests


def test_every_sample_is_requested_once_with_its_images(unbroken):
    _, requests = unbroken
    assert len(requests) == N_DEMO
    assert sum("data:image/" in body for body in requests) == 64


def test_requests_that_share_an_image_are_sent_together(unbroken):
    """The first request of a video fills the cache with its frames for the others."""
    _, requests = unbroken
    pictures = [body.split("data:image/")[1][:200] for body in requests if "data:image/" in body]
    changes = sum(a != b for a, b in itertools.pairwise(pictures))
    # Every unnecessary change of image means that two requests overtook each other.
    assert changes <= len(set(pictures)) - 1 + 8


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.reliability) for seed in (1, 2))]
)
def test_a_run_killed_at_random_points_and_resumed_gives_the_same_results(tmp_path, unbroken, seed):
    output, randomness = tmp_path / "out", random.Random(seed)
    with openai_server(letter_for) as server:
        finished_before_kills = Counter()
        while True:
            process = start(server, output, tmp_path)
            wait_for_requests(server, len(server.requests) + randomness.randint(1, 40), process)
            if process.poll() is None:
                process.kill()
            if process.wait(60) != -signal.SIGKILL:
                assert process.returncode == 0, process.stderr.read()
                break
            for task, records in partial_lines(output).items():
                finished_before_kills.update((task, record["id"]) for record in records)
        asked = len(server.requests)
    assert finished_before_kills, "no kill came early enough"
    for task, records in lines(output).items():
        ids = [record["id"] for record in records]
        assert len(ids) == len(set(ids)), task
    # At most the requests in flight at each kill are sent a second time.
    kills = max(finished_before_kills.values(), default=0)
    assert asked <= N_DEMO + 4 * (kills + 1)
    assert answers(output) == answers(unbroken[0])
    expected = results(unbroken[0])
    found = results(output)
    assert found == expected


def partial_lines(output):
    """Return the complete lines that a killed process left behind."""
    return {
        path.stem: [json.loads(line) for line in path.read_text().split("\n")[:-1]]
        for path in (output / "m-demo/samples").glob("*.jsonl")
    }


def test_finished_samples_are_not_requested_again(tmp_path):
    with openai_server(letter_for) as server:
        process = start(server, tmp_path / "out", tmp_path)
        wait_for_requests(server, 50, process)
        process.kill()
        process.wait(60)
        finished = {r["prompt"] for rs in partial_lines(tmp_path / "out").values() for r in rs}
        before = len(server.requests)
        process = start(server, tmp_path / "out", tmp_path)
        assert process.wait(60) == 0, process.stderr.read()
        again = [text_of(body) for body in server.requests[before:]]
    assert len(finished) > 30
    asked_again = Counter(again) & Counter(finished)
    assert not asked_again


def text_of(body):
    content = body["messages"][0]["content"]
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if part["type"] == "text")


def test_a_line_cut_short_by_a_kill_is_dropped(tmp_path, unbroken):
    with openai_server(letter_for) as server:
        process = start(server, tmp_path / "out", tmp_path)
        wait_for_requests(server, 40, process)
        process.kill()
        process.wait(60)
        for path in (tmp_path / "out/m-demo/samples").glob("*.jsonl"):
            with path.open("a") as file:
                file.write('{"id": "half')
        process = start(server, tmp_path / "out", tmp_path)
        assert process.wait(60) == 0, process.stderr.read()
        assert "its last line was unfinished and is dropped (12 bytes" in process.stderr.read()
    assert answers(tmp_path / "out") == answers(unbroken[0])


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_cleanly_with_130_and_can_be_resumed(tmp_path, unbroken, signal_number):
    with openai_server(letter_for) as server:
        process = start(server, tmp_path / "out", tmp_path)
        wait_for_requests(server, 30, process)
        process.send_signal(signal_number)
        assert process.wait(60) == 130
        told = process.stderr.read()
        assert "run the same command again to resume" in told
        assert "Traceback" not in told
        partial = results(tmp_path / "out")
        assert partial["status"] == "interrupted"
        assert sum(task["states"]["not_run"] for task in partial["tasks"].values()) > 0
        process = start(server, tmp_path / "out", tmp_path)
        assert process.wait(60) == 0, process.stderr.read()
    assert results(tmp_path / "out") == results(unbroken[0])


def test_a_second_process_on_the_same_run_is_refused(tmp_path):
    refused = Event()

    def once_the_second_has_ended(body):
        refused.wait(60)
        return letter_for(body)

    with openai_server(once_the_second_has_ended) as server:
        first = start(server, tmp_path / "out", tmp_path)
        wait_for_requests(server, 1, first)
        broken = tmp_path / "demo"  # data that would be an error if they were read
        (broken / "Inst-It-Bench").mkdir(parents=True)
        (broken / "Inst-It-Bench/image_multi_choice.json").write_text("{")
        second = start(server, tmp_path / "out", tmp_path, data=broken)
        assert second.wait(60) == 2
        told = second.stderr.read()
        assert f"process {first.pid} on {socket.gethostname()}, since 20" in told
        assert "is writing to this run; wait for it" in told
        refused.set()
        assert first.wait(60) == 0
    assert (tmp_path / "out/m-demo/results.json").exists()

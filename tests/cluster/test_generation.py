"""``generate instructions --ray``: the same replies as on one machine (``-m ray``)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.machines import kill_process
from tests.cluster.test_replicas import cluster, plugins  # noqa: F401 - fixtures
from tests.command_line import cli_environment, cli_in
from tests.finished_run import read_jsonl
from tests.generation.inputs import captions, words
from tests.generation.scripted_writer import caption_of, write
from tests.openai_server import Reply, openai_server

pytestmark = [pytest.mark.ray, pytest.mark.timeout(240)]

CAPTIONS, AT_ONCE = 60, 4


class Endpoint:
    """A server that can wait until so many requests are in flight, and act at one of them."""

    def __init__(self) -> None:
        self.server = None
        self.full = threading.Event()
        self.wait_for = 0
        self.usage = {"prompt_tokens": 100, "completion_tokens": 2}
        self.act_at: dict[object, object] = {}
        self._lock = threading.Lock()

    def answer(self, body):
        with self._lock:
            number, caption = len(self.server.requests), caption_of(body)
            act = self.act_at.pop(number, None) or self.act_at.get(caption)
        if self.server.in_flight >= self.wait_for:
            self.full.set()
        self.full.wait(60)
        if act:
            act()
        choice = {"message": {"content": write(body).text}, "finish_reason": "stop"}
        reply = {"choices": [choice], "usage": self.usage}
        return Reply(body=json.dumps(reply).encode(), delay_s=0.1)

    @property
    def asked(self):
        """How often each caption was asked for."""
        return Counter(map(caption_of, self.server.requests))


@contextmanager
def endpoint():
    found = Endpoint()
    with openai_server(found.answer) as found.server:
        yield found


def replicas(plugins):  # noqa: F811
    """The processes of this cluster's replicas, which were started with the plugins' folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            title, env = ((process / name).read_bytes() for name in ("cmdline", "environ"))
        except OSError:
            continue
        if title.startswith(b"ray::ReplicaActor") and str(plugins).encode() in env:
            found.append(int(process.name))
    return found


def on(cluster, replicas=2):  # noqa: F811
    return ("--ray", cluster.address, "--replicas", replicas, "--gpus-per-replica", 1)


def command(endpoint, *more):
    return words(endpoint.server, "--concurrency", AT_ONCE, *more)


def replies(folder):
    """The journal by caption, without what differs each time; each caption may be there once."""
    lines = read_jsonl(folder / "instructions/instructions.jsonl")
    kept = {one["id"]: {k: v for k, v in one.items() if k != "latency_s"} for one in lines}
    assert len(kept) == len(lines)
    return kept


def manifest(folder):
    return json.loads((folder / "instructions/writer.json").read_text())


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The replies of one process, and their manifest."""
    folder = tmp_path_factory.mktemp("alone")
    captions(folder, CAPTIONS)
    with endpoint() as found:
        done = cli_in(folder)(*command(found))
    assert done.returncode == 0, done.stderr
    return replies(folder), manifest(folder)


def test_replies_over_two_nodes_equal_those_of_one_process_though_a_replica_dies(
    tmp_path,
    cluster,  # noqa: F811
    plugins,  # noqa: F811
    alone,
):
    captions(tmp_path, CAPTIONS)
    with endpoint() as found:
        found.wait_for = 2 * AT_ONCE
        found.act_at[20] = lambda: kill_process(replicas(plugins)[0])
        done = cli_in(tmp_path)(*command(found, *on(cluster)))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(" died: ") == 1
    assert replies(tmp_path) == alone[0]
    assert found.server.most_in_flight >= 2 * AT_ONCE
    again = sum(found.asked.values()) - CAPTIONS
    assert len(found.asked) == CAPTIONS
    assert again <= AT_ONCE, "at most what the dead replica had in flight"
    assert manifest(tmp_path)["identity"] == alone[1]["identity"]
    told = manifest(tmp_path)["settings"]
    assert (told["ray"]["replicas"], sorted(told["ray"]["nodes"])) == (2, ["node-0", "node-1"])
    assert told["backend"].keys() == alone[1]["settings"]["backend"].keys()


def driver(folder, endpoint, *more):
    return subprocess.Popen(
        [sys.executable, "-m", "instit_bench", *map(str, command(endpoint, *more))],
        cwd=folder,
        env=cli_environment(INSTIT_BENCH_HOME=str(folder / "home")),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_one_folder_goes_on_here_and_in_a_cluster_though_the_driver_is_interrupted_and_killed(
    tmp_path,
    cluster,  # noqa: F811
    alone,
):
    captions(tmp_path, CAPTIONS)
    with endpoint() as found:
        assert cli_in(tmp_path)(*command(found, "--limit", 5)).returncode == 0
        for number, how, code in ((20, signal.SIGINT, 130), (40, signal.SIGKILL, -signal.SIGKILL)):
            kept = replies(tmp_path)
            process = driver(tmp_path, found, *on(cluster))
            found.act_at[number] = lambda p=process, how=how: os.kill(p.pid, how)
            _, told = process.communicate(timeout=100)
            assert process.returncode == code, told
            now = replies(tmp_path)
            assert now.items() > kept.items()
            lost = sum(found.asked.values()) - len(now)
            if how == signal.SIGINT:
                assert "in flight will be finished" in told
                assert lost == 0, "what was in flight has been finished"
        assert len(now) < CAPTIONS
        assert cli_in(tmp_path)(*command(found)).returncode == 0
    assert replies(tmp_path) == alone[0]
    assert sum(found.asked.values()) == CAPTIONS + lost
    assert lost <= 2 * AT_ONCE, "only what was in flight is asked again"
    assert manifest(tmp_path)["identity"] == alone[1]["identity"]


def test_a_budget_stops_all_replicas_before_it_is_exceeded(tmp_path, cluster):  # noqa: F811
    captions(tmp_path, CAPTIONS)
    budget = ("--max-tokens", 2000, "--token-budget", 200_000)
    with endpoint() as found:
        found.usage = {"prompt_tokens": 2000, "completion_tokens": 1500}
        done = cli_in(tmp_path)(*command(found, *budget, *on(cluster)))
    assert done.returncode == 3, done.stderr
    assert "the next request could exceed --token-budget 200,000" in done.stderr
    kept = manifest(tmp_path)
    assert 2 * AT_ONCE < len(replies(tmp_path)) == sum(found.asked.values()) < CAPTIONS
    assert kept["prompt_tokens"] + kept["completion_tokens"] <= 200_000


def test_a_caption_that_kills_every_replica_fails_alone_and_is_asked_again(
    tmp_path,
    cluster,  # noqa: F811
    plugins,  # noqa: F811
    alone,
):
    captions(tmp_path, CAPTIONS)
    with endpoint() as found:
        found.act_at["A cat 9."] = lambda: [kill_process(pid) for pid in replicas(plugins)]
        done = cli_in(tmp_path)(*command(found, *on(cluster, replicas=1)))
        assert done.returncode == 1, done.stderr
        assert "1 of 60 captions failed" in done.stderr
        assert "the first is caption 10: 3 engines died with it; " in done.stderr
        assert found.asked.pop("A cat 9.") == 3
        found.act_at.clear()
        done = cli_in(tmp_path)(*command(found))
        assert done.returncode == 0, done.stderr
    lines = read_jsonl(tmp_path / "instructions/instructions.jsonl")
    assert sum(one["id"] == 10 for one in lines) == 2
    last = {one["id"]: one["instructions"] for one in lines}
    assert last == {number: one["instructions"] for number, one in alone[0].items()}

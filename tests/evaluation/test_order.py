"""The order of requests: what shares an image is together, and has a lead."""

from __future__ import annotations

import json
import threading
from itertools import groupby

import pytest

from instit_bench.evaluation.config import RunConfig
from instit_bench.evaluation.order import in_order
from instit_bench.evaluation.plan import make_plan
from instit_bench.resources import demo_data
from tests.openai_server import Reply, openai_server

BOTH = "inst_it_image_mc,inst_it_image_oe"


def items(done=(), **settings):
    plan = make_plan(RunConfig(model="m", backend="baseline", data=str(demo_data()), **settings))
    return in_order(plan, {task.task.name: set(done) for task in plan.tasks})


def test_all_questions_of_an_image_are_together_and_share_it():
    asked = items(tasks=tuple(BOTH.split(",")))
    groups = [list(group) for _, group in groupby(asked, key=lambda item: item.shares)]
    assert [len(group) for group in groups] == [4] * 8
    for group in groups:
        assert len({item.value[1].cluster for item in group}) == 1
        assert {item.value[0].task.name for item in group} == {*BOTH.split(",")}


def test_an_image_and_a_video_of_one_number_share_nothing():
    shares = {item.shares for item in items() if item.value[1].cluster == "001"}
    assert len(shares) == 2


def test_texts_with_the_same_beginning_are_next_to_each_other_and_wait_for_nobody():
    texts = [item for item in items() if item.value[0].task.config.metadata.media == "none"]
    assert len(texts) == 48
    questions = [item.value[1].question for item in texts]
    assert questions == sorted(questions)
    assert {item.shares for item in texts} == {None}
    assert [item.shares for item in items()][-48:] == [None] * 48, "they fill places until then"


def test_what_is_done_or_beyond_the_limit_is_left_out():
    assert len(items(limit=3)) == 18
    first = items(limit=1)[0].value[1].id
    assert all(item.value[1].id != first for item in items(done=[first]))


class Watcher:
    """Answers, and writes down for each request of an image how many others were unanswered."""

    def __init__(self, fail=()):
        self.lock = threading.Lock()
        self.seen, self.open, self.alone, self.fail = {}, {}, [], set(fail)

    def __call__(self, body):
        parts = body["messages"][0]["content"]
        image = parts[0]["image_url"]["url"]
        with self.lock:
            number = self.seen[image] = self.seen.get(image, 0) + 1
            self.open[image] = self.open.get(image, 0) + 1
            if number <= 2:
                self.alone.append((number, self.open[image]))
            fails = number in self.fail
        threading.Event().wait(0.02)
        with self.lock:
            self.open[image] -= 1
        return Reply("no", status=400) if fails else Reply("A")


def run(cli, server, *options, backend="vllm"):
    return cli(
        *("run", "--model", "m", "--backend", backend, "--base-url", server.base_url),
        *("--data", "demo", "--judge", "none", "--name", "r", "--tasks", BOTH, *options),
    )


@pytest.mark.parametrize("in_flight", [1, 4, 64])
def test_the_second_question_of_an_image_waits_for_the_first(cli, in_flight):
    watch = Watcher()
    with openai_server(watch) as server:
        done = run(cli, server, "--concurrency", in_flight)
    assert done.returncode == 0, done.stderr
    assert len(server.requests) == 32
    assert sorted(watch.alone) == [(1, 1)] * 8 + [(2, 1)] * 8
    assert 1 <= server.most_in_flight <= in_flight
    assert sum(bool(body.get("stream")) for body in server.requests) == 8


def test_any_other_endpoint_is_asked_all_at_once(cli):
    watch = Watcher()
    with openai_server(watch) as server:
        assert run(cli, server, "--concurrency", 64, backend="openai").returncode == 0
    assert not any(body.get("stream") for body in server.requests)
    assert server.most_in_flight > 8


def test_when_the_first_question_fails_the_others_are_asked_and_a_resumed_run_asks_it_again(
    cli, tmp_path
):
    with openai_server(Watcher(fail=[1])) as server:
        done = run(cli, server)
        assert done.returncode == 1
        assert "8 of 32 samples failed" in done.stderr
        done = run(cli, server)
    assert done.returncode == 0, done.stderr
    assert len(server.requests) == 40
    lines = [
        json.loads(line)
        for task in BOTH.split(",")
        for line in (tmp_path / f"results/r/samples/{task}.jsonl").read_text().splitlines()
    ]
    assert {line["error"] for line in lines} == {None}

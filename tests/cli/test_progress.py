"""Progress tells the truth: counts, rates and times, on a real terminal and in plain lines."""

from __future__ import annotations

import re
import threading
import time

import pytest

from instit_bench.cli.progress import final_line, numbers_line
from instit_bench.progress import Tally
from tests.openai_server import Reply, openai_server
from tests.terminal import terminal

SAMPLES = 48


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def tally(*lanes):
    clock = Clock()
    counted = Tally(clock)
    counted.begin()
    for name, total, done, judging in lanes:
        counted.lane(name, total, done, judging=judging)
    return counted, clock


def test_the_rate_counts_from_the_first_request_and_over_the_last_minute():
    counted, clock = tally(("a", 1000, 500, False))
    clock.now = 300.0  # an engine starts
    counted.asked("a")
    assert (counted.rate(), counted.left_s) == (None, None)
    for _ in range(120):
        clock.now += 1.0
        counted.step("a", tokens=10)
    assert counted.rate() == pytest.approx(1.0, rel=0.05)
    assert counted.left_s == pytest.approx(380.0, rel=0.05)
    for _ in range(240):
        clock.now += 0.25
        counted.step("a", tokens=10)
    assert counted.rate() == pytest.approx(4.0, rel=0.05)
    assert (counted.sum().done, counted.tokens, counted.elapsed_s) == (860, 3600, 480.0)
    clock.now += 30.0  # the server hangs
    assert counted.rate() == pytest.approx(2.0, rel=0.05)
    counted.end()
    clock.now += 1000.0
    assert counted.rate() == pytest.approx(4.0, rel=0.05)
    assert counted.elapsed_s == 510.0


def test_many_answers_at_once_are_no_infinite_rate():
    counted, clock = tally(("a", 100, 0, False))
    for _ in range(16):
        counted.asked("a")
    clock.now = 12.0
    for _ in range(16):
        counted.step("a")
    assert counted.rate() == pytest.approx(16 / 12)


def test_a_step_that_is_known_or_void_is_no_work():
    counted, clock = tally(("a", 4, 0, False), ("a judged", 4, 0, True))
    for outcome in ("done", "failed", "done", "done"):
        counted.asked("a")
        clock.now += 1.0
        counted.step("a", outcome)
    counted.step("a judged", "void")  # the failed answer
    counted.step("a judged", "known")
    counted.asked("a judged")
    clock.now += 2.0
    counted.step("a judged")
    judged = counted.sum(judging=True)
    assert (judged.done, judged.total, counted.rate(judging=True)) == (2, 3, 0.5)
    assert counted.left_s == 2.0
    assert numbers_line(counted) == ("40.0/min, about 0:02 left, 0:06 elapsed, 1 error, judged 2/3")
    counted.end()
    assert final_line(counted) == "4/4 done in 0:06, 1.0/s, 1 error, judged 2/3"


@pytest.mark.parametrize("columns", [80, 120])
def test_the_view_on_a_terminal(tmp_path, columns):
    """Half of the answers wait until the view was seen; the rate is that of the server."""
    go_on = threading.Event()
    begun, ended = [], []

    def answer(body):
        begun.append(time.monotonic())
        if len(begun) > SAMPLES // 2:
            go_on.wait(60)
        time.sleep(0.1)
        ended.append(time.monotonic())
        return Reply("A")

    with openai_server(answer) as server:
        options = ["--model", "m", "--backend", "openai", "--base-url", server.base_url]
        tasks = "inst_it_image_oe,gpt4tools"
        options += ["--data", "demo", "--tasks", tasks, "--concurrency", 4, "--limit", 16]
        with terminal(tmp_path, "run", *options, columns=columns) as running:
            running.wait_for(f"{SAMPLES // 2}/{SAMPLES}")
            bars = [line for line in running.screen if "━" in line]
            numbers = next(line for line in running.screen if "elapsed" in line)
            go_on.set()
            assert running.end() == 0
            shown = running.shown
    names = [re.split(r"\s{2,}", line)[0] for line in bars]
    assert names == ["inst_it_image_oe", "gpt4tools_seen", "gpt4tools_unseen", "total"]
    assert {len(line) for line in bars} <= set(range(columns // 2, columns + 1))
    assert all(re.search(r"━ +\d+/(16|48)$", line) for line in bars)
    number = r"\d+\.\d/s, about 0:\d\d left, 0:\d\d elapsed, 2,\d{3} tokens, 0 errors"
    assert re.fullmatch(number, numbers)
    last = re.search(r"48/48 done in 0:\d\d, (\d+\.\d)/s, 4,896 tokens, 0 errors\n", shown)
    true = SAMPLES / (max(ended) - min(begun))
    assert float(last[1]) == pytest.approx(true, rel=0.1)
    assert re.search(r"0/16 \(16\s+answered,\s+not\s+judged\)", shown)
    following = shown[shown.index("next: ") :].split("\n")
    assert " ".join("".join(following).split()).startswith(
        "next: instit-bench judge results/m-demo --judge openai:gpt-4o"
    )


def test_failed_predictions_are_not_waiting_for_a_judge(cli):
    asked = []

    def every_other(body):
        asked.append(body)
        return Reply("no", status=400) if len(asked) % 4 == 0 else Reply("a dog")

    with (
        openai_server(every_other) as server,
        openai_server(lambda _: Reply('{"sample_score": 1}')) as judge,
    ):
        done = cli(
            *("run", "--model", "m", "--backend", "openai", "--base-url", server.base_url),
            *("--data", "demo", "--tasks", "inst_it_image_oe", "--limit", 8, "--concurrency", 1),
            *("--judge", "openai:j", "--judge-base-url", judge.base_url, "--fail-on-error", 8),
        )
    assert done.returncode == 0, done.stderr
    assert "8/8 done in" in done.stderr
    assert "2 errors, judged 6/6" in done.stderr

"""The cost of judging: the budget that is never exceeded, and the estimate beforehand."""

from __future__ import annotations

import json
import re

import pytest

from instit_bench.evaluation.config import RunConfig
from instit_bench.scorers.judge.contract import OFFICIAL_JUDGE
from tests.judging.test_judging import TASK, by_rule, judge_options, load, predictions
from tests.openai_server import Reply, openai_server


def test_judging_stops_before_the_budget_is_exceeded_with_exit_code_3(cli, tmp_path):
    file, _ = predictions(tmp_path, 50)
    prices = tmp_path / "prices.json"
    prices.write_text('{"j": {"input": 100.0, "output": 100.0}}')  # 0.0102 dollars per call
    with openai_server(by_rule) as server:
        done = cli(
            *("score", file, "--task", TASK, "--name", "s"),
            *judge_options(server, "--judge-prices", prices, "--judge-budget", 0.2),
        )
        assert done.returncode == 3
        assert "--judge-budget 0.2" in done.stderr
        asked = len(server.requests)
        assert 5 <= asked <= 19
        task = load(tmp_path / "results/s/results.json")["tasks"][TASK]
        assert task["states"]["scored"] == asked
        assert task["states"]["not_judged"] == 50 - asked
        cost = task["judging"]["judges"]["openai:j"]["cost_usd"]
        assert cost == pytest.approx(asked * 0.0102)
        assert cost <= 0.2
        unknown = cli(
            *("score", file, "--task", TASK, "--name", "t"),
            *judge_options(server, "--judge-budget", 1),
        )
    assert unknown.returncode == 2
    assert "the price of 'j' is not known" in unknown.stderr
    assert not (tmp_path / "results/t").exists()


@pytest.mark.parametrize("usage", [None, {"prompt_tokens": -9, "completion_tokens": "x"}])
def test_an_endpoint_without_usage_counts_cannot_exceed_the_budget(cli, tmp_path, usage):
    file, _ = predictions(tmp_path, 30)
    prices = tmp_path / "prices.json"
    prices.write_text('{"j": {"input": 100.0, "output": 100.0}}')

    def answer(body):
        choice = {"index": 0, "finish_reason": "stop", "message": {"content": "0.5"}}
        return Reply(body=json.dumps({"id": "1", "choices": [choice], "usage": usage}).encode())

    with openai_server(answer) as server:
        done = cli(
            *("score", file, "--task", TASK, "--name", "s"),
            *judge_options(server, "--judge-prices", prices, "--judge-budget", 0.2),
        )
    assert done.returncode == 3
    assert 1 <= len(server.requests) <= 10


def test_an_estimate_shows_calls_tokens_and_cost(cli, tmp_path):
    file, _ = predictions(tmp_path, 10)
    cli("score", file, "--task", TASK, "--name", "s", "--judge", "none")
    done = cli(
        *("judge", "estimate", "results/s", "--judge", "openai:gpt-4o-2024-08-06"),
        *("--judge-repeats", "3"),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("openai:gpt-4o-2024-08-06: 30 calls, about ")
    assert "US dollars" in done.stdout
    before = cli("judge", "estimate", "--data", "demo", "--judge", "openai:unpriced")
    assert before.stdout.startswith("openai:unpriced: 32 calls, about ")
    assert "price not known" in before.stdout


def test_the_judge_and_the_estimated_cost_are_printed_before_the_first_call(cli, tmp_path):
    file, _ = predictions(tmp_path, 10)
    prices = tmp_path / "prices.json"
    prices.write_text('{"j": {"input": 1000.0, "output": 0}}')
    with openai_server(by_rule) as server:
        score = ("score", file, "--task", TASK, "--judge-prices", prices, *judge_options(server))
        first = cli(*score, "--name", "s")
        assert re.search(
            r"judged by openai:j: about 10 calls, about \d+\.\d\d US dol", first.stderr
        )
        assert first.stderr.index("judged by") < first.stderr.index(f"{TASK} judged")
        again = cli(*score, "--name", "t")  # all verdicts are in the cache
        assert "judged by openai:j: about 0 calls, no cost" in again.stderr
        more = cli(*score, "--name", "s", "--judge-repeats", "2")
        assert "judged by openai:j: about 10 calls (10 already known), about" in more.stderr
        run = cli(
            *("run", "--model", "echo-gold", "--backend", "baseline", "--data", "demo"),
            *("--tasks", "inst_it_image_oe", *judge_options(server)),
        )
    assert "judged by openai:j: about 16 calls, price not known" in run.stderr


def nobody(body):
    return Reply("It is red.")


@pytest.mark.parametrize("key", ["sk-x", ""])
def test_a_local_model_is_not_judged_by_a_paid_judge_unless_requested(cli, tmp_path, key):
    with openai_server(nobody) as server:
        done = cli(
            *("run", "--model", "m", "--backend", "openai", "--base-url", server.base_url),
            *("--data", "demo", "--tasks", "inst_it_image_oe", "--name", "r"),
            OPENAI_API_KEY=key,
        )
    assert done.returncode == 0, done.stderr
    (told,) = [line for line in done.stderr.splitlines() if "no judge for" in line]
    assert "--judge" in told
    assert {body["model"] for body in server.requests} == {"m"}
    assert load(tmp_path / "results/r/manifest.json")["judging"] is None


@pytest.mark.parametrize(
    ("settings", "judges"),
    [
        ({"backend": "vllm"}, ()),
        ({"backend": "vllm", "base_url": "https://api.example.com/v1"}, ()),
        ({"backend": "baseline"}, ()),
        ({"backend": "openai", "base_url": "http://localhost:8000/v1"}, ()),
        ({"backend": "openai", "base_url": "http://192.168.1.7:8000/v1"}, ()),
        ({"backend": "openai", "base_url": "http://[::1]:8000/v1"}, ()),
        ({"backend": "openai", "base_url": "http://gpu-node:8000/v1"}, ()),
        ({"backend": "openai", "base_url": "https://api.example.com/v1"}, ()),
        ({"backend": "openai"}, (OFFICIAL_JUDGE,)),
        ({"backend": "vllm", "judge": "openai:j"}, ("openai:j",)),
        ({"backend": "openai", "judge": "none"}, ()),
    ],
)
def test_the_default_judge_if_a_key_is_set(monkeypatch, settings, judges):
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    assert RunConfig(model="m", **settings).judges == judges
    monkeypatch.delenv("OPENAI_API_KEY")
    assert RunConfig(model="m", **settings).judges in ((), ("openai:j",))

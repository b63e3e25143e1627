"""What judging costs: the budget that is never passed, and the estimate beforehand."""

from __future__ import annotations

import json

import pytest

from tests.judging.test_judging import TASK, by_rule, judge_options, load, predictions
from tests.openai_server import Reply, openai_server


def test_a_budget_stops_before_it_is_passed_with_exit_3(cli, tmp_path):
    file, _ = predictions(tmp_path, 50)
    prices = tmp_path / "prices.json"
    prices.write_text('{"j": {"input": 100.0, "output": 100.0}}')  # 0.0102 dollars a call
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
        assert task["states"]["not_run"] == 50 - asked
        cost = task["judging"]["judges"]["openai:j"]["cost_usd"]
        assert cost == pytest.approx(asked * 0.0102)
        assert cost <= 0.2
        unknown = cli(
            *("score", file, "--task", TASK, "--name", "t"),
            *judge_options(server, "--judge-budget", 1),
        )
    assert unknown.returncode == 2
    assert "the price of 'j' is not known" in unknown.stderr


@pytest.mark.parametrize("usage", [None, {"prompt_tokens": -9, "completion_tokens": "x"}])
def test_an_endpoint_that_hides_its_usage_cannot_pass_the_budget(cli, tmp_path, usage):
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


def test_an_estimate_names_calls_tokens_and_cost_beforehand(cli, tmp_path):
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

"""The Batch API: submit, leave, collect; nothing is lost and nothing is requested twice."""

from __future__ import annotations

import json
import statistics

import pytest

from instit_bench.endpoint import client
from instit_bench.judging import batch_api
from tests.batch_server import batch_server
from tests.judging.test_judging import TASK, lines, load, predictions, rule


def completed(line, content):
    body = {
        "choices": [{"message": {"role": "assistant", "content": content}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 5},
    }
    return {"custom_id": line["custom_id"], "response": {"status_code": 200, "body": body}}


def by_rule(line):
    return completed(line, json.dumps({"sample_score": rule(line["body"])}))


def submit(cli, server, file):
    return cli(
        *("score", file, "--task", TASK, "--name", "s", "--judge", "openai:gpt-4o"),
        *("--judge-base-url", server.base_url, "--judge-batch"),
        OPENAI_API_KEY="sk-x",
    )


def collect(cli, server):
    return cli(
        *("judge", "collect", "results/s", "--judge-base-url", server.base_url),
        OPENAI_API_KEY="sk-x",
    )


def test_submit_leave_collect(cli, tmp_path):
    file, expected = predictions(tmp_path, 9)
    with batch_server(by_rule) as server:
        submitted = submit(cli, server, file)
        assert submitted.returncode == 0, submitted.stderr
        assert "9 answers submitted as batch batch_0" in submitted.stderr
        task = load(tmp_path / "results/s/results.json")["tasks"][TASK]
        assert task["states"]["not_judged"] == 9

        early = collect(cli, server)
        assert early.returncode == 3
        assert "in_progress (3 of 9 done)" in early.stderr

        server.finish()
        done = collect(cli, server)
        assert done.returncode == 0, done.stderr
    task = load(tmp_path / "results/s/results.json")["tasks"][TASK]
    assert task["metrics"]["official_score"]["value"] == pytest.approx(
        statistics.fmean(expected.values())
    )
    # 9 calls of 100 and 5 tokens at 2.5 and 10 dollars per million, at half the price.
    cost = task["judging"]["judges"]["openai:gpt-4o"]["cost_usd"]
    assert cost == pytest.approx(9 * (100 * 2.5 + 5 * 10) / 1e6 / 2)
    assert collect(cli, server).returncode == 2, "the batch has been collected"


def test_the_batch_sends_the_same_requests_as_single_calls(cli, tmp_path):
    file, _ = predictions(tmp_path, 1)
    with batch_server(by_rule) as server:
        submit(cli, server, file)
    (line,) = (json.loads(text) for text in server.files["file-0"].decode().splitlines())
    assert (line["method"], line["url"]) == ("POST", "/v1/chat/completions")
    assert set(line["body"]) == {"model", "messages", "response_format"}
    assert "It runs 0." in line["body"]["messages"][0]["content"][1]["text"]


def test_a_lost_response_to_the_submission_does_not_cost_twice(cli, tmp_path, monkeypatch):
    monkeypatch.setattr(batch_api, "_RETRIES", 1)  # each waits longer than the one before
    file, _ = predictions(tmp_path, 3)
    with batch_server(by_rule) as server:
        server.die_after_create = True
        lost = submit(cli, server, file)
        assert lost.returncode != 0
        assert "nothing is lost" in lost.stderr
        server.die_after_create = False
        created = len(server.batches)
        again = submit(cli, server, file)
        assert again.returncode == 0, again.stderr
        assert len(server.batches) == created, "the batch that was created is found again"
        server.finish()
        assert collect(cli, server).returncode == 0


def test_failed_requests_of_a_batch_are_errors_and_can_be_submitted_again(cli, tmp_path):
    file, _ = predictions(tmp_path, 4)
    troubles = [
        lambda line: completed(line, "prose"),
        lambda line: {"custom_id": line["custom_id"], "error": {"message": "expired"}},
        lambda line: completed(line, '{"sample_score": 7}'),
        by_rule,
    ]

    def reply(line):
        return troubles.pop(0)(line)

    with batch_server(reply) as server:
        submit(cli, server, file)
        server.finish()
        done = collect(cli, server)
        assert done.returncode == 1
        states = load(tmp_path / "results/s/results.json")["tasks"][TASK]["states"]
        assert (states["scored"], states["judge_error"]) == (1, 3)
        again = cli(
            *("judge", "results/s", "--judge", "openai:gpt-4o", "--judge-batch"),
            *("--judge-base-url", server.base_url),
            OPENAI_API_KEY="sk-x",
        )
        assert "3 answers submitted as batch batch_1" in again.stderr
    assert len(lines(tmp_path / "results/s/judgements/inst_it_video_oe.jsonl")) == 4


def test_a_batch_without_results_is_not_mistaken_for_the_next_one(cli, tmp_path):
    file, _ = predictions(tmp_path, 2)
    with batch_server(lambda line: completed(line, "prose")) as server:
        for number in range(2):
            assert f"submitted as batch batch_{number}" in submit(cli, server, file).stderr
            server.finish()
            assert collect(cli, server).returncode == 1


@pytest.mark.parametrize("judge", ["lexical", "none", "openai:a,openai:b"])
def test_only_one_endpoint_accepts_batches(cli, tmp_path, judge):
    file, _ = predictions(tmp_path, 1)
    options = [word for name in judge.split(",") for word in ("--judge", name)]
    done = cli("score", file, "--task", TASK, "--judge-batch", *options)
    assert done.returncode == 2
    assert "--judge-batch: name exactly one judge" in done.stderr


@pytest.mark.parametrize("limit", ["LARGEST_FILE", "LARGEST_REPLY"])
def test_an_endless_reply_about_a_batch_is_an_error(cli, tmp_path, monkeypatch, limit):
    file, _ = predictions(tmp_path, 2)
    with batch_server(by_rule) as server:
        assert submit(cli, server, file).returncode == 0
        server.finish()
        (batch,) = server.batches.values()
        if limit == "LARGEST_FILE":
            server.files[batch["output_file_id"]] += b" " * 2**20
        else:
            batch["metadata"] = {"x": "y" * 2**20}
        monkeypatch.setattr(client, limit, 2**20)
        done = collect(cli, server)
    assert done.returncode == 1
    assert "the endpoint's reply is larger than 1 MiB" in done.stderr
    assert "Traceback" not in done.stderr

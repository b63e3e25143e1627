"""Judging open-ended answers, with a real HTTP server as the judge."""

from __future__ import annotations

import hashlib
import json
import random
import statistics
import threading
from collections import Counter

import pytest

from tests.openai_server import Reply, openai_server

TASK = "inst_it_video_oe"


def rule(body):
    """Return a score that depends only on the item: 0, 0.1 … 1."""
    item = body["messages"][0]["content"][1]["text"]
    return int(hashlib.sha256(item.encode()).hexdigest(), 16) % 11 / 10


def by_rule(body):
    return Reply(json.dumps({"sample_score": rule(body)}))


def item_text(question, gold, answer):
    return json.dumps(
        {"question": question, "ground_truth_answer": gold, "tester_response": answer}
    )


def score_of(question, gold, answer):
    text = item_text(question, gold, answer)
    return rule({"messages": [{"content": [{}, {"text": text}]}]})


def load(path):
    return json.loads(path.read_text())


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def judge_options(server, *more):
    return ["--judge", "openai:j", "--judge-base-url", server.base_url, *map(str, more)]


def predictions(tmp_path, count=40):
    rows = [
        {
            "question_id": f"{i:03}-01",
            "question": f"What does [{i}] do?",
            "model_prediction": f"It runs {i}.",
            "ground_truth": f"[{i}] runs at <{i}>.",
            "split": "video",
        }
        for i in range(count)
    ]
    path = tmp_path / "p.json"
    path.write_text(json.dumps(rows))
    return path, {
        row["question_id"]: score_of(row["question"], row["ground_truth"], row["model_prediction"])
        for row in rows
    }


def test_real_predictions_get_exactly_the_judge_s_mean(cli, tmp_path, shared_data):
    file = shared_data / "inst_it/video_oe_inference.json"
    with openai_server(by_rule) as server:
        done = cli("score", file, "--task", TASK, "--name", "s", *judge_options(server))
        assert done.returncode == 0, done.stderr
    rows = json.loads(file.read_text())
    expected = statistics.fmean(
        score_of(row["question"], row["ground_truth"], row["model_prediction"]) for row in rows
    )
    task = load(tmp_path / "results/s/results.json")["tasks"][TASK]
    assert task["metrics"]["official_score"]["value"] == pytest.approx(expected, abs=1e-12)
    assert (task["n_counted"], task["coverage"], task["states"]["scored"]) == (1001, 1.0, 1001)
    prompts = load(shared_data / "prompts/inst_it_bench_prompts.json")
    body = next(b for b in server.requests if rows[0]["model_prediction"] in json.dumps(b))
    first = rows[0]
    assert body["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": prompts["gpt_eval"]["video"]},
                {
                    "type": "text",
                    "text": item_text(
                        first["question"], first["ground_truth"], first["model_prediction"]
                    ),
                },
            ],
        }
    ]
    assert set(body) == {"model", "messages", "response_format", "stream"}, "no temperature"
    assert task["marks"] == ["file", "other-judge"]


def test_a_data_folder_with_only_the_prompts_is_enough(cli, tmp_path, shared_data):
    file, _ = predictions(tmp_path, 2)
    with openai_server(by_rule) as server:
        done = cli(
            *("score", file, "--task", TASK, "--name", "s", "--data", shared_data),
            *judge_options(server),
        )
    assert done.returncode == 0, done.stderr
    task = load(tmp_path / "results/s/results.json")["tasks"][TASK]
    assert "scored against the file's own targets" in task["notes"][0]
    assert task["judging"]["prompts"] == "official"


def unreliable(seed):
    """A judge that fails three of ten calls in different ways and follows the rule otherwise."""
    randomness, lock = random.Random(seed), threading.Lock()
    troubles = [
        lambda: Reply("busy", status=429, headers={"Retry-After": "0.05"}),
        lambda: Reply("oops", status=500),
        lambda: Reply(drop=True),
        lambda: Reply('{"sample_score": 1}', delay_s=1.0),  # too late
        lambda: Reply("{not json"),
        lambda: Reply('{"sample_score": 1.7}'),
        lambda: Reply('{"sample_score": "NaN"}'),
        lambda: Reply("Score: 0. Reason: step 1 is wrong"),
        lambda: Reply(""),
        lambda: Reply(body=b"<html>gateway</html>"),
    ]

    def answer(body):
        with lock:
            trouble = randomness.choice(troubles) if randomness.random() < 0.3 else None
        return trouble() if trouble else by_rule(body)

    return answer


def test_an_unreliable_judge_never_causes_a_wrong_score(cli, tmp_path):
    file, expected = predictions(tmp_path, 120)
    answer = unreliable(1)
    with openai_server(lambda body: answer(body)) as server:  # noqa: PLW0108 - replaced below
        # Two attempts leave some answers unjudged; the second run requests only those.
        first = cli(
            *("score", file, "--task", TASK, "--name", "s"),
            *judge_options(server, "--judge-attempts", 2, "--judge-timeout", 0.5),
        )
        task = load(tmp_path / "results/s/results.json")["tasks"][TASK]
        records = lines(tmp_path / "results/s/samples/inst_it_video_oe.jsonl")
        answer, before = by_rule, len(server.requests)
        second = cli("judge", "results/s", *judge_options(server))
        asked = len(server.requests) - before
    assert first.returncode == 1
    states = Counter(record["state"] for record in records)
    assert states["judge_error"] > 0
    assert states["scored"] + states["judge_error"] == 120
    for record in records:
        if record["state"] == "scored":
            assert record["scores"]["official_score"] == expected[record["id"]]
        else:
            assert "official_score" not in record["scores"]
            assert record["error"]
    assert task["coverage"] == states["scored"] / 120
    assert f"{states['judge_error']} answers have no verdict" in first.stderr
    assert second.returncode == 0, second.stderr
    assert asked == states["judge_error"]
    task = load(tmp_path / "results/s/results.json")["tasks"][TASK]
    assert task["metrics"]["official_score"]["value"] == pytest.approx(
        statistics.fmean(expected.values()), abs=1e-12
    )


def test_a_bad_reply_is_kept_with_its_sample(cli, tmp_path):
    file, _ = predictions(tmp_path, 1)
    with openai_server(lambda _: Reply("I think it is fine.")) as server:
        done = cli(
            *("score", file, "--task", TASK, "--name", "s"),
            *judge_options(server, "--judge-attempts", 3),
        )
    assert done.returncode == 1
    assert len(server.requests) == 3
    (record,) = lines(tmp_path / "results/s/samples/inst_it_video_oe.jsonl")
    assert record["state"] == "judge_error"
    assert record["details"]["judge_reply"] == "I think it is fine."
    assert "neither the requested JSON object nor a lone number (3 calls)" in record["error"]


def message(finish_reason="stop", **fields):
    """Return a reply whose message has these fields."""
    choice = {"index": 0, "finish_reason": finish_reason, "message": {"content": None} | fields}
    return Reply(body=json.dumps({"id": "1", "choices": [choice]}).encode())


@pytest.mark.parametrize(
    ("reply", "reason", "words"),
    [
        (message(reasoning_content="0.5"), "in the reasoning field only", "0.5"),
        (message(refusal="I cannot help."), "the judge refuses: I cannot help.", "I cannot help."),
        (message("content_filter", content="0"), "a filter cut the reply off", "0"),
        (message("content_filter"), "filter withheld the reply", None),
        (message("length", content="0"), "the reply was cut off", "0"),
    ],
    ids=["reasoning", "refusal", "filtered", "filtered-empty", "cut-off"],
)
def test_a_reply_without_a_score_is_a_judge_error(cli, tmp_path, reply, reason, words):
    file, _ = predictions(tmp_path, 1)
    with openai_server(lambda _: reply) as server:
        done = cli(
            *("score", file, "--task", TASK, "--name", "s"),
            *judge_options(server, "--judge-attempts", 1),
        )
    assert done.returncode == 1
    (record,) = lines(tmp_path / "results/s/samples/inst_it_video_oe.jsonl")
    assert record["state"] == "judge_error"
    assert "official_score" not in record["scores"]
    assert reason in record["error"]
    assert record["details"]["judge_reply"] == words


@pytest.mark.parametrize("status", [307, 401, 403, 404])
def test_a_permanent_failure_of_the_judge_stops_judging_at_once(cli, tmp_path, status):
    file, _ = predictions(tmp_path, 200)
    with openai_server(lambda _: Reply("no", status=status)) as server:
        done = cli(
            *("score", file, "--task", TASK, "--name", "s"),
            *judge_options(server, "--judge-concurrency", 4),
        )
    assert done.returncode == 1
    assert len(server.requests) <= 4
    assert done.stderr.count("instit-bench: error:") == 1
    assert "judge openai:j" in done.stderr
    task = load(tmp_path / "results/s/results.json")["tasks"][TASK]
    assert task["states"]["not_judged"] == 200


def test_an_endpoint_without_structured_output_gets_the_format_in_words(cli, tmp_path):
    file, expected = predictions(tmp_path, 3)

    def answer(body):
        if "response_format" in body:
            return Reply("response_format is not supported", status=400)
        return Reply(str(rule(body)))

    with openai_server(answer) as server:
        done = cli("score", file, "--task", TASK, "--name", "s", *judge_options(server))
    assert done.returncode == 0, done.stderr
    task = load(tmp_path / "results/s/results.json")["tasks"][TASK]
    assert task["metrics"]["official_score"]["value"] == pytest.approx(
        statistics.fmean(expected.values())
    )


def test_the_same_prediction_is_never_judged_twice(cli, tmp_path):
    file, _ = predictions(tmp_path, 10)
    with openai_server(by_rule) as server:
        for name in ("one", "two"):
            cli("score", file, "--task", TASK, "--name", name, *judge_options(server))
        assert len(server.requests) == 10
        cli("score", file, "--task", TASK, "--name", "two", *judge_options(server))
        assert len(server.requests) == 10
    one, two = (load(tmp_path / f"results/{n}/results.json")["tasks"][TASK] for n in ("one", "two"))
    assert one["metrics"] == two["metrics"]
    assert one["judging"]["judges"]["openai:j"]["calls"] == 10
    assert one["judging"]["judges"]["openai:j"]["from_cache"] == 0
    assert two["judging"]["judges"]["openai:j"]["calls"] == 0
    assert two["judging"]["judges"]["openai:j"]["from_cache"] == 10


def test_predictions_are_judged_while_others_are_being_generated(cli, tmp_path):
    order = []

    def answer(body):
        if "response_format" in body:
            order.append("judge")
            return by_rule(body)
        order.append("generate")
        return Reply("It is red.", delay_s=0.05)

    with openai_server(answer) as server:
        done = cli(
            *("run", "--model", "m", "--backend", "openai", "--base-url", server.base_url),
            *("--data", "demo", "--tasks", "inst_it_image_oe,inst_it_video_oe"),
            *("--concurrency", "2", *judge_options(server)),
        )
    assert done.returncode == 0, done.stderr
    assert order.index("judge") < len(order) - 1 - order[::-1].index("generate")
    tasks = load(tmp_path / "results/m-demo/results.json")["tasks"]
    assert all(task["coverage"] == 1.0 for task in tasks.values())
    assert "own-judge-prompt" in tasks["inst_it_image_oe"]["marks"]
    assert "judge openai:j" not in done.stderr


def test_repeats_and_several_judges_report_spread_and_agreement(cli, tmp_path):
    file, _ = predictions(tmp_path, 20)
    calls = Counter()

    def answer(body):
        if body["model"] == "steady":
            return by_rule(body)
        text = json.dumps(body)
        calls[text] += 1
        return Reply(str(min(1.0, rule(body) + (0.1 if calls[text] == 2 else 0.0))))

    with openai_server(answer) as server:
        done = cli(
            *("score", file, "--task", TASK, "--name", "s", "--judge", "openai:shaky"),
            *("--judge", "openai:steady", "--judge-base-url", server.base_url),
            *("--judge-repeats", "2"),
        )
    assert done.returncode == 0, done.stderr
    assert len(server.requests) == 80
    judging = load(tmp_path / "results/s/results.json")["tasks"][TASK]["judging"]
    assert set(judging["judges"]) == {"openai:shaky", "openai:steady"}
    assert judging["judges"]["openai:shaky"]["mean"] > judging["judges"]["openai:steady"]["mean"]
    assert 0 < judging["judge_std"] < 0.1
    kappa = judging["agreement"]["openai:shaky ~ openai:steady"]
    assert 0.9 < kappa < 1
    (record, *_) = lines(tmp_path / "results/s/samples/inst_it_video_oe.jsonl")
    shaky = [v["score"] for v in record["details"]["verdicts"] if v["judge"] == "openai:shaky"]
    assert record["scores"]["official_score"] == pytest.approx(statistics.fmean(shaky))


def test_judging_later_with_another_judge_keeps_predictions_and_verdicts(cli, tmp_path):
    with openai_server(by_rule) as server:
        run = [
            *("run", "--model", "echo-gold", "--backend", "baseline", "--data", "demo"),
            *("--tasks", "inst_it_image_oe", "--name", "r"),
        ]
        cli(*run, "--judge", "lexical")
        before = lines(tmp_path / "results/r/samples/inst_it_image_oe.jsonl")
        done = cli("judge", "results/r", *judge_options(server))
    assert done.returncode == 0, done.stderr
    after = lines(tmp_path / "results/r/samples/inst_it_image_oe.jsonl")
    assert [r["prediction"] for r in before] == [r["prediction"] for r in after]
    assert "lexical_score" in before[0]["scores"]
    assert set(after[0]["scores"]) >= {"official_score"}
    assert "lexical_score" not in after[0]["scores"]
    said = lines(tmp_path / "results/r/judgements/inst_it_image_oe.jsonl")
    assert Counter(v["judge"] for v in said) == {"lexical": 16, "openai:j": 16}
    assert all(v["at"] and v["contract"] and v["item"] for v in said)
    cli("judge", "results/r", "--judge", "lexical")
    assert lines(tmp_path / "results/r/samples/inst_it_image_oe.jsonl") == before


def test_the_offline_judge_is_marked_and_excluded_from_the_leaderboard(cli, tmp_path):
    cli(
        *("run", "--model", "echo-gold", "--backend", "baseline", "--data", "demo"),
        *("--tasks", "inst_it_image_oe", "--judge", "lexical", "--name", "r"),
    )
    task = load(tmp_path / "results/r/results.json")["tasks"]["inst_it_image_oe"]
    assert "lexical" in task["marks"]
    assert task["metrics"]["lexical_score"]["value"] == 1.0
    assert task["metrics"]["official_score"]["n"] == 0
    shown = cli("leaderboard", "results/r").stdout
    assert "- GDPX" in shown
    assert "cannot be compared with others" in shown


def test_the_official_judge_is_the_default_if_a_key_is_set(cli, tmp_path):
    file, _ = predictions(tmp_path, 1)
    with openai_server(by_rule) as server:
        done = cli(
            *("score", file, "--task", TASK, "--name", "s"),
            OPENAI_API_KEY="sk-x",
            OPENAI_BASE_URL=server.base_url,
        )
    assert done.returncode == 0, done.stderr
    assert server.requests[0]["model"] == "gpt-4o-2024-08-06"
    cli("score", file, "--task", TASK, "--name", "t")
    task = load(tmp_path / "results/t/results.json")["tasks"][TASK]
    assert task["states"]["not_judged"] == 1

"""A run names a judge once there is a verdict; a judge without verdicts never replaces scores."""

from __future__ import annotations

import json

import pytest

from tests.judging.test_judging import TASK, by_rule, judge_options, lines, load, predictions
from tests.openai_server import Reply, openai_server

PRICES = '{"b": {"input": 100.0, "output": 100.0}}'


@pytest.fixture
def paid(cli, tmp_path):
    """A run that was completely judged by ``openai:j``."""
    file, _ = predictions(tmp_path, 4)
    (tmp_path / "prices.json").write_text(PRICES)
    with openai_server(by_rule) as server:
        done = cli("score", file, "--task", TASK, "--name", "s", *judge_options(server))
    assert done.returncode == 0, done.stderr
    return tmp_path / "results/s"


def files_of(run):
    names = ("manifest.json", "results.json", f"samples/{TASK}.jsonl")
    return {name: (run / name).read_text() for name in names}


def judge_b(server, *more):
    return ("--judge", "openai:b", "--judge-base-url", server.base_url, *more)


REFUSALS = {
    "wrong key": (Reply("no", status=401), (), 1),
    "unknown model": (Reply("no", status=404), (), 1),
    "no quota": (Reply("no", status=402), (), 1),
    "no score": (Reply("It is fine."), ("--judge-attempts", "1"), 1),
    "small budget": (
        Reply("0.5"),
        ("--judge-prices", "prices.json", "--judge-budget", "0.000001"),
        3,
    ),
    "no budget": (Reply("0.5"), ("--judge-prices", "prices.json", "--judge-budget", "0"), 2),
    "unknown price": (Reply("0.5"), ("--judge-budget", "1"), 2),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_judge_without_verdicts_leaves_the_run_unchanged(cli, paid, refusal):
    reply, options, code = REFUSALS[refusal]
    before, said = files_of(paid), lines(paid / f"judgements/{TASK}.jsonl")
    with openai_server(lambda _: reply) as server:
        done = cli("judge", "results/s", *judge_b(server, *options))
    assert done.returncode == code, done.stderr
    assert done.stderr.count("instit-bench: error:") == 1
    assert files_of(paid) == before
    assert lines(paid / f"judgements/{TASK}.jsonl")[: len(said)] == said
    saved = cli("baseline", "save", "results/s")
    assert saved.returncode == 0, saved.stderr
    baseline = load(paid.parent / "baselines/s.json")["tasks"][TASK]
    assert baseline["protocol"]["judge"] == "openai:j"
    assert all("official_score" in sample["scores"] for sample in baseline["samples"].values())


def test_an_unreachable_judge_leaves_the_run_unchanged(cli, paid):
    before = files_of(paid)
    done = cli(
        *("judge", "results/s", "--judge", "openai:b"),
        *("--judge-base-url", "http://127.0.0.1:9/v1", "--judge-attempts", "1"),
    )
    assert done.returncode == 1
    assert "cannot reach" in done.stderr
    assert files_of(paid) == before


def test_scoring_again_with_a_refusing_judge_keeps_the_earlier_scores(cli, tmp_path, paid):
    scores = load(paid / "results.json")["tasks"][TASK]["metrics"]
    with openai_server(lambda _: Reply("no", status=401)) as server:
        done = cli("score", "p.json", "--task", TASK, "--name", "s", *judge_b(server))
    assert done.returncode == 1
    assert load(paid / "manifest.json")["judging"]["judges"] == ["openai:j"]
    assert load(paid / "results.json")["tasks"][TASK]["metrics"] == scores


def test_a_judge_with_verdicts_replaces_the_earlier_one(cli, paid):
    with openai_server(lambda _: Reply("0.5")) as server:
        done = cli("judge", "results/s", *judge_b(server))
    assert done.returncode == 0, done.stderr
    assert load(paid / "manifest.json")["judging"]["judges"] == ["openai:b"]
    assert load(paid / "results.json")["tasks"][TASK]["metrics"]["official_score"]["value"] == 0.5


def test_verdicts_of_the_second_judge_do_not_replace_those_of_the_first(cli, paid):
    def answer(body):
        return Reply("0.5") if body["model"] == "c" else Reply("no idea")

    with openai_server(answer) as server:
        done = cli(
            *("judge", "results/s", *judge_b(server, "--judge", "openai:c")),
            *("--judge-attempts", "1"),
        )
    assert done.returncode == 1
    assert "openai:b gave no score" in done.stderr
    assert load(paid / "manifest.json")["judging"]["judges"] == ["openai:j"]


def test_a_run_without_predictions_is_not_judged(cli, tmp_path):
    (tmp_path / "p.json").write_text(
        json.dumps(
            [
                {
                    "question_id": "1",
                    "question": "What?",
                    "model_prediction": None,
                    "ground_truth": "A dog.",
                    "split": "video",
                }
            ]
        )
    )
    cli("score", "p.json", "--task", TASK, "--name", "s", "--judge", "none")
    done = cli("judge", "results/s", "--judge", "lexical")
    assert done.returncode == 2
    assert "has no predictions to judge" in done.stderr


def test_a_run_without_scores_is_not_saved_as_a_baseline(cli, tmp_path):
    file, _ = predictions(tmp_path, 2)
    cli("score", file, "--task", TASK, "--name", "s", "--judge", "none")
    done = cli("baseline", "save", "results/s")
    assert done.returncode == 2
    assert "no headline metric has a value" in done.stderr
    assert not (tmp_path / "results/baselines").exists()


def test_a_judge_of_the_same_name_at_another_address_is_asked_again(cli, tmp_path):
    """It may be another model; its verdicts count, and the earlier ones stay on record."""
    file, _ = predictions(tmp_path, 3)
    judge = ["--judge", "openai:j", "--judge-base-url"]
    with openai_server(lambda _: Reply("0.25")) as first:
        done = cli("score", file, "--task", TASK, "--name", "s", *judge, first.base_url)
        assert done.returncode == 0, done.stderr
        again = cli("judge", "results/s", *judge, first.base_url)
    assert (again.returncode, len(first.requests)) == (0, 3)
    with openai_server(lambda _: Reply("0.75")) as second:
        done = cli("judge", "results/s", *judge, second.base_url)
        assert done.returncode == 0, done.stderr
        assert len(second.requests) == 3
    told = f"3 verdicts from {first.base_url}: asked for again at the address that is named now\n"
    assert told in done.stderr
    metrics = load(tmp_path / "results/s/results.json")["tasks"][TASK]["metrics"]
    assert metrics["official_score"]["value"] == 0.75
    stored = lines(tmp_path / f"results/s/judgements/{TASK}.jsonl")
    assert [verdict["base_url"] for verdict in stored] == [first.base_url] * 3 + [
        second.base_url
    ] * 3

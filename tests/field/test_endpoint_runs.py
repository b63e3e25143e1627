"""Whole runs against failing endpoints: states, what is requested again, what stops a run."""

from __future__ import annotations

import errno
import fcntl
import json
import re

import pytest

from instit_bench.errors import InputError
from instit_bench.evaluation.config import make_config
from instit_bench.evaluation.failures import cause_of
from instit_bench.evaluation.runner import run
from instit_bench.progress import Silent
from tests.openai_server import Reply, openai_server


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch, tmp_path):
    # A busy machine may be slow to refuse the first request.
    monkeypatch.setattr("instit_bench.backends.openai._FIRST_ALONE_S", 30.0)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("INSTIT_BENCH_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


class Listening(Silent):
    """Records what a user would see."""

    def __init__(self):
        self.told = []

    def status(self, text):
        self.told.append(text)


def evaluate(answer, reporter=None, **settings):
    with openai_server(answer) as server:
        config = {
            "model": "m",
            "backend": "openai",
            "base_url": server.base_url,
            "data": "demo",
            "tasks": "inst_it_image_mc",
            "judge": "none",
            "name": "r",
            "max_retries": 0,
            "concurrency": 1,
        }
        outcome = run(make_config(None, config | settings), reporter or Silent())
        evaluate.requests = server.requests
    return outcome


def reply(message, finish="stop"):
    document = {"choices": [{"finish_reason": finish, "message": message}]}
    return Reply(body=json.dumps(document).encode())


def states(outcome):
    return {k: v for k, v in outcome.run.results.tasks["inst_it_image_mc"].states.items() if v}


def journal(outcome):
    lines = outcome.run.directory.journal_path("inst_it_image_mc").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize(
    "broken",
    [
        reply({"content": ""}, "error"),
        reply({"content": "The an"}, "abort"),
        reply(None),
        reply({"content": ""}, "content_filter"),
        Reply(body=b'{"error": {"message": "no"}}'),
        Reply(body=b'{"choices": {}}'),
        Reply(body=b'{"choices": ' + b"[" * 50_000),
    ],
    ids=["error", "abort", "null", "filter", "error in 200", "choices an object", "deep"],
)
def test_a_failure_of_the_endpoint_is_never_a_zero_and_is_retried_later(broken):
    replies = iter([broken, *[Reply("B")] * 15])
    first = evaluate(lambda _: next(replies))
    assert states(first) == {"scored": 15, "infer_error": 1}
    assert first.run.results.tasks["inst_it_image_mc"].metrics["accuracy"].n == 15
    assert first.problem.exit_code == 1
    second = evaluate(lambda _: Reply("B"))
    assert len(evaluate.requests) == 1
    assert (states(second), second.problem) == ({"scored": 16}, None)


def test_a_reply_cut_off_by_a_filter_is_attributed_to_the_filter():
    outcome = evaluate(lambda _: reply({"content": "Well, the"}, "content_filter"), limit=2)
    assert states(outcome) == {"infer_error": 2}
    outcome = evaluate(lambda _: reply({"content": "B"}, "content_filter"), limit=2)
    assert states(outcome) == {"scored": 2}


def test_an_answer_only_in_the_reasoning_has_a_reason_and_a_warning():
    listening = Listening()
    outcome = evaluate(lambda _: reply({"content": None, "reasoning": "B"}), listening, limit=3)
    assert states(outcome) == {"unparsed": 3}
    assert {(r["reason"], r["reasoning"]) for r in journal(outcome)} == {("only_reasoning", "B")}
    (told,) = [line for line in listening.told if "reasoning field only" in line]
    assert told.startswith("warning: inst_it_image_mc 001-")
    assert outcome.warnings[0].startswith("warning: 3 samples: text in the reasoning field")


def test_a_refusal_by_the_model_is_kept():
    outcome = evaluate(lambda _: reply({"content": None, "refusal": "I will not."}), limit=1)
    (record,) = journal(outcome)
    assert (record["state"], record["reason"]) == ("unparsed", "refusal")
    assert record["refusal"] == "I will not."


def test_max_tokens_is_truncated():
    outcome = evaluate(lambda _: reply({"content": "Let me see"}, "MAX_TOKENS"), limit=1)
    assert states(outcome) == {"truncated": 1}


def test_a_repeated_error_stops_the_run_with_one_message_and_loses_nothing():
    count = iter(range(1000))

    def answer(_):
        number = next(count)
        return Reply("B") if number < 3 else Reply(f"no memory for {number} bytes", status=500)

    outcome = evaluate(answer, stop_after=5)
    assert len(evaluate.requests) == 8
    assert outcome.status == "failed"
    assert re.match(
        r"the last 5 requests failed with the same error: error 500: no memory for 7 bytes; "
        "run the same command again to resume",
        outcome.problem.message,
    )
    assert states(outcome) == {"scored": 3, "infer_error": 5, "not_run": 8}
    assert states(evaluate(lambda _: Reply("B"))) == {"scored": 16}
    assert len(evaluate.requests) == 13


def test_different_errors_with_replies_between_them_do_not_stop_a_run():
    words = ["out of memory", "bad image", "out of memory"]
    count = iter(range(1000))

    def answer(_):
        number = next(count)
        return Reply("B") if number % 4 == 3 else Reply(words[number % 4], status=400)

    outcome = evaluate(answer, stop_after=2)
    assert states(outcome) == {"scored": 4, "infer_error": 12}
    assert [(group.count, group.error) for group in outcome.failures] == [
        (8, "error 400: out of memory"),
        (4, "error 400: bad image"),
    ]
    assert outcome.failures[0].told.startswith("failed: 8 samples (first: inst_it_image_mc ")


def test_stop_after_0_never_stops():
    outcome = evaluate(lambda _: Reply("no", status=500), stop_after=0)
    assert states(outcome) == {"infer_error": 16}


def test_details_of_single_samples_do_not_make_errors_different():
    assert cause_of("a/1.jpg: 17 of 30 bytes") == cause_of("a/222.jpg: 9 of 3 bytes")
    assert cause_of("too long") != cause_of("too large")


def test_exhausted_credit_stops_the_run_and_the_rest_is_requested_later():
    count = iter(range(1000))

    def answer(_):
        return Reply("B") if next(count) < 3 else Reply("Insufficient credits", status=402)

    outcome = evaluate(answer)
    assert (len(evaluate.requests), states(outcome)) == (4, {"scored": 3, "not_run": 13})
    assert "credit is used up: error 402: Insufficient credits" in outcome.problem.message


def test_the_manifest_records_what_was_actually_sent():
    def answer(request):
        return Reply("Unknown parameter: 'seed'", status=400) if "seed" in request else Reply("B")

    listening = Listening()
    outcome = evaluate(
        answer,
        listening,
        temperature="none",
        max_tokens="NONE",
        extra_body='{"min_p": 0.1}',
        header="X-Key=hush",
        concurrency=4,
    )
    assert evaluate.requests[-1].keys() == {"model", "messages", "min_p"}
    text = outcome.run.directory.manifest_path.read_text()
    manifest = json.loads(text)
    assert manifest["identity"]["temperature"] == manifest["identity"]["max_tokens"] == "none"
    assert manifest["identity"]["extra_body"] == {"min_p": 0.1}
    assert manifest["settings"]["backend"]["not_sent"] == ["seed"]
    assert manifest["settings"]["backend"]["headers"] == ["X-Key"]
    assert manifest["tasks"]["inst_it_image_mc"]["generation"]["max_tokens"] is None
    assert "hush" not in text
    assert [line for line in listening.told if "refuses" in line] == [
        "the endpoint refuses seed: no longer sent"
    ]
    again = evaluate(answer, temperature="none", max_tokens="none", extra_body={"min_p": 0.1})
    assert evaluate.requests == []
    kept = json.loads(again.run.directory.manifest_path.read_text())
    assert kept["settings"]["backend"]["not_sent"] == ["seed"]


@pytest.mark.parametrize("change", [{"extra_body": {"min_p": 0.2}}, {"seed": "none"}])
def test_a_run_is_not_resumed_with_different_settings(change):
    from instit_bench.errors import NotComparableError

    evaluate(lambda _: Reply("B"), limit=1)
    with pytest.raises(NotComparableError, match=next(iter(change))):
        evaluate(lambda _: Reply("B"), limit=2, **change)


WRONG = {
    "header without a value": ({"header": "X-Key hush"}, "--header: must be NAME=VALUE"),
    "header of the connection": ({"header": "Host=hush"}, "'Host' is set by the connection"),
    "header with a line break": (
        {"header": "X=hush\nY: 1"},
        "'X' contains invalid characters",
    ),
    "not JSON": ({"extra_body": "{hush"}, "--extra-body: is not valid JSON"),
    "not an object": ({"extra_body": "[1]"}, "--extra-body: Input should be a valid dictionary"),
    "the run's own": ({"extra_body": '{"model": "x"}'}, "use --model"),
    "a secret": ({"extra_body": '{"api_key": "x"}'}, "would be written to the run's manifest"),
    "a secret inside": ({"extra_body": '{"p": [{"token": "x"}]}'}, "'token' would be written"),
    "no number": ({"temperature": "hot"}, "--temperature: .*; or none"),
    "negative": ({"temperature": "-1"}, "--temperature: .*greater than or equal to 0.*; or none"),
    "no tokens": ({"max_tokens": "0"}, "--max-tokens: .*; or none"),
}


@pytest.mark.parametrize(("settings", "told"), WRONG.values(), ids=WRONG.keys())
def test_an_invalid_setting_is_an_error_that_names_the_option(settings, told):
    with pytest.raises(InputError, match=told) as caught:
        make_config(None, {"model": "m"} | settings)
    if "header" in settings:
        assert "hush" not in str(caught.value)


def test_a_config_file_can_set_the_same_options(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text(
        "model: m\ntemperature: none\nseed: None\nmax-tokens: 9\ntop_p: 0.5\nstream: true\n"
        "extra_body: {min_p: 0.1}\nheader: {X-Team: vision}\nno_lock: true\n"
    )
    config = make_config(file, {})
    assert (config.temperature, config.seed, config.max_tokens) == ("none", "none", 9)
    assert (config.header, config.extra_body) == (("X-Team=vision",), {"min_p": 0.1})
    assert config.no_lock


@pytest.mark.parametrize("backend", ["baseline", "lmms-eval"])
def test_other_backends_send_no_headers(backend):
    from instit_bench.backends import BackendOptions, create_backend
    from instit_bench.backends.options import EndpointOptions

    options = BackendOptions("first", endpoint=EndpointOptions(header=("X=1",)))
    with pytest.raises(InputError, match="--header: only --backend openai and vllm have"):
        create_backend(backend, options)


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK])
def test_a_file_system_without_locks_can_be_used_with_a_warning(monkeypatch, code):
    def no_locks(*_):
        raise OSError(code, "no locks here")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(InputError, match=r"has no locks .*--no-lock"):
        evaluate(lambda _: Reply("B"), limit=1)
    assert states(evaluate(lambda _: Reply("B"), limit=1, no_lock=True)) == {"scored": 1}


def test_judging_continues_with_a_warning_if_the_cache_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "home").write_text("a file, as a read-only home would be")
    monkeypatch.setenv("INSTIT_BENCH_HOME", str(tmp_path / "home"))
    listening = Listening()

    def answer(request):
        return Reply("1" if "response_format" in request else "a boat")

    with openai_server(answer) as server:
        outcome = run(
            make_config(
                None,
                {
                    **{"model": "m", "backend": "openai", "base_url": server.base_url},
                    **{"data": "demo", "tasks": "inst_it_image_oe", "limit": 2, "name": "r"},
                    **{"judge": "openai:j", "judge_base_url": server.base_url},
                },
            ),
            listening,
        )
    assert outcome.run.results.tasks["inst_it_image_oe"].states["scored"] == 2
    assert any("judge cache off" in line for line in listening.told)


def test_the_command_line_has_the_same_options(cli, tmp_path):
    words = iter(["no memory for 1", "bad image", "no memory for 22"])

    def answer(request):
        if not request.get("stream"):
            return Reply("no stream", status=500)
        return Reply(next(words, "late"), status=400) if len(server.requests) < 4 else Reply("B")

    with openai_server(answer) as server:
        done = cli(
            *("run", "--model", "m", "--backend", "openai", "--base-url", server.base_url),
            *("--data", "demo", "--tasks", "inst_it_image_mc", "--name", "r", "--no-lock"),
            *("--temperature", "none", "--seed", "none", "--max-tokens", "none", "--top-p", "none"),
            *("--extra-body", '{"min_p": 0.1}', "--header", "X-Team=vision", "--stream"),
            *("--concurrency", 1, "--max-retries", 0, "--stop-after", 3),
        )
    assert done.returncode == 1
    names = {"model", "messages", "min_p", "stream", "stream_options"}
    assert server.requests[-1].keys() == names
    assert server.headers[-1]["X-Team"] == "vision"
    assert "failed: 2 samples (first: inst_it_image_mc " in done.stderr
    assert "): error 400: no memory for 1\n" in done.stderr
    assert "failed: 1 sample (first: inst_it_image_mc " in done.stderr
    assert "3 of 16 samples failed" in done.stderr
    assert not (tmp_path / "results/r/.lock").exists()

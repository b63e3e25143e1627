"""Errors of an endpoint: which are retried, which stop the run, and in whose words."""

from __future__ import annotations

import json

import pytest

from instit_bench.backends import BackendUnavailable, GenerationError
from tests.field.endpoint import ask, body, choice
from tests.openai_server import Reply, openai_server

pytestmark = pytest.mark.usefixtures("plain_environment")


@pytest.mark.parametrize(
    "error",
    [
        {"code": 429, "message": "slow down"},
        {"code": "rate_limit_exceeded", "message": "slow down"},
        {"code": 502, "message": "Provider returned error"},
        {"type": "overloaded_error", "message": "Overloaded"},
        {"status": "RESOURCE_EXHAUSTED", "message": "quota per minute"},
        "the model is overloaded, try again later",
    ],
)
def test_a_temporary_error_inside_a_success_is_retried(error):
    replies = iter([body({"error": error}), Reply("B")])
    with openai_server(lambda _: next(replies)) as server:
        assert ask(server, retries=2).text == "B"
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "document",
    [
        {"choices": None, "base_resp": {"status_code": 1002, "status_msg": "rate limit"}},
        {"error_code": 18, "error_msg": "Open api qps request limit reached"},
        {"code": 1302, "msg": "Rate limit reached for requests", "success": False},
        {"fault": {"faultstring": "Rate limit quota violation. Quota limit exceeded."}},
    ],
)
def test_so_is_one_in_a_form_of_the_provider_s_own(document):
    replies = iter([body(document), Reply("B")])
    with openai_server(lambda _: next(replies)) as server:
        assert ask(server, retries=2).text == "B"
    assert len(server.requests) == 2


def test_an_interrupted_reply_is_requested_again():
    replies = iter([body(choice({"content": "The"}, "abort")), Reply("B")])
    with openai_server(lambda _: next(replies)) as server:
        assert ask(server, retries=1).text == "B"


def test_a_permanent_error_is_not_retried():
    document = {"error": {"code": 400, "message": "images must be smaller"}}
    with (
        openai_server(lambda _: body(document)) as server,
        pytest.raises(GenerationError, match="error 400: images must be smaller"),
    ):
        ask(server, retries=3)
    assert len(server.requests) == 1


FOR_ALL = {
    "no credit": (Reply("Insufficient credits", status=402), "quota or credit"),
    "no credit, inside a success": (
        body({"error": {"code": 402, "message": "Add more credits"}}),
        "Add more credits",
    ),
    "quota used up": (
        Reply(status=429, body=b'{"error": {"code": "insufficient_quota", "message": "quota"}}'),
        "quota or credit",
    ),
    "key refused": (Reply("no such key", status=401), "refuses the key"),
    "no such path (LM Studio)": (
        body({"error": "Unexpected endpoint or method. (POST /chat/completions)"}),
        "or this path",
    ),
}


@pytest.mark.parametrize(("reply", "told"), FOR_ALL.values(), ids=FOR_ALL.keys())
def test_an_error_that_affects_every_request_stops_the_run_at_once(reply, told):
    with (
        openai_server(lambda _: reply) as server,
        pytest.raises(BackendUnavailable, match=told),
    ):
        ask(server, times=4)
    assert len(server.requests) == 1


def test_an_input_flagged_by_a_gateway_is_an_error_of_that_request():
    error = {"code": 403, "message": "Input was flagged", "metadata": {"reasons": ["violence"]}}
    reply = Reply(status=403, body=json.dumps({"error": error}).encode())
    with (
        openai_server(lambda _: reply) as server,
        pytest.raises(GenerationError, match="Input was flagged"),
    ):
        ask(server)


WORDS = {
    "FastAPI": (
        {"detail": [{"loc": ["body", "messages", 0], "msg": "Field required", "input": "x" * 999}]},
        "error 422: body.messages.0: Field required",
    ),
    "FastAPI, text": ({"detail": "Too many images"}, "error 422: Too many images"),
    "OpenAI": ({"error": {"message": "too long", "code": "c"}}, "error 422: too long"),
    "plain": (b"nope", "error 422: nope"),
    "a page": (
        b"<html><title>422 Bad &amp; ugly</title></html>",
        "error 422: 422 Bad & ugly",
    ),
    "nothing": (b"", "error 422: no reason given"),
    "a terminal's commands": (b'{"message": "a\\u001b[2Jb\\nc"}', r"error 422: a\?\[2Jb c"),
}


@pytest.mark.parametrize(("document", "told"), WORDS.values(), ids=WORDS.keys())
def test_a_rejection_is_shown_in_the_provider_s_words(document, told):
    reply = body(document)
    reply.status = 422
    with openai_server(lambda _: reply) as server, pytest.raises(GenerationError, match=told):
        ask(server)


def test_a_long_rejection_is_shortened():
    with (
        openai_server(lambda _: Reply("x" * 100_000, status=400)) as server,
        pytest.raises(GenerationError) as caught,
    ):
        ask(server)
    assert len(str(caught.value)) <= 500

"""The OpenAI-compatible backend against a real HTTP server."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest

from instit_bench.backends import (
    BackendOptions,
    BackendUnavailable,
    GenerationError,
    create_backend,
)
from instit_bench.errors import InputError
from instit_bench.types import (
    GenerationParams,
    ImagePart,
    Message,
    NativeToolCall,
    Request,
    Sample,
    TextPart,
    Usage,
)
from tests.openai_server import Reply, openai_server

SAMPLE = Sample(task="t", id="1", doc={}, target="A", cluster="1")
PARAMS = GenerationParams(max_tokens=7, temperature=0.1, top_p=0.75, top_k=40, seed=3)


def ask(server, *parts, style="chat", params=PARAMS, retries=2, role="user", base_url=None):
    options = BackendOptions("m", base_url=base_url or server.base_url, max_retries=retries)

    async def once():
        backend = create_backend("openai", options)
        try:
            request = Request(SAMPLE, (Message(role, parts),), params, style)
            return await backend.generate(request)
        finally:
            await backend.close()

    return asyncio.run(once())


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def test_a_reply_has_text_finish_reason_and_token_counts():
    with openai_server(lambda _: Reply("B", finish_reason="length")) as server:
        prediction = ask(server, TextPart("Q"))
    assert (prediction.text, prediction.finish_reason, prediction.cut_off) == ("B", "length", True)
    assert prediction.usage == Usage(prompt_tokens=100, completion_tokens=2, cached_tokens=60)
    assert prediction.latency_s > 0


def test_images_are_sent_in_their_original_bytes_before_the_text(tmp_path):
    from instit_bench.resources import demo_data

    path = demo_data() / "Inst-It-Bench/images_vpt/001.jpg"
    with openai_server(lambda _: Reply("B")) as server:
        ask(server, ImagePart(path=path), TextPart("Q"))
    picture, text = server.requests[0]["messages"][0]["content"]
    head, encoded = picture["image_url"]["url"].split(",")
    assert head == "data:image/jpeg;base64"
    assert base64.b64decode(encoded) == path.read_bytes()
    assert text == {"type": "text", "text": "Q"}


def test_sampling_settings_of_the_task_are_sent():
    with openai_server(lambda _: Reply("B")) as server:
        ask(server, TextPart("Q"), role="system")
    body = server.requests[0]
    assert body["messages"] == [{"role": "system", "content": "Q"}]
    sent = {k: body[k] for k in ("model", "max_tokens", "temperature", "top_p", "top_k", "seed")}
    assert sent == {
        "model": "m",
        "max_tokens": 7,
        "temperature": 0.1,
        "top_p": 0.75,
        "top_k": 40,
        "seed": 3,
    }
    assert "stop" not in body


def test_raw_style_completes_the_bare_text():
    with openai_server(lambda _: Reply(" Yes\nAction: x")) as server:
        prediction = ask(server, TextPart("Use tools."), style="raw")
    assert server.paths == ["/v1/completions"]
    assert server.requests[0]["prompt"] == "Use tools."
    assert prediction.text == " Yes\nAction: x"


def test_native_tool_calls_are_kept():
    call = {"id": "c", "type": "function", "function": {"name": "Blur", "arguments": '{"a": 1}'}}
    body = {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "finish_reason": "tool_calls",
                "message": {"role": "assistant", "content": None, "tool_calls": [call]},
            }
        ],
    }
    with openai_server(lambda _: Reply(body=json.dumps(body).encode())) as server:
        prediction = ask(server, TextPart("Q"))
    assert prediction.tool_calls == (NativeToolCall("Blur", '{"a": 1}'),)
    assert (prediction.text, prediction.usage) == ("", Usage())


@pytest.mark.parametrize(
    "trouble",
    [
        Reply("busy", status=429, headers={"Retry-After": "0"}),
        Reply("down", status=503),
        Reply(drop=True),
    ],
    ids=["429", "503", "dropped connection"],
)
def test_temporary_failures_are_retried(trouble):
    replies = iter([trouble, Reply("B")])
    with openai_server(lambda _: next(replies)) as server:
        assert ask(server, TextPart("Q")).text == "B"
    assert len(server.requests) == 2


def test_retry_after_is_honoured():
    replies = iter([Reply("busy", status=429, headers={"Retry-After": "1.5"}), Reply("B")])
    with openai_server(lambda _: next(replies)) as server:
        assert ask(server, TextPart("Q")).latency_s >= 1.5


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Reply("still down", status=500), "still down"),
        (Reply("prompt too long", status=400), "prompt too long"),
        (Reply(body=b"<html>"), "reply"),
        (Reply(body=b'{"choices": []}'), "no choices"),
        (Reply(body=b"{"), "reply"),
    ],
    ids=["500", "400", "html", "no choices", "half a JSON"],
)
def test_a_rejected_request_is_an_error_of_that_request_only(reply, told):
    with (
        openai_server(lambda _: reply) as server,
        pytest.raises(GenerationError, match=told),
    ):
        ask(server, TextPart("Q"), retries=0)


def completion(content, **usage):
    choice = {"index": 0, "finish_reason": "stop", "message": {"content": content}}
    return Reply(body=json.dumps({"id": "1", "choices": [choice], "usage": usage}).encode())


@pytest.mark.parametrize("content", [7, {"a": 1}, True])
def test_a_reply_without_text_content_is_an_error_of_that_request(content):
    with (
        openai_server(lambda _: completion(content)) as server,
        pytest.raises(GenerationError, match="is not text"),
    ):
        ask(server, TextPart("Q"))


@pytest.mark.parametrize(
    ("content", "text"),
    [([{"type": "text", "text": "B"}], "B"), ("\ud800B", "?B"), (None, "")],
)
def test_unusual_content_is_read_as_text(content, text):
    with openai_server(lambda _: completion(content)) as server:
        assert ask(server, TextPart("Q")).text == text


@pytest.mark.parametrize("count", ["x", -5, 10**30, None, True, [1]])
def test_an_invalid_token_count_is_left_out(count):
    with openai_server(lambda _: completion("B", prompt_tokens=count)) as server:
        assert ask(server, TextPart("Q")).usage == Usage()


def test_a_slow_reply_ends_at_the_time_limit():
    with openai_server(lambda _: Reply("B", drip_s=0.2)) as server:
        options = BackendOptions("m", base_url=server.base_url, max_retries=0, timeout_s=1.0)

        async def once():
            backend = create_backend("openai", options)
            request = Request(SAMPLE, (Message("user", (TextPart("Q"),)),), PARAMS)
            return await backend.generate(request)

        with pytest.raises(GenerationError, match="no reply within"):
            asyncio.run(once())


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_permanent_failure_of_the_endpoint_stops_the_run_at_once(status):
    with (
        openai_server(lambda _: Reply("no", status=status)) as server,
        pytest.raises(BackendUnavailable),
    ):
        ask(server, TextPart("Q"))
    assert len(server.requests) == 1


def test_an_unreachable_endpoint_stops_the_run():
    with openai_server(lambda _: Reply()) as server:
        pass
    with pytest.raises(BackendUnavailable, match=r"cannot reach http://127\.0\.0\.1"):
        ask(server, TextPart("Q"), retries=0)


def test_the_token_limit_is_sent_under_the_name_that_the_model_requires():
    def answer(body):
        if "max_tokens" in body:
            return Reply("Unsupported: 'max_tokens'. Use 'max_completion_tokens'.", status=400)
        return Reply(str(body["max_completion_tokens"]))

    with openai_server(answer) as server:
        assert ask(server, TextPart("Q")).text == "7"


def test_the_key_is_sent_but_never_shown(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with openai_server(lambda _: Reply("bad key sk-secret", status=401)) as server:
        with pytest.raises(BackendUnavailable) as caught:
            ask(server, TextPart("Q"))
        secret_url = server.base_url.replace("//", "//user:hush@")
        settings = create_backend("openai", BackendOptions("m", base_url=secret_url)).settings()
    assert server.keys == ["Bearer sk-secret"]
    assert "sk-secret" not in str(caught.value)
    assert settings["base_url"] == server.base_url


@pytest.mark.parametrize(
    ("base_url", "told"),
    [
        (None, "OPENAI_API_KEY"),
        ("localhost:8000", "http://"),
        ("http://[::1", "http://"),
        ("http://a:99999/", "http://"),
    ],
)
def test_an_invalid_endpoint_is_a_usage_error(base_url, told):
    with pytest.raises(InputError, match=told):
        create_backend("openai", BackendOptions("m", base_url=base_url))

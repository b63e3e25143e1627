"""Streamed replies: put together where they are asked for, or where nothing else is sent."""

from __future__ import annotations

import json

import pytest

from instit_bench.types import NativeToolCall, Usage
from tests.field.endpoint import ask, refusing
from tests.openai_server import Reply, openai_server

pytestmark = pytest.mark.usefixtures("plain_environment")


def events(*chunks):
    lines = [f"data: {json.dumps(chunk)}\r\n\r\n" for chunk in chunks]
    return Reply(
        body=(": keep-alive\n\n" + "".join(lines) + "data: [DONE]\n\n").encode(),
        headers={"Content-Type": "text/event-stream"},
    )


def delta(finish=None, **delta):
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


STREAM = events(
    delta(role="assistant", content=""),
    delta(reasoning_content="Hm"),
    delta(reasoning_content=", B?"),
    delta(content="The answer"),
    delta(content=" is B"),
    delta("stop"),
    {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4}},
)


def test_a_stream_is_put_together():
    with openai_server(lambda _: STREAM) as server:
        prediction = ask(server, stream=True)
    assert server.requests[0]["stream"] is True
    assert server.requests[0]["stream_options"] == {"include_usage": True}
    assert (prediction.text, prediction.finish_reason) == ("The answer is B", "stop")
    assert prediction.reasoning == "Hm, B?"
    assert prediction.usage == Usage(prompt_tokens=9, completion_tokens=4)


def test_tool_calls_of_a_stream_are_put_together():
    def piece(index, **call):
        return delta(tool_calls=[{"index": index} | call])

    stream = events(
        piece(0, id="a", type="function", function={"name": "f", "arguments": ""}),
        piece(0, function={"arguments": '{"a"'}),
        piece(0, function={"arguments": ": 1}"}),
        piece(1, id="b", type="function", function={"name": "g", "arguments": "{}"}),
        delta("tool_calls"),
    )
    with openai_server(lambda _: stream) as server:
        prediction = ask(server, stream=True)
    assert prediction.tool_calls == (NativeToolCall("f", '{"a": 1}'), NativeToolCall("g", "{}"))


@pytest.mark.parametrize(
    "words",
    [
        "This model only support stream mode, please enable the stream parameter to access the "
        "model. ",
        "stream must be set to true",
        "Streaming is required for this model",
    ],
)
def test_an_endpoint_that_only_streams_is_asked_for_streams(words):
    def answer(request):
        return STREAM if request.get("stream") else Reply(words, status=400)

    told = []
    with openai_server(answer) as server:
        assert ask(server, times=3, told=told).text == "The answer is B"
    assert len(server.requests) == 4
    assert told == ["the endpoint only streams: streamed replies are assembled"]
    assert ask.settings["stream"] is True


def test_an_endpoint_that_does_not_stream_or_count_is_spared_both():
    with openai_server(refusing("stream_options")) as server:
        assert ask(server, stream=True).text == "B"
    no_stream = "Unsupported value: 'stream' does not support true with this model."
    with openai_server(refusing("stream", words=no_stream)) as server:
        assert ask(server, stream=True).text == "B"

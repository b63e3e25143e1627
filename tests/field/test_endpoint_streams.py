"""Streamed replies: assembled if requested, or if the endpoint sends nothing else."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from instit_bench.backends import BackendOptions, GenerationError, create_backend
from instit_bench.types import Message, NativeToolCall, Request, TextPart, Usage
from tests.field.endpoint import PARAMS, SAMPLE, ask, refusing
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


def test_a_stream_is_assembled():
    with openai_server(lambda _: STREAM) as server:
        prediction = ask(server, stream=True)
    assert server.requests[0]["stream"] is True
    assert server.requests[0]["stream_options"] == {"include_usage": True}
    assert (prediction.text, prediction.finish_reason) == ("The answer is B", "stop")
    assert prediction.reasoning == "Hm, B?"
    assert prediction.usage == Usage(prompt_tokens=9, completion_tokens=4)


def test_a_lead_is_streamed_and_says_when_its_prompt_is_computed():
    async def life(backend):
        request = Request(SAMPLE, (Message("user", (TextPart("Q"),)),), PARAMS)
        begun = []
        prediction = await backend.lead(request, lambda: begun.append(server.in_flight))
        await backend.generate(request)
        await backend.close()
        return prediction, begun, backend.learned()

    with openai_server(
        lambda body: replace(STREAM, drip_s=0.001) if body.get("stream") else Reply("B")
    ) as server:
        backend = create_backend("openai", BackendOptions("m", base_url=server.base_url))
        prediction, begun, learned = asyncio.run(life(backend))
    assert prediction.text == "The answer is B"
    assert begun == [1], "once, while the reply was still on its way"
    assert [body.get("stream") for body in server.requests] == [True, None]
    assert learned == {}, "the others are asked as before"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_where_the_protocol_says_and_nowhere_else(end):
    text = "one\u2028two\u2029three\u0085four"
    chunks = [delta(content=text), delta("stop")]
    lines = [f"data: {json.dumps(chunk, ensure_ascii=False)}{end}{end}" for chunk in chunks]
    stream = Reply(body=f"{''.join(lines)}data: [DONE]{end}{end}".encode())
    with openai_server(lambda _: stream) as server:
        assert ask(server, stream=True).text == text


PECULIAR = {
    "a filter's results first (Azure)": (
        {"choices": [], "prompt_filter_results": [{"prompt_index": 0}]},
        delta(role="assistant", content=""),
        delta(content="B"),
        delta("stop"),
    ),
    "the last delta null": (
        delta(content="B"),
        {"choices": [{"index": 0, "delta": None, "finish_reason": "stop"}]},
    ),
    "no finish_reason at all (vLLM 27572)": (delta(content="B"), delta(content="")),
    "finish_reason empty but for the last (Ollama)": (delta("", content="B"), delta("stop")),
    "the index as text": ({"choices": [{"index": "0", "delta": {"content": "B"}}]}, delta("stop")),
    "another choice in between": (
        delta(content="B"),
        {"choices": [{"index": 1, "delta": {"content": "C"}, "finish_reason": "stop"}]},
        delta("stop"),
    ),
    "the whole message at the end (Zhipu)": (
        delta(content="B"),
        {"choices": [{"index": 0, "message": {"content": ""}, "finish_reason": "stop"}]},
    ),
    "content as parts (Mistral)": (
        delta(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "A?"}]}]),
        delta(content="B"),
        delta("stop"),
    ),
}


@pytest.mark.parametrize("chunks", PECULIAR.values(), ids=PECULIAR.keys())
def test_a_peculiar_stream_is_read(chunks):
    with openai_server(lambda _: events(*chunks)) as server:
        assert ask(server, stream=True).text == "B"


BROKEN = {
    "an error in band (vLLM behind LiteLLM)": (
        [{"error": {"object": "error", "message": "not multimodal", "code": 400}}],
        "not multimodal",
    ),
    "an abort as the end (vLLM 57082)": (
        [delta(content="The"), delta("abort", content="")],
        "finish_reason abort",
    ),
    "no delta but the role (opencode 37735)": (
        [
            delta(role="assistant"),
            delta("stop") | {"usage": {"prompt_tokens": 0, "completion_tokens": 0}},
        ],
        "generated nothing",
    ),
    "a status in the last event (MiniMax)": (
        [{"choices": [], "base_resp": {"status_code": 1026, "status_msg": "input sensitive"}}],
        "input sensitive",
    ),
    "nothing but the end": ([], "no choices|no finish_reason"),
}


@pytest.mark.parametrize(("chunks", "told"), BROKEN.values(), ids=BROKEN.keys())
def test_a_stream_that_failed_is_that_request_s_error(chunks, told):
    with (
        openai_server(lambda _: events(*chunks)) as server,
        pytest.raises(GenerationError, match=told),
    ):
        ask(server, stream=True)


def test_tool_calls_in_a_stream_are_assembled():
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
def test_an_endpoint_that_only_streams_gets_streaming_requests(words):
    def answer(request):
        return STREAM if request.get("stream") else Reply(words, status=400)

    told = []
    with openai_server(answer) as server:
        assert ask(server, times=3, told=told).text == "The answer is B"
    assert len(server.requests) == 4
    assert told == ["the endpoint only streams: streamed replies are assembled"]
    assert ask.settings["stream"] is True


def test_streaming_and_token_counts_are_dropped_if_rejected():
    with openai_server(refusing("stream_options")) as server:
        assert ask(server, stream=True).text == "B"
    no_stream = "Unsupported value: 'stream' does not support true with this model."
    with openai_server(refusing("stream", words=no_stream)) as server:
        assert ask(server, stream=True).text == "B"

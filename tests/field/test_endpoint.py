"""What supposedly compatible endpoints really send, replayed by a scripted server.

Each body was observed from a server or gateway (vLLM, SGLang, llama.cpp, LM Studio, Ollama,
LiteLLM, OpenRouter, Together, Gemini's and Mistral's endpoints). An answer is read wherever there
is one; otherwise the request fails with an error and never counts as an empty reply of the model.
"""

from __future__ import annotations

import asyncio
import json

import pytest

from instit_bench.backends import (
    BackendOptions,
    BackendUnavailable,
    GenerationError,
    create_backend,
)
from instit_bench.backends.options import EndpointOptions
from instit_bench.endpoint import client as client_module
from instit_bench.errors import InputError
from instit_bench.types import (
    GenerationParams,
    Message,
    NativeToolCall,
    Request,
    Sample,
    TextPart,
    Usage,
)
from tests.openai_server import Reply, openai_server

SAMPLE = Sample(task="t", id="1", doc={}, target="A", cluster="1")
PARAMS = GenerationParams(max_tokens=7, temperature=0.0, top_k=40, stop=("\nEnd",), seed=3)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name in ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def ask(server, *, times=1, retries=0, style="chat", params=PARAMS, told=None, **endpoint):
    """Send this many requests at once; return the last prediction or raise the first error."""
    options = BackendOptions(
        "m",
        base_url=server.base_url,
        max_retries=retries,
        endpoint=EndpointOptions(**endpoint),
    )

    async def all_of_them():
        backend = create_backend("openai", options)
        try:
            await backend.start(None, (told if told is not None else []).append)
            request = Request(SAMPLE, (Message("user", (TextPart("Q"),)),), params, style)
            replies = await asyncio.gather(*(backend.generate(request) for _ in range(times)))
            return replies[-1], backend.settings() | backend.learned()
        finally:
            await backend.close()

    prediction, ask.settings = asyncio.run(all_of_them())
    return prediction


def body(document):
    return Reply(body=document if isinstance(document, bytes) else json.dumps(document).encode())


def choice(message=None, finish="stop", **more):
    return {"choices": [{"index": 0, "finish_reason": finish, "message": message} | more]}


def answered(document, **options):
    with openai_server(lambda _: body(document)) as server:
        return ask(server, **options)


# --- an answer in an unusual place ---------------------------------------------------------------

READ = {
    "plain": choice({"content": "B"}),
    "list of strings": choice({"content": ["B"]}),
    "list of parts": choice({"content": [{"type": "text", "text": "B"}]}),
    "parts with thoughts (Mistral)": choice(
        {"content": [{"type": "thinking", "thinking": [{"text": "A?"}]}, {"text": "B"}]}
    ),
    "one part": choice({"content": {"type": "text", "text": "B"}}),
    "delta in a plain reply": choice(None, delta={"content": "B"}),
    "delta alone": {"choices": [{"delta": {"content": "B"}, "finish_reason": "stop"}]},
    "message null, text beside it": choice(None, text="B"),
    "no role, no finish_reason": {"choices": [{"message": {"content": "B"}}]},
    "filtered behind the answer": choice({"content": "B"}, "content_filter"),
    "error null": choice({"content": "B"}, error=None) | {"error": None},
    "an error-shaped extra beside a clean stop": choice({"content": "B"}, error={"code": 1}),
    "usage null, choices of the protocol": choice({"content": "B"}) | {"usage": None},
    "white space kept alive before it (OpenRouter)": b"\n\n   \n"
    + json.dumps(choice({"content": "B"})).encode(),
    "byte order mark": b"\xef\xbb\xbf" + json.dumps(choice({"content": "B"})).encode(),
    "events though none were asked for": b'data: {"choices":[{"delta":{"content":"B"}}]}\n\n'
    b"data: [DONE]\n\n",
}


@pytest.mark.parametrize("document", READ.values(), ids=READ.keys())
def test_an_answer_is_found_wherever_it_is(document):
    assert answered(document).text == "B"


# --- no answer: an error of that request ----------------------------------------------------------

NO_ANSWER = {
    "finish_reason error (OpenRouter)": (choice({"content": ""}, "error"), "finish_reason error"),
    "abort (vLLM)": (choice({"content": ""}, "abort"), "finish_reason abort"),
    "abort in mid-reply (vLLM shutting down)": (choice({"content": "The an"}, "abort"), "abort"),
    "network_error (Z.ai)": (choice({"content": None}, "network_error"), "network_error"),
    "out of resources (DeepSeek)": (
        choice({"content": ""}, "insufficient_system_resource"),
        "insufficient_system_resource",
    ),
    "finish_reason as an object (SGLang)": (
        choice({"content": ""}, {"type": "abort", "message": "x"}),
        "abort",
    ),
    "error in the choice": (
        choice({"content": ""}, "error", error={"code": 400, "message": "upstream said no"}),
        "upstream said no",
    ),
    "error in the choice after half a reply": (
        choice({"content": "The"}, "error", error={"code": 400, "message": "lost upstream"}),
        "lost upstream",
    ),
    "message null": (choice(None), "no message"),
    "message null, filtered": (choice(None, "content_filter"), "content_filter"),
    "content_filter": (choice({"content": ""}, "content_filter"), "filter withheld the reply"),
    "SAFETY (Gemini)": (choice({"role": "assistant"}, "SAFETY"), "filter withheld"),
    "sensitive (Z.ai)": (choice({"content": None}, "sensitive"), "filter withheld"),
    "empty without an end": ({"choices": [{"message": {"content": ""}}]}, "no finish_reason"),
    "a prompt beyond the context (xinference)": (
        choice({"content": ""}, "length") | {"usage": {"completion_tokens": 0}},
        "generated nothing",
    ),
    "choices empty (Gemini, PROHIBITED_CONTENT)": ({"choices": []}, "no choices"),
    "choices null": ({"choices": None}, "no choices"),
    "choices an object": ({"choices": {"0": {}}}, "choices are not a list"),
    "choices text": ({"choices": "B"}, "choices are not a list"),
    "a choice null": ({"choices": [None]}, "first choice is not an object"),
    "a choice text": ({"choices": ["B"]}, "first choice is not an object"),
    "tool calls text": (choice({"content": None, "tool_calls": "x"}), "tool_calls"),
    "tool call without function": (choice({"tool_calls": [{"id": "1"}]}), "function"),
    "a number": (b"7", "not a completion but int"),
    "null": (b"null", "not a completion but NoneType"),
    "nothing": (b"", "reply is empty"),
    "an error for text": ({"error": "model is loading"}, "model is loading"),
    "an error in a list (Gemini)": (
        [{"error": {"code": 400, "message": "Cannot find this", "status": "INVALID_ARGUMENT"}}],
        "error 400: Cannot find this",
    ),
    "a detail": ({"detail": "Not authenticated to do this"}, "Not authenticated"),
    "vLLM's older error": (
        {"object": "error", "message": "prompt is too long", "code": 400},
        "prompt is too long",
    ),
    "the provider behind the gateway (OpenRouter)": (
        {
            "error": {
                "message": "Provider returned error",
                "code": 400,
                "metadata": {"raw": '{"error": {"message": "images: at most 8"}}'},
            }
        },
        "Provider returned error: images: at most 8",
    ),
    "deep nesting": (b'{"choices": ' + b"[" * 100_000, "nested too deeply"),
    "deep nesting in a tool call": (
        b'{"choices": [{"message": {"tool_calls": [{"function": {"name": "f", "arguments": '
        + b'{"a":' * 20_000
        + b"1"
        + b"}" * 20_000
        + b"}}]}}]}",
        "nested too deeply",
    ),
    "a number of 10,000 digits": (b'{"choices": ' + b"1" * 10_000 + b"}", "cannot be read"),
    "a stream that breaks off": (
        b'data: {"choices":[{"delta":{"content":"The answ"}}]}\n\n',
        "ended early",
    ),
    "a stream that ends in an error (OpenRouter)": (
        b': OPENROUTER PROCESSING\n\ndata: {"choices":[{"delta":{"content":"The"}}]}\n\n'
        b'data: {"error":{"code":400,"message":"provider gone"},"choices":[{"delta":'
        b'{"content":""},"finish_reason":"error"}]}\n\ndata: [DONE]\n\n',
        "provider gone",
    ),
    "a stream of something else": (b"data: hello\n\n", "cannot be read"),
}


@pytest.mark.parametrize(("document", "told"), NO_ANSWER.values(), ids=NO_ANSWER.keys())
def test_a_missing_answer_is_an_error_of_that_request_in_the_endpoint_s_words(document, told):
    with pytest.raises(GenerationError, match=told):
        answered(document)


# --- what is stored besides the answer ------------------------------------------------------------


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_is_stored_separately(field):
    prediction = answered(choice({"content": "B", field: "A or B? B."}))
    assert (prediction.text, prediction.reasoning) == ("B", "A or B? B.")
    assert not prediction.only_reasoning


def test_an_answer_only_in_the_reasoning_differs_from_an_empty_reply():
    prediction = answered(choice({"content": None, "reasoning_content": "B"}))
    assert (prediction.text, prediction.reasoning, prediction.only_reasoning) == ("", "B", True)
    cut = answered(choice({"content": None, "reasoning": "Let me"}, "length"))
    assert (cut.cut_off, cut.only_reasoning) == (True, False)


def test_a_refusal_is_kept():
    prediction = answered(choice({"content": None, "refusal": "I cannot help with that."}))
    assert (prediction.text, prediction.refusal) == ("", "I cannot help with that.")


@pytest.mark.parametrize(
    "reason",
    ["length", "MAX_TOKENS", "max_tokens", "FinishReason.MAX_TOKENS", "model_length", "max_length"],
)
def test_the_token_limit_has_many_names(reason):
    prediction = answered(choice({"content": ""}, reason))
    assert prediction.cut_off
    assert prediction.finish_reason == reason


CALLS = {
    "of the protocol": {"type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
    "type missing (Ollama)": {"function": {"name": "f", "arguments": '{"a": 1}'}},
    "type null": {"type": None, "function": {"name": "f", "arguments": '{"a": 1}'}},
    "type empty": {"type": "", "function": {"name": "f", "arguments": '{"a": 1}'}},
    "arguments an object (llama.cpp)": {"function": {"name": "f", "arguments": {"a": 1}}},
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_tool_calls_are_read_in_every_format(call):
    document = choice({"content": None, "tool_calls": [call]}, "tool_calls")
    assert answered(document).tool_calls == (NativeToolCall("f", '{"a": 1}'),)


def test_the_older_function_call_is_a_tool_call():
    call = {"name": "f", "arguments": '{"a": 1}'}
    document = choice({"content": None, "function_call": call}, "function_call")
    assert answered(document).tool_calls == (NativeToolCall("f", '{"a": 1}'),)
    both = choice({"function_call": call, "tool_calls": [{"function": call}]}, "tool_calls")
    assert len(answered(both).tool_calls) == 1


def test_calls_of_other_kinds_are_ignored():
    document = choice({"content": "B", "tool_calls": [{"type": "custom", "custom": {}}]})
    assert answered(document).tool_calls == ()


def test_lone_surrogates_never_reach_the_journal():
    from instit_bench.runs.record import answered as record_of
    from instit_bench.types import Score, State

    lone = "\ud800"
    document = choice(
        {
            "content": f"B{lone}",
            "reasoning": lone,
            "refusal": lone,
            "tool_calls": [{"function": {"name": lone, "arguments": {lone: 1}}}],
        },
        f"stop{lone}",
    )
    prediction = answered(document)
    assert record_of(SAMPLE, prediction, Score(State.SCORED)).model_dump_json()
    with pytest.raises(GenerationError) as caught:
        answered({"error": {"message": f"no {lone}\x1b[31m\u202e"}})
    assert str(caught.value).isprintable()


# --- an error inside a success -------------------------------------------------------------------


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


# --- all settings are sent, and rejected ones are left out ----------------------------------------


def refusing(*names, words="Unsupported parameter: '{}' is not supported with this model."):
    def answer(request):
        for name in names:
            if name in request:
                return Reply(words.format(name), status=400)
        return Reply("B")

    return answer


REFUSALS = {
    "OpenAI": "Unsupported parameter: '{}' is not supported with this model.",
    "OpenAI, value": "Unsupported value: '{}' does not support 0 with this model. Only the "
    "default (1) value is supported.",
    "OpenAI, older": "Unrecognized request argument supplied: {}",
    "Gemini": 'Invalid JSON payload received. Unknown name "{}": Cannot find field.',
    "Groq": "property '{}' is unsupported",
    "LiteLLM": "litellm.UnsupportedParamsError: gemini does not support parameters: ['{}'], for "
    "model=x. To drop these, set `litellm.drop_params=True`",
}


@pytest.mark.parametrize("words", REFUSALS.values(), ids=REFUSALS.keys())
@pytest.mark.parametrize("name", ["seed", "temperature", "top_k"])
def test_a_rejected_setting_is_left_out_and_reported_once(name, words):
    told = []
    with openai_server(refusing(name, words=words)) as server:
        assert ask(server, times=5, told=told).text == "B"
    assert [name in request for request in server.requests] == [True] + 5 * [False]
    assert told == [f"the endpoint refuses {name}: no longer sent"]
    assert ask.settings["not_sent"] == [name]


@pytest.mark.parametrize("nested", [False, True], ids=["FastAPI", "Mistral"])
def test_a_field_that_is_not_permitted_is_left_out(nested):
    loc, words = ["body", "seed"], "Extra inputs are not permitted"
    detail = {"detail": [{"type": "extra_forbidden", "loc": loc, "msg": words, "input": 0}]}
    document = {"object": "error", "message": detail, "param": None} if nested else detail

    def answer(request):
        refused = "seed" in request
        return Reply(status=422, body=json.dumps(document).encode()) if refused else Reply("B")

    with openai_server(answer) as server:
        assert ask(server).text == "B"


def test_several_rejections_are_handled_one_after_the_other():
    told = []
    with openai_server(refusing("max_tokens", "temperature", "top_k", "seed")) as server:
        assert ask(server, times=3, told=told).text == "B"
    assert server.requests[-1].keys() == {"model", "messages", "max_completion_tokens", "stop"}
    assert sorted(told) == [
        "the endpoint refuses seed, temperature, top_k: no longer sent",
        "the endpoint accepts the token limit only as max_completion_tokens",
    ]
    assert ask.settings["token_limit"] == "max_completion_tokens"


def test_an_endpoint_that_rejects_every_token_limit_gets_none():
    with openai_server(refusing("max_tokens", "max_completion_tokens")) as server:
        assert ask(server).text == "B"
    assert ask.settings["not_sent"] == ["max_tokens"]


def test_if_stop_is_rejected_replies_are_cut_locally():
    def scripted(request):
        return Reply("Unknown parameter: 'stop'.", status=400) if "stop" in request else full

    full = Reply("B\nEnd and more", finish_reason="length")
    with openai_server(scripted) as server:
        prediction = ask(server)
    assert (prediction.text, prediction.finish_reason) == ("B", "stop")


@pytest.mark.parametrize(
    "words",
    [
        "'max_tokens' or 'max_completion_tokens' is too large: 7. This model's maximum context "
        "length is 4 tokens",
        "This model's maximum context length is 4096 tokens. You requested 5000 tokens",
        "temperature must be at most 2",
        "Unsupported image format in message 0",
    ],
)
def test_an_unrelated_rejection_changes_nothing(words):
    with (
        openai_server(lambda _: Reply(words, status=400)) as server,
        pytest.raises(GenerationError),
    ):
        ask(server)
    assert len(server.requests) == 1


def test_settings_set_to_none_are_not_sent():
    params = GenerationParams(max_tokens=None, temperature=None, seed=None)
    with openai_server(lambda _: Reply("B")) as server:
        ask(server, params=params)
    assert server.requests[0].keys() == {"model", "messages"}


def test_the_extra_body_is_sent_and_takes_precedence():
    extra = {"temperature": 0.5, "chat_template_kwargs": {"enable_thinking": False}}
    with openai_server(lambda _: Reply("B")) as server:
        ask(server, extra_body=extra)
    assert extra.items() <= server.requests[0].items()


def test_headers_are_sent_and_their_values_never_shown(monkeypatch):
    monkeypatch.setenv("TEAM_KEY", "hush-hush")
    with openai_server(lambda _: Reply("no: hush-hush", status=400)) as server:
        header = ("X-Team=vision", "X-Key=env:TEAM_KEY", "Authorization=Bearer mine")
        with pytest.raises(GenerationError) as caught:
            ask(server, header=header)
    assert server.headers[0]["X-Team"] == "vision"
    assert server.headers[0]["X-Key"] == "hush-hush"
    assert server.headers[0].get_all("Authorization") == ["Bearer mine"]
    assert "hush" not in str(caught.value)


def test_only_the_names_of_headers_are_recorded():
    with openai_server(lambda _: Reply("B")) as server:
        ask(server, header=("X-Key=hush",))
    assert ask.settings["headers"] == ["X-Key"]
    assert "hush" not in json.dumps(ask.settings)


def test_a_header_from_an_unset_variable_is_a_usage_error():
    options = BackendOptions(
        "m", base_url="http://127.0.0.1:9/v1", endpoint=EndpointOptions(header=("X=env:NOT_SET_",))
    )
    with pytest.raises(InputError, match="NOT_SET_ is not set"):
        create_backend("openai", options)


# --- streams -------------------------------------------------------------------------------------


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


# --- size limits and connections ------------------------------------------------------------------


def test_an_endless_reply_does_not_exhaust_memory(monkeypatch):
    monkeypatch.setattr(client_module, "LARGEST_REPLY", 2**20)
    with (
        openai_server(lambda _: Reply("x" * 2**21)) as server,
        pytest.raises(GenerationError, match="larger than 1 MiB"),
    ):
        ask(server, retries=2)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [200, 400])
def test_the_size_limit_applies_to_the_decompressed_body(monkeypatch, status):
    import gzip

    monkeypatch.setattr(client_module, "LARGEST_REPLY", 2**20)
    packed = gzip.compress(b" " * 2**22)
    reply = Reply(status=status, body=packed, headers={"Content-Encoding": "gzip"})
    with (
        openai_server(lambda _: reply) as server,
        pytest.raises(GenerationError, match="larger than 1 MiB"),
    ):
        ask(server)


def test_a_compressed_reply_is_read():
    import gzip

    packed = gzip.compress(json.dumps(choice({"content": "B"})).encode())
    reply = Reply(body=packed, headers={"Content-Encoding": "gzip"})
    with openai_server(lambda _: reply) as server:
        assert ask(server).text == "B"


def test_a_request_on_a_closed_keep_alive_connection_is_sent_again():
    replies = iter([Reply("A"), Reply(drop=True), Reply("B")])
    with openai_server(lambda _: next(replies)) as server:
        assert ask(server, times=2, retries=0).text == "B"
    assert len(server.requests) == 3


def test_a_request_on_a_new_connection_is_not_sent_again():
    with (
        openai_server(lambda _: Reply(drop=True)) as server,
        pytest.raises(GenerationError, match="the connection broke"),
    ):
        ask(server, retries=0)
    assert len(server.requests) == 1


def test_idle_connections_are_closed_before_the_server_closes_them():
    from instit_bench.endpoint import Endpoint

    client = Endpoint("http://127.0.0.1:9/v1", "k").client(1.0, 0)
    pool = client._client._transport._pool
    assert pool._keepalive_expiry < 5


# --- the environment -----------------------------------------------------------------------------

FAR = "https://endpoint.invalid/v1"


def test_an_unusable_socks_proxy_is_one_clear_error(monkeypatch):
    pytest.importorskip("openai")
    monkeypatch.setitem(__import__("sys").modules, "socksio", None)
    monkeypatch.setenv("ALL_PROXY", "socks5://user:hush@127.0.0.1:1080")
    with pytest.raises(InputError, match=r'ALL_PROXY .*"instit-bench\[socks\]"') as caught:
        create_backend("openai", BackendOptions("m", base_url=FAR))
    assert "hush" not in str(caught.value)


def test_an_invalid_proxy_address_is_one_clear_error(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "gopher://hush")
    with pytest.raises(InputError, match="ALL_PROXY: is not a valid") as caught:
        create_backend("openai", BackendOptions("m", base_url=FAR))
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "socks5://127.0.0.1:9", "gopher://x"])
def test_local_servers_are_contacted_without_proxies(monkeypatch, proxy):
    for name in ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, proxy)
    with openai_server(lambda _: Reply("B")) as server:
        assert ask(server).text == "B"


def test_missing_certificates_are_one_clear_error(monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(InputError, match=r"SSL_CERT_FILE: no such file: .*none\.pem"):
        create_backend("openai", BackendOptions("m", base_url=FAR))
    (tmp_path / "none.pem").write_text("not a certificate")
    with pytest.raises(InputError, match=r"SSL_CERT_FILE: .*none\.pem cannot be used"):
        create_backend("openai", BackendOptions("m", base_url=FAR))


def test_a_plain_local_server_needs_no_certificates(monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with openai_server(lambda _: Reply("B")) as server:
        assert ask(server).text == "B"

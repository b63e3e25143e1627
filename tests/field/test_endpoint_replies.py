"""What supposedly compatible endpoints really send, replayed by a scripted server.

Each body was observed from a server or gateway (vLLM, SGLang, llama.cpp, LM Studio, Ollama,
LiteLLM, OpenRouter, Together, Gemini's and Mistral's endpoints). An answer is read wherever there
is one; otherwise the request fails and never counts as an empty reply of the model.
"""

from __future__ import annotations

import json

import pytest

from instit_bench.backends import GenerationError
from instit_bench.types import NativeToolCall
from tests.field.endpoint import SAMPLE, answered, choice

pytestmark = pytest.mark.usefixtures("plain_environment")

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
    "the end under another name (Ollama, LM Studio)": choice({"content": "B"}, "end"),
    "an end that nobody knows": choice({"content": "B"}, "unknown"),
    "thoughts under Ollama's name": choice({"content": "B", "thinking": "A?"}),
    "a status of all's well (MiniMax)": choice({"content": "B"})
    | {"base_resp": {"status_code": 0, "status_msg": ""}, "input_sensitive": False},
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
    "a page (a login in between)": (
        b"<!doctype html><html><head><title>Sign in &amp; go on</title></head></html>",
        "a web page and not a completion: Sign in & go on",
    ),
    "a status in the body (MiniMax)": (
        {"choices": None, "base_resp": {"status_code": 1027, "status_msg": "output sensitive"}},
        "output sensitive",
    ),
    "a status beside an empty answer (MiniMax)": (
        choice({"content": ""})
        | {"base_resp": {"status_code": 1027, "status_msg": "output new_sensitive"}},
        "output new_sensitive",
    ),
    "error_code and error_msg (Qianfan)": (
        {"error_code": 336003, "error_msg": "the max length of messages is exceeded", "id": "as-1"},
        "the max length of messages is exceeded",
    ),
    "errors in a list (Cloudflare)": (
        {"result": None, "success": False, "errors": [{"code": 7009, "message": "no such op"}]},
        "no such op",
    ),
    "code and msg (Zhipu)": ({"code": 1214, "msg": "bad messages", "success": False}, "bad mess"),
    "a header (Spark)": (
        {"header": {"code": 10013, "message": "input audit failed", "sid": "x"}},
        "input audit failed",
    ),
    "a fault (Apigee)": (
        {"fault": {"faultstring": "Body buffer overflow", "detail": {"errorcode": "x.y"}}},
        "Body buffer overflow",
    ),
    "a response's error (Hunyuan)": (
        {"Response": {"Error": {"Code": "FailedOperation", "Message": "not open"}}},
        "not open",
    ),
    "a job in a queue (RunPod)": (
        {"id": "sync-1", "status": "IN_QUEUE", "delayTime": 12},
        r'has no choices; it begins {"id": "sync-1", "status": "IN_QUEUE"',
    ),
    "a message of Anthropic's form": (
        {"type": "message", "content": [{"type": "text", "text": "B"}], "stop_reason": "end_turn"},
        r'has no choices; it begins {"type": "message"',
    ),
    "a call that the server could not read (Gemini)": (
        choice({"role": "assistant"}, "MALFORMED_FUNCTION_CALL"),
        "no text .finish_reason MALFORMED_FUNCTION_CALL",
    ),
    "OTHER (Gemini)": (choice({"content": ""}, "FinishReason.OTHER"), "FinishReason.OTHER"),
    "the model was only loaded (Ollama)": (choice({"content": ""}, "load"), "finish_reason load"),
    "a guardrail (Bedrock)": (
        choice({"content": ""}, "guardrail_intervened"),
        "guardrail_intervened",
    ),
    "stopped without a token (LM Studio: the prompt is too long)": (
        choice({"content": ""}) | {"usage": {"prompt_tokens": 36000, "completion_tokens": 0}},
        "generated nothing",
    ),
    "a stream of something else": (b"data: hello\n\n", "cannot be read"),
}


@pytest.mark.parametrize(("document", "told"), NO_ANSWER.values(), ids=NO_ANSWER.keys())
def test_a_missing_answer_is_an_error_of_that_request_in_the_endpoint_s_words(document, told):
    with pytest.raises(GenerationError, match=told):
        answered(document)


REASONING = {
    "reasoning_content": "A or B? B.",
    "reasoning": "A or B? B.",
    "thinking": "A or B? B.",
    "reasoning_details": [
        {"type": "reasoning.text", "text": "A or B? ", "signature": None, "index": 0},
        {"type": "reasoning.encrypted", "data": "c2VjcmV0"},
        {"type": "reasoning.summary", "summary": "B."},
    ],
}


@pytest.mark.parametrize("field", REASONING)
def test_reasoning_is_stored_separately(field):
    prediction = answered(choice({"content": "B", field: REASONING[field]}))
    assert (prediction.text, prediction.reasoning) == ("B", "A or B? B.")
    assert not prediction.only_reasoning


@pytest.mark.parametrize("field", REASONING)
def test_an_answer_in_no_other_field_is_told_apart_whatever_the_usage_says(field):
    document = choice({"content": "", field: REASONING[field]})
    nothing = {"usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}}
    assert answered(document | nothing).only_reasoning


ENDS = ["stop", "STOP", "FinishReason.STOP", "end", "eos", "eos_token", "end_turn", "stop_sequence"]


@pytest.mark.parametrize("reason", ENDS)
def test_an_empty_reply_that_ended_normally_is_the_model_s_own(reason):
    document = choice({"content": ""}, reason) | {"usage": {"completion_tokens": 1}}
    assert (answered(document).text, answered(document).finish_reason) == ("", reason)


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

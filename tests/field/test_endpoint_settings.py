"""All settings are sent to an endpoint; those that it rejects are left out from then on."""

from __future__ import annotations

import json

import pytest

from instit_bench.backends import BackendOptions, GenerationError, create_backend
from instit_bench.backends.options import EndpointOptions
from instit_bench.errors import InputError
from instit_bench.types import GenerationParams
from tests.field.endpoint import ask, refusing
from tests.openai_server import Reply, openai_server

pytestmark = pytest.mark.usefixtures("plain_environment")


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
        "the endpoint accepts the token limit only as max_completion_tokens",
        "the endpoint refuses seed, temperature, top_k: no longer sent",
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

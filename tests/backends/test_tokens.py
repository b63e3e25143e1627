"""``--logprobs``: the tokens of replies, in every form that endpoints tell them, or none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instit_bench.endpoint.reply import read_reply
from instit_bench.endpoint.tokens import MOST_TOKENS, read_tokens
from tests.openai_server import Reply, openai_server

CHAT = [
    {"token": "B", "logprob": -0.123456, "top_logprobs": [
        {"token": "B", "logprob": -0.123456}, {"token": "C", "logprob": -2.5}]},
    {"token": ".", "logprob": -9999.0, "top_logprobs": []},
]  # fmt: skip
RAW = {
    "tokens": ["B", "."],
    "token_logprobs": [-0.123456, -9999.0],
    "top_logprobs": [{"B": -0.123456, "C": -2.5}, None],
}


def reply(choice, **more):
    return read_reply(
        json.dumps({"choices": [{"finish_reason": "stop", **choice}], **more}).encode()
    )


def streamed(*chunks):
    return read_reply("".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks).encode())


def part(**choice):
    return {"choices": [{"index": 0, **choice}]}


PROMPT = {"prompt_token_ids": [7, 8, 8, 8, 9]}
FORMS = {
    "chat": lambda: reply(
        {"message": {"content": "B."}, "logprobs": {"content": CHAT}, "token_ids": [1, 2]}, **PROMPT
    ),
    "completion": lambda: reply({"text": "B.", "logprobs": RAW, "token_ids": [1, 2], **PROMPT}),
    "streamed chat": lambda: streamed(
        {**part(delta={"role": "assistant"}), **PROMPT},
        part(delta={"content": "B"}, logprobs={"content": CHAT[:1]}, token_ids=[1]),
        part(delta={"content": "."}, logprobs={"content": CHAT[1:]}, token_ids=[2]),
        part(delta={}, finish_reason="stop"),
    ),
    "streamed completion": lambda: streamed(
        part(text="B", logprobs={k: v[:1] for k, v in RAW.items()}, token_ids=[1], **PROMPT),
        part(text=".", logprobs={k: v[1:] for k, v in RAW.items()}, token_ids=[2]),
        part(text="", finish_reason="stop"),
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_tokens_are_read_from_every_form(form):
    prediction = FORMS[form]()
    assert prediction.text == "B."
    tokens = prediction.tokens
    assert tokens.texts == ("B", ".")
    assert tokens.logprobs == (-0.1235, -9999.0)
    assert tokens.others == ("C", None)
    assert tokens.other_logprobs == (-2.5, None)
    assert tokens.ids == (1, 2)


def test_the_prompt_s_digest_leaves_out_how_often_an_id_is_repeated():
    def digest(*ids):
        return read_tokens({}, list(ids)).prompt

    assert digest(7, 8, 8, 8, 9) == digest(7, 8, 9) != digest(7, 9, 8)


def test_a_very_long_reply_keeps_its_beginning():
    content = [{"token": "x", "logprob": -1.0}] * (MOST_TOKENS + 5)
    tokens = read_tokens({"logprobs": {"content": content}}, None)
    assert len(tokens.texts) == len(tokens.logprobs) == MOST_TOKENS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["content", "tokens", "token", "logprob", "top_logprobs", "x"]), inner
        )
    ),
    max_leaves=12,
)


@settings(max_examples=50)
@given(JSON, JSON, JSON)
def test_no_reply_is_refused_for_the_form_of_its_tokens(logprobs, ids, prompt):
    tokens = read_tokens({"logprobs": logprobs, "token_ids": ids}, prompt)
    if tokens is not None:
        lists = (tokens.logprobs, tokens.others, tokens.other_logprobs)
        assert {len(found) for found in lists} == {len(tokens.texts)}
        assert all(-9999 <= value <= 0 for value in tokens.logprobs if value is not None)


RUN = ("run", "--backend", "openai", "--model", "m", "--data", "demo", "--tasks", "gpt4tools_seen")


def test_what_an_endpoint_refuses_is_left_out_and_the_run_goes_on(cli, tmp_path):
    def answer(body):
        for name in ("return_token_ids", "logprobs"):
            if name in body:
                return Reply(f"Unrecognized request argument supplied: {name}", status=400)
        assert "top_logprobs" not in body
        return Reply("B")

    with openai_server(answer) as server:
        done = cli(*RUN, "--base-url", server.base_url, "--logprobs", "--name", "r")
    assert done.returncode == 0, done.stderr
    assert "--logprobs: the endpoint returns no log-probabilities" in done.stderr
    manifest = json.loads((tmp_path / "results/r/manifest.json").read_text())
    assert manifest["settings"]["backend"]["not_sent"] == ["logprobs", "return_token_ids"]


def test_tokens_are_neither_asked_for_nor_kept_without_the_option(cli, tmp_path):
    told = json.dumps({"choices": [{"finish_reason": "stop", "message": {"content": "B."},
                                    "logprobs": {"content": CHAT}}]}).encode()  # fmt: skip
    with openai_server(lambda _: Reply(body=told)) as server:
        cli(*RUN, "--base-url", server.base_url, "--name", "without")
        asked = {name for body in server.requests for name in body}
        cli(*RUN, "--base-url", server.base_url, "--name", "with", "--logprobs")
    assert not asked & {"logprobs", "top_logprobs", "return_token_ids"}
    for name, kept in (("without", None), ("with", ["B", "."])):
        lines = (tmp_path / f"results/{name}/samples/gpt4tools_seen.jsonl").read_text().splitlines()
        found = [json.loads(line)["tokens"] for line in lines]
        assert [t and t["texts"] for t in found] == [kept] * len(found)


def test_only_endpoints_and_engines_have_the_option(cli):
    done = cli("run", "--backend", "baseline", "--model", "first", "--data", "demo", "--logprobs")
    assert done.returncode == 2
    assert "--logprobs: only --backend openai and vllm have this option" in done.stderr

"""Keys: each endpoint gets its own, and none is shown, stored or sent where it does not belong."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import quote

import pytest

from instit_bench.backends.base import Workload
from instit_bench.endpoint.address import Endpoint, find_endpoint
from instit_bench.endpoint.keys import belongs_to, forms_of, is_withheld, share_a_key
from instit_bench.errors import InputError
from instit_bench.evaluation.config import make_config
from instit_bench.types import NativeToolCall, Prediction
from tests.batch_server import batch_server
from tests.judging.test_judge_batch import by_rule
from tests.judging.test_judging import TASK, predictions
from tests.openai_server import Reply, openai_server

OPENAI = "https://api.openai.com/v1"
OTHER = "https://models.example.org/v1"
HERE = "http://127.0.0.1:8000/v1"
LAN = "http://gpu-box:8000/v1"
KEY = "sk-very/secret+key=="


@pytest.mark.parametrize(
    ("address", "withheld"),
    [
        *((address, False) for address in (OPENAI, OTHER, HERE, "http://[::1]:8/v1")),
        *((address, False) for address in ("http://localhost/v1", "https://10.0.0.7/v1")),
        *((address, True) for address in (LAN, "http://10.0.0.7/v1", "http://example.org/v1")),
        ("http://127.0.0.1.example.org/v1", True),
        ("http://127.0.0.1@example.org/v1", True),
    ],
)
def test_the_usual_key_is_not_sent_in_clear_to_another_machine(monkeypatch, address, withheld):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    assert is_withheld(address) == withheld
    assert (find_endpoint(address, "--base-url").key == KEY) == (not withheld)
    named = find_endpoint(address, "--base-url", key_env="OPENAI_API_KEY")
    assert named.key == KEY, "naming it is consent"


def test_the_usual_key_is_that_of_the_usual_address(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", LAN)
    assert find_endpoint(None, "--base-url").key == KEY


@pytest.mark.parametrize(
    ("model", "judge", "shared", "models", "judges"),
    [
        (OPENAI, OPENAI, False, KEY, KEY),
        (OTHER, OPENAI, True, None, None),
        (HERE, OPENAI, False, "none", KEY),
        (OPENAI, HERE, False, KEY, "none"),
        (LAN, OPENAI, False, "none", KEY),
        (HERE, HERE, False, KEY, KEY),
    ],
)
@pytest.mark.parametrize("asks", ["judge", "extract_with"])
def test_model_and_judge_get_one_key_only_at_one_provider(
    monkeypatch, asks, model, judge, shared, models, judges
):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    settings = {"model": "m", "backend": "openai", "base_url": model}
    settings |= {asks: "openai:gpt-4o", "judge_base_url": judge}
    assert share_a_key(model, judge) == shared
    if shared:
        with pytest.raises(InputError, match="--api-key-env and --judge-api-key-env"):
            make_config(None, settings)
        monkeypatch.setenv("JUDGE_KEY", "sk-judge")
        config = make_config(None, settings | {"judge_api_key_env": "JUDGE_KEY"})
        assert config.judge_endpoint().key == "sk-judge"
        return
    config = make_config(None, settings)
    key_env = config.backend_options(Workload()).endpoint.api_key_env
    assert find_endpoint(model, "--base-url", key_env=key_env).key == models
    assert config.judge_endpoint().key == judges
    assert belongs_to(judge, model) == (models == "none" and model == HERE)


def test_each_endpoint_is_sent_the_key_named_for_it(cli):
    verdict = json.dumps({"sample_score": 1.0})
    with openai_server(lambda _: Reply("B")) as model, openai_server(lambda _: Reply(verdict)) as j:
        done = cli(
            *("run", "--model", "m", "--backend", "openai", "--base-url", model.base_url),
            *("--data", "demo", "--tasks", "inst_it_image_oe", "--limit", 2),
            *("--judge", "openai:gpt-4o", "--judge-base-url", j.base_url),
            *("--api-key-env", "MODEL_KEY", "--judge-api-key-env", "JUDGE_KEY"),
            MODEL_KEY="sk-of-the-model",
            JUDGE_KEY="sk-of-the-judge",
            OPENAI_API_KEY="sk-of-openai",
        )
    assert done.returncode == 0, done.stderr
    assert set(model.keys) == {"Bearer sk-of-the-model"}
    assert set(j.keys) == {"Bearer sk-of-the-judge"}


def test_a_variable_that_is_not_set_is_named(cli):
    done = cli(
        *("run", "--model", "m", "--backend", "openai", "--base-url", HERE, "--data", "demo"),
        *("--api-key-env", "NO_SUCH_KEY"),
    )
    assert done.returncode == 2
    assert "--api-key-env NO_SUCH_KEY: this environment variable is not set" in done.stderr


def on_record(folder: Path) -> str:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return "".join(path.read_text(encoding="utf-8", errors="replace") for path in files)


ECHOES = {
    "in an error": lambda shown: Reply(f"no such key: {shown}", status=400),
    "in a reply": lambda shown: Reply(f"The answer is B. My key is {shown}."),
}
FORMS = {
    "as it is": KEY,
    "URL-encoded": quote(KEY, safe=""),
    "in base64": base64.b64encode(KEY.encode()).decode(),
    "as Basic credentials": base64.b64encode(b"user:hush-hush").decode(),
}


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("form", FORMS)
def test_a_server_that_repeats_a_secret_does_not_put_it_on_record(cli, tmp_path, form, echo):
    with openai_server(lambda _: ECHOES[echo](FORMS[form])) as server:
        done = cli(
            *("run", "--model", "m", "--backend", "openai", "--data", "demo"),
            *("--base-url", server.base_url.replace("//", "//user:hush-hush@")),
            *("--tasks", "inst_it_image_mc", "--limit", 1, "--fail-on-error", 1),
            OPENAI_API_KEY=KEY,
        )
    assert done.returncode == 0, done.stderr
    told = on_record(tmp_path / "results") + done.stdout + done.stderr
    assert "***" in told
    assert FORMS[form].rstrip("=") not in told
    assert "hush-hush" not in told


def test_nor_does_one_that_repeats_it_outside_the_text():
    call = NativeToolCall(f"call {KEY}", f'{{"key": "{KEY}"}}')
    said = Prediction("", f"stop {KEY}", tool_calls=(call,), refusal=KEY, reasoning=KEY)
    assert KEY not in repr(Endpoint(OTHER, KEY).redacted(said))


def test_short_words_of_an_answer_are_no_secrets():
    assert forms_of(["none", "abc"]) == ()


@pytest.mark.parametrize("option", ["hf-token=hf_x", "api-key=x", "download=https://u:p@h/x"])
def test_an_engine_argument_with_a_secret_is_refused_without_showing_it(cli, option):
    done = cli("run", "--model", "m", "--backend", "vllm", "--engine-arg", option)
    assert done.returncode == 2
    assert "would be written to the run's manifest" in done.stderr
    assert option.partition("=")[2] not in done.stderr


class TestBatch:
    """A batch's address is on record, and a record never decides where a key goes."""

    def test_its_password_is_not_on_record(self, cli, tmp_path):
        file, _ = predictions(tmp_path, 2)
        with batch_server(by_rule) as server:
            address = server.base_url.replace("//", "//user:hush-hush@")
            assert self.submit(cli, file, address).returncode == 0
            assert "hush-hush" not in on_record(tmp_path / "results")
            server.finish()
            assert self.collect(cli, address).returncode == 0

    def test_a_folder_from_elsewhere_does_not_get_the_key(self, cli, tmp_path):
        file, _ = predictions(tmp_path, 2)
        with (
            openai_server(lambda _: Reply("")) as stranger,
            batch_server(by_rule) as server,
        ):
            self.submit(cli, file, server.base_url)
            path = tmp_path / "results/s/judge_batch.json"
            path.write_text(path.read_text().replace(server.base_url, stranger.base_url))
            for address in (server.base_url, None):
                done = self.collect(cli, address)
                assert done.returncode == 2
                assert f"was submitted to {stranger.base_url}, not " in done.stderr
        assert stranger.contacts == 0

    def submit(self, cli, file, address):
        return cli(
            *("score", file, "--task", TASK, "--name", "s", "--judge", "openai:gpt-4o"),
            *("--judge-base-url", address, "--judge-batch"),
            OPENAI_API_KEY="sk-x",
        )

    def collect(self, cli, address):
        named = ("--judge-base-url", address) if address else ()
        return cli("judge", "collect", "results/s", *named, OPENAI_API_KEY="sk-x")

"""The options of ``--backend lmms-eval`` that can be tested without lmms-eval."""

from __future__ import annotations

import pytest

from instit_bench.backends.options import is_secret
from instit_bench.evaluation.config import make_config
from tests.command_line import REPOSITORY

RUN = ("run", "--backend", "lmms-eval", "--model", "llava_onevision", "--data", "demo")


def test_without_lmms_eval_the_error_names_the_extra_to_install(cli_process, tmp_path):
    (tmp_path / "lmms_eval.py").write_text("raise ImportError('not here')")
    done = cli_process(*RUN, PYTHONPATH=f"{tmp_path}:{REPOSITORY}")
    assert done.returncode == 2
    assert 'pip install "instit-bench[lmms-eval]"' in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("api_key=sk-1", "--model-arg api_key: would be written to the run's manifest"),
        ("hf_token=hf_1", "hf_token: would be written"),
        ("base_url=http://me:secret@host/v1", "base_url: would be written"),
        ("base_url=http://host/v1?api_key=sk-1", "base_url: would be written"),
        ("extra={'Authorization': 'Bearer sk-1'}", "extra: would be written"),
        ("pretrained", "must be key=value"),
        ("=x", "must be key=value"),
        ("batch_size=4", "use --batch-size"),
    ],
)
def test_arguments_are_checked_and_secrets_are_refused(cli, tmp_path, argument, said):
    done = cli(*RUN, "--model-arg", argument)
    assert done.returncode == 2
    assert said in done.stderr
    assert "secret@" not in done.stderr
    assert "sk-1" not in done.stderr
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("OPENAI_API_KEY", True),
        ("HF_TOKEN", True),
        ("aws_secret", True),
        ("azure-api-key", True),
        ("apikey", True),
        ("authorization", True),
        ("default_headers", True),
        ("max_new_tokens", False),
        ("image_token", False),
        ("keyframes", False),
        ("pretrained", False),
    ],
)
def test_names_of_secrets(name, secret):
    assert is_secret(name) == secret


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--backend", "openai", "--model-arg", "a=b"],
            "--model-arg: only --backend lmms-eval has this option",
        ),
        (
            ["--backend", "baseline", "--batch-size", "2"],
            "--batch-size: only --backend lmms-eval has this option",
        ),
        (
            ["--backend", "baseline", "--video-as", "video"],
            "--video-as: only --backend vllm and lmms-eval have this option",
        ),
    ],
)
def test_other_backends_reject_its_options(cli, options, said):
    done = cli("run", "--model", "first", "--data", "demo", *options)
    assert done.returncode == 2
    assert said in done.stderr


def settings(**more):
    return make_config(None, {"model": "llava_onevision", "backend": "lmms-eval", **more})


def test_batches_are_filled_while_one_is_computed():
    assert settings().in_flight == 2
    assert settings(batch_size=8).in_flight == 16
    assert settings(batch_size=8, concurrency=8).in_flight == 8


def test_a_video_is_sent_whole_unless_frames_are_requested():
    assert settings().video_as == "video"
    assert settings(video_as="frames").video_as == "frames"


@pytest.mark.parametrize(
    ("arguments", "label"),
    [
        ([], "llava_onevision"),
        (["conv_template=qwen_1_5", "pretrained=org/name"], "llava_onevision:org/name"),
        (["model_version=some-model"], "llava_onevision:some-model"),
    ],
)
def test_the_default_name_includes_the_checkpoint(arguments, label):
    assert settings(model_arg=arguments).model_label == label


def test_a_config_file_accepts_arguments_as_a_mapping(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text(
        "model: m\nbackend: lmms-eval\nmodel_arg:\n  pretrained: org/name\n  use_cache: false\n"
    )
    config = make_config(file, {})
    assert config.model_arg == ("pretrained=org/name", "use_cache=False")

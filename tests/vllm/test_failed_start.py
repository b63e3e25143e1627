"""A failed start reports the engine's reason and what to change, with exit code 2."""

from __future__ import annotations

import json
import shutil

import pytest

pytestmark = pytest.mark.vllm


def changed_config(source, target, **values):
    shutil.copytree(source, target)
    config = json.loads((target / "config.json").read_text())
    (target / "config.json").write_text(json.dumps(config | values))
    return target


def one_line(done):
    assert done.code == 2, done.err
    assert "Traceback" not in done.err
    (line,) = [t for t in done.err.splitlines() if t.startswith("instit-bench: error:")]
    return line


def test_a_missing_folder_is_reported_at_once(run, tmp_path):
    line = one_line(run(tmp_path / "nothing"))
    assert "no such folder" in line


def test_an_unknown_architecture(run, models, tmp_path):
    model = changed_config(models / "text", tmp_path / "m", architectures=["NoSuchForCausalLM"])
    line = one_line(run(model, "--tasks", "gpt4tools", name="architecture"))
    assert "NoSuchForCausalLM" in line
    assert "use a newer one, or another model" in line


def test_missing_weights(run, models, tmp_path):
    model = tmp_path / "m"
    shutil.copytree(models / "text", model)
    (model / "model.safetensors").unlink()
    line = one_line(run(model, "--tasks", "gpt4tools", name="weights"))
    assert "contains no weights" in line


def test_a_chat_with_a_model_without_a_chat_template(run, models):
    line = one_line(run(models / "base", "--tasks", "gpt4tools", name="template"))
    assert "chat template" in line
    assert "--prompt-style raw" in line


def test_a_request_that_exceeds_the_model_s_limit(run, models, tmp_path):
    done = run(models / "text", "--tasks", "gpt4tools", "--max-model-len", 256, name="long")
    line = one_line(done)
    assert "the longest request" in line
    assert "256" in line
    assert not list(done.folder.glob("samples/*.jsonl")) or not any(
        path.read_text() for path in done.folder.glob("samples/*.jsonl")
    )

"""Recipes: what ``--model NAME`` expands to, and that explicit settings win."""

from __future__ import annotations

import json

import pytest

from instit_bench.backends.create import BACKENDS
from instit_bench.errors import InputError
from instit_bench.evaluation.config import make_config
from instit_bench.evaluation.recipes import recipes
from instit_bench.tasks.registry import load_registry

NEEDED = {"model": "weights/vicuna", "lora": "gpt4tools=weights/lora"}


@pytest.mark.parametrize("name", recipes())
def test_every_recipe_is_a_valid_run(name):
    recipe = recipes()[name]
    given = {setting: NEEDED[setting] for setting in recipe.needs}
    config = make_config(None, {"recipe": name, **given})
    assert config.recipe == name
    BACKENDS.load(config.backend)
    for task in load_registry(()).resolve(config.tasks):
        if config.backend == "vllm":
            assert task.has_style(config.prompt_style)
    assert config.model == given.get("model", recipe.settings.get("model"))


def test_a_recipe_s_name_as_the_model_is_the_recipe():
    assert make_config(None, {"model": "inst-it-vicuna-7b"}) == make_config(
        None, {"recipe": "inst-it-vicuna-7b"}
    )


def test_explicit_settings_win_one_by_one():
    config = make_config(
        None,
        {
            "model": "inst-it-vicuna-7b",
            "tasks": "inst_it_image_mc",
            "model_arg": ["pretrained=copy", "device=cpu"],
        },
    )
    assert config.tasks == ("inst_it_image_mc",)
    arguments = dict(word.split("=") for word in config.model_arg)
    assert len(arguments) == len(config.model_arg)
    assert (arguments["pretrained"], arguments["device"]) == ("copy", "cpu")
    assert arguments["conv_template"] == "vicuna_v1"
    assert config.model_label == "inst_it_llava:copy"


def test_the_weights_of_a_recipe_may_lie_elsewhere():
    settings = {"recipe": "gpt4tools-vicuna-7b-v1.5", "model": "/w/v", "lora": "gpt4tools=/w/l"}
    config = make_config(None, settings)
    assert (config.model, config.backend, config.prompt_style) == ("/w/v", "vllm", "lora-v1.5")


def test_a_served_model_of_the_same_name_is_not_the_recipe():
    config = make_config(None, {"model": "inst-it-vicuna-7b", "backend": "openai"})
    assert (config.recipe, config.model) == (None, "inst-it-vicuna-7b")


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"recipe": "inst-it-vicuna"}, "--recipe inst-it-vicuna: no such recipe; did you mean"),
        ({"recipe": "x"}, "--recipe x: no such recipe; there are inst-it-vicuna-7b, "),
        (
            {"model": "gpt4tools-vicuna-7b-v1.5"},
            "--recipe gpt4tools-vicuna-7b-v1.5: needs --lora: gpt4tools=FOLDER, unpacked from",
        ),
        ({"model": "gpt4tools-vicuna-13b"}, "--recipe gpt4tools-vicuna-13b: needs --model: the"),
    ],
)
def test_what_is_missing_or_unknown_is_said(settings, problem):
    with pytest.raises(InputError) as caught:
        make_config(None, settings)
    assert problem in str(caught.value)


def test_the_manifest_names_the_recipe(cli, tmp_path, monkeypatch):
    from instit_bench.evaluation import recipes as module

    fields = {"backend": "baseline", "model": "first", "tasks": "inst_it_image_mc"}
    tried = module.Recipe(checkpoint="c", about="a", settings=fields)
    monkeypatch.setattr(module, "recipes", lambda: {"tried": tried})
    done = cli("run", "--model", "tried", "--data", "demo", "--name", "r", "--limit", 1)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "results/r/manifest.json").read_text())
    assert manifest["settings"]["recipe"] == "tried"
    assert manifest["identity"]["model"] == "first"


def test_models_lists_them_and_prints_a_command(cli):
    listed = cli("models")
    assert listed.returncode == 0
    assert all(name in listed.stdout.replace("\n", "") for name in ("inst-it-vicuna-7b", "--lora"))
    shown = cli("models", "gpt4tools-vicuna-7b-v1.5").stdout
    assert "# needs --lora: gpt4tools=FOLDER" in shown
    assert "instit-bench run --backend vllm --model lmsys/vicuna-7b-v1.5 --tasks gpt4tools" in shown
    unknown = cli("models", "nothing")
    assert unknown.returncode == 2
    assert "models nothing: no such recipe" in unknown.stderr

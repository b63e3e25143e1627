"""Models of lmms-eval in our runs: the same requests and metrics as in lmms-eval."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.lmms_eval.conftest import TASKS
from tests.lmms_eval.running import Runner, finish, start

pytestmark = pytest.mark.lmms_eval

# The options that select one of two adapters with the same name, in lmms-eval and here.
KINDS = {"chat": ([], []), "simple": (["--force_simple"], ["--model-arg", "force_simple=true"])}


@pytest.fixture(scope="module")
def run_model(tmp_path_factory, environment) -> Runner:
    """Return a function that runs a model of lmms-eval here on the demo data."""
    folder = tmp_path_factory.mktemp("here")

    def run_model(model, *options, name):
        env = environment(folder / f"{name}.tiny.jsonl")
        return finish(start(folder, model, *options, name=name, env=env), folder / name)

    return run_model


@pytest.fixture(scope="module", params=KINDS)
def tiny(request, lexically_judged, run_model: Runner):
    """Runs of the tiny model of either kind in lmms-eval and here."""
    _, ours = KINDS[request.param]
    there = lexically_judged(request.param)
    here = run_model("tiny", *ours, "--judge", "lexical", name=request.param)
    assert here.code == 0, here.err
    return there, here, request.param


@pytest.mark.parametrize("task", TASKS)
def test_every_metric_is_the_same_to_1e_9(tiny, task):
    there, here, _ = tiny
    metrics = {name: m for name, m in here.results["tasks"][task]["metrics"].items() if m["n"]}
    assert metrics
    for name, metric in metrics.items():
        assert there.metrics(task)[name] == pytest.approx(metric["value"], abs=1e-9), name


def test_the_model_gets_the_same_requests(tiny):
    """Texts, pixels, videos and sampling settings are the same, regardless of the order."""
    there, here, _ = tiny

    def asked(lines):
        return Counter(
            json.dumps([line[key] for key in ("text", "media", "settings")], sort_keys=True)
            for line in lines
        )

    assert asked(here.requests) == asked(there.requests)


def test_the_manifest_describes_the_adapter(tiny):
    _, here, kind = tiny
    settings = here.load("manifest.json")["settings"]["backend"]
    assert settings["adapter"] == f"tiny_models.Tiny{kind.capitalize()}"
    assert settings["interface"] == kind
    assert settings["lmms_eval"].startswith("0.7")
    assert settings["torch"]
    assert settings["transformers"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A model with random weights and an architecture that lmms-eval has adapters for."""
    from benchmarks.tiny_models import make_vision

    return make_vision(tmp_path_factory.mktemp("checkpoint") / "vision")


@pytest.fixture(scope="module", params=KINDS)
def built_in(request, lmms_eval, run_model: Runner, checkpoint):
    """Greedy runs of lmms-eval's adapters for Qwen2.5-VL in lmms-eval and here."""
    theirs, ours = KINDS[request.param]
    pixels = ["min_pixels=3136", "max_pixels=50176"]
    arguments = [f"pretrained={checkpoint}", "device=cpu", "device_map=cpu", *pixels]
    there = lmms_eval(
        *theirs,
        *("--model_args", ",".join(arguments), "--gen_kwargs", "max_new_tokens=6"),
        model="qwen2_5_vl",
        INSTIT_BENCH_JUDGE="lexical",
    )
    assert there.code == 0, there.err
    options = [word for argument in arguments for word in ("--model-arg", argument)]
    here = run_model(
        *("qwen2_5_vl", *options, *ours, "--max-tokens", 6, "--judge", "lexical"),
        name=f"qwen-{request.param}",
    )
    assert here.code == 0, here.err
    return there, here


@pytest.mark.parametrize("task", TASKS)
def test_built_in_adapters_give_the_same_predictions(built_in, task):
    there, here = built_in
    said = {line["doc_id"]: line["filtered_resps"] for line in there.samples(task)}
    replies = [record["prediction"] for record in here.records(task)]
    assert replies == [said[index] for index in sorted(said)]


def test_built_in_adapters_give_varied_predictions(built_in):
    _, here = built_in
    assert len({record["prediction"] for task in TASKS for record in here.records(task)}) > 1


@pytest.mark.parametrize("task", TASKS)
def test_built_in_adapters_have_the_same_metrics(built_in, task):
    there, here = built_in
    for name, metric in here.results["tasks"][task]["metrics"].items():
        if metric["n"]:
            assert there.metrics(task)[name] == pytest.approx(metric["value"], abs=1e-9), name


def test_truncation_is_detected_if_the_adapter_counts_tokens(built_in):
    _, here = built_in
    states = Counter(record["state"] for record in here.records("gpt4tools_seen"))
    if here.load("manifest.json")["settings"]["backend"]["interface"] == "chat":
        assert states == {"truncated": 24}
    else:
        assert states == {"unparsed": 24}

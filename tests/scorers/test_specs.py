"""What a scorer's spec declares about its metrics, for built-in and installed scorers."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from instit_bench.errors import InputError
from instit_bench.scorers.base import is_right
from instit_bench.scorers.registry import SCORERS, spec_of
from tests.installed import install


def stored(scorer, metrics):
    """Return a task as described in a run's manifest or a baseline file."""
    return SimpleNamespace(scorer=scorer, metrics=metrics)


CHOICE = ["official_accuracy", "accuracy"]
TOOLS = ["sr", "iou", "strict_sr", "args_exact"]
OPEN = ["official_score", "lexical_score", "id_f1", "time_f1"]


@pytest.mark.parametrize(
    ("scorer", "metrics", "valued", "heads", "deciding"),
    [
        ("choice", CHOICE, CHOICE, ("official_accuracy", "accuracy"), "accuracy"),
        ("choice", CHOICE, ["accuracy"], ("accuracy",), "accuracy"),
        ("choice", CHOICE, ["official_accuracy"], ("official_accuracy",), "official_accuracy"),
        ("choice", ["f1", "f2"], ["f1", "f2"], ("f1",), "f1"),
        ("tool_call", TOOLS, TOOLS, ("sr", "strict_sr"), "strict_sr"),
        ("open_ended", OPEN, ["official_score", "id_f1"], ("official_score",), "official_score"),
        ("open_ended", OPEN, ["lexical_score", "id_f1"], ("lexical_score",), "lexical_score"),
        ("open_ended", OPEN, ["id_f1", "time_f1"], (), None),
        ("process_results", ["exact", "f1"], ["exact", "f1"], ("exact",), "exact"),
        ("process_results", ["exact", "f1"], ["f1"], (), None),
        ("process_results", [], [], (), None),
        ("not_installed", ["exact", "f1"], ["exact", "f1"], ("exact",), "exact"),
    ],
)
def test_a_diagnostic_is_never_used_as_the_headline(scorer, metrics, valued, heads, deciding):
    spec = spec_of(stored(scorer, metrics))
    assert spec.headlines(valued) == heads
    assert spec.deciding(valued) == deciding


@pytest.mark.parametrize(
    ("value", "right", "right_where_lower_is_better"),
    [(1.0, True, False), (0.5, True, True), (0.49, False, True), (0.0, False, True)],
)
def test_half_of_the_maximum_counts_as_right_on_either_scale(
    value, right, right_where_lower_is_better
):
    assert is_right("a", {"a": value}, ()) is right
    assert is_right("a", {"a": value}, ["a"]) is right_where_lower_is_better


@pytest.mark.parametrize("metric", ["b", None])
def test_a_missing_value_is_neither_right_nor_wrong(metric):
    assert is_right(metric, {"a": 0.5}, ()) is None


def test_a_scorer_that_is_not_installed_has_no_groups_and_no_plots():
    spec = spec_of(stored("not_installed", ["exact"]))
    record = SimpleNamespace(
        question="What is [1]?",
        target="a cup",
        extracted=None,
        details={"difference": "official is kinder: it takes 'a: cup'"},
    )
    assert spec.question_kind(record, "image") == "all questions"
    assert spec.why_different(record) == "official is kinder"
    assert spec.tables([]) == {}
    assert (spec.matrices, spec.needs_judge, spec.multiple_choice) == ((), False, False)


def test_an_installed_package_provides_a_scorer(tmp_path, monkeypatch):
    install(
        tmp_path,
        monkeypatch,
        "instit_bench.scorers",
        {"colour": "colours:SPEC"},
        "from instit_bench.scorers.base import ScorerSpec\n"
        "SPEC = ScorerSpec('colour', make=lambda task: None, official='named')\n",
    )
    assert "colour" in SCORERS
    assert SCORERS.names()[-1] == "colour"
    assert spec_of(stored("colour", ["exact", "named"])).deciding(["exact", "named"]) == "named"


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("raise RuntimeError('no licence')", "cannot be loaded: RuntimeError: no licence"),
        ("SPEC = 1", "must be a ScorerSpec, not int"),
        (
            "from instit_bench.scorers.base import ScorerSpec\n"
            "SPEC = ScorerSpec('color', make=lambda task: None)",
            "is named 'color'; the two names must be the same",
        ),
    ],
)
def test_a_broken_package_is_an_error_that_names_it(tmp_path, monkeypatch, module, said):
    install(tmp_path, monkeypatch, "instit_bench.scorers", {"colour": "colours:SPEC"}, module)
    with pytest.raises(InputError) as caught:
        spec_of(stored("colour", ["exact"]))
    assert "scorer 'colour' of colours (colours:SPEC): " in str(caught.value)
    assert said in str(caught.value)


def test_two_packages_cannot_provide_the_same_name(tmp_path, monkeypatch):
    for name in ("colours", "paints"):
        entries = {"colour": f"{name}:SPEC"}
        install(tmp_path, monkeypatch, "instit_bench.scorers", entries, "", package=name)
    with pytest.raises(InputError, match=r"both (colours and paints|paints and colours);"):
        SCORERS.load("colour")


def test_built_in_names_cannot_be_overridden(tmp_path, monkeypatch):
    entries = {"choice": "colours:SPEC"}
    install(tmp_path, monkeypatch, "instit_bench.scorers", entries, "SPEC = 1")
    assert SCORERS.load("choice").official == "official_accuracy"


def test_an_unknown_name_is_an_error_that_lists_the_known_ones():
    with pytest.raises(InputError, match="there is no scorer 'best'; choose one of choice, "):
        SCORERS.load("best")


def test_unjudged_predictions_are_not_compared_by_a_diagnostic(cli, tmp_path):
    for model in ("random", "first"):
        cli(*("run", "--backend", "baseline", "--data", "demo", "--tasks", "inst_it_image_oe"),
            *("--model", model, "--name", model))  # fmt: skip
    done = cli("compare", "results/random", "results/first")
    assert done.returncode == 0, done.stderr
    assert "id_f1" not in done.stdout
    assert (
        "inst_it_image_oe: no headline metric has a value; were its answers judged?" in done.stdout
    )
    held = cli("check", "results/first", "--baseline", "results/random")
    assert held.returncode == 3  # coverage: nothing was judged
    assert "id_f1" not in held.stdout

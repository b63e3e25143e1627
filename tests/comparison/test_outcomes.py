"""Which metrics head a task, and which one says that a sample is right."""

from __future__ import annotations

import pytest

from instit_bench.comparison.outcomes import deciding_metric, headline_metrics, is_right


@pytest.mark.parametrize(
    ("scorer", "valued", "heads", "deciding"),
    [
        (
            "choice",
            ["official_accuracy", "accuracy"],
            ("official_accuracy", "accuracy"),
            "accuracy",
        ),
        ("choice", ["accuracy"], ("accuracy",), "accuracy"),
        ("tool_call", ["iou", "sr", "args_exact", "strict_sr"], ("sr", "strict_sr"), "strict_sr"),
        ("open_ended", ["official_score", "id_f1"], ("official_score",), "official_score"),
        ("open_ended", ["lexical_score", "id_f1"], ("lexical_score",), "lexical_score"),
        ("open_ended", ["id_f1", "time_f1"], (), None),
        ("process_results", ["exact", "f1"], ("exact",), "exact"),
        ("process_results", [], (), None),
    ],
)
def test_a_diagnostic_never_stands_in_for_a_headline(scorer, valued, heads, deciding):
    assert headline_metrics(scorer, valued) == heads
    assert deciding_metric(scorer, valued) == deciding


@pytest.mark.parametrize(
    ("metric", "right"), [("a", True), ("b", False), ("c", None), (None, None)]
)
def test_half_a_point_is_right_and_no_value_is_neither(metric, right):
    assert is_right(metric, {"a": 0.5, "b": 0.49}) is right


def test_answers_that_nobody_judged_are_not_compared_by_a_diagnostic(cli, tmp_path):
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
    assert held.returncode == 3  # coverage: nothing has a verdict
    assert "id_f1" not in held.stdout

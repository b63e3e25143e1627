"""Options are moved only where question, target and options stay one."""

from __future__ import annotations

import json

import pytest

from instit_bench.audit.panels import panels
from instit_bench.audit.plan import plan_audit
from instit_bench.audit.results import audit_result
from instit_bench.errors import InputError
from instit_bench.evaluation.config import make_config
from instit_bench.evaluation.plan import make_plan
from instit_bench.evaluation.runner import run as carry_out
from instit_bench.interventions.options import names_others
from instit_bench.progress import Silent

CHOICES = ("red", "green", "blue")
PLUGIN = """
task: shades
dataset_path: json
dataset_kwargs: {data_files: {test: items.json}}
doc_to_text: %s
doc_to_target: answer
process_results: !function utils.process_results
metric_list: [{metric: right, aggregation: mean, higher_is_better: true}]
metadata: {choice_fields: [a, b, c]}
"""
UTILS = """
def doc_to_text(doc):
    return f"{doc['question']}\\nA. {doc['a']}\\nB. {doc['b']}\\nC. {doc['c']}"

def process_results(doc, results):
    return {"right": float(results[0].strip().lower() == doc["answer"].lower())}
"""


def settings(folder, *answers, text="!function utils.doc_to_text", choices=CHOICES):
    """Write a plugin from elsewhere, with a record for each answer; return settings of a run."""
    (folder / "shades.yaml").write_text(PLUGIN % text)
    (folder / "utils.py").write_text(UTILS)
    a, b, c = choices
    rows = [
        {"id": f"r{number}", "question": "Which?", "a": a, "b": b, "c": c, "answer": answer}
        for number, answer in enumerate(answers)
    ]
    (folder / "items.json").write_text(json.dumps(rows))
    return {
        **{"model": "first", "backend": "baseline", "include_path": [str(folder)]},
        **{"tasks": "shades", "output": str(folder / "results"), "name": "a"},
    }


def rotated(values):
    values = {**values, "intervention": "rotated-options-1"}
    return list(make_plan(make_config(None, values)).tasks[0].samples)


@pytest.mark.parametrize(
    ("answer", "moved"), [("A", "C"), ("B", "A"), (" c ", "b"), ("green", "green")]
)
def test_a_target_follows_its_option(tmp_path, answer, moved):
    (sample,) = rotated(settings(tmp_path, answer))
    assert (sample.choices, sample.target) == (("green", "blue", "red"), moved)


@pytest.mark.parametrize("answer", [1, "(B)", "D", "Option B"])
def test_a_target_that_cannot_follow_is_refused(tmp_path, answer):
    values = settings(tmp_path, "A", answer)
    why = rf"the target of id r1, '{answer}', is neither the letter nor the text of an option"
    with pytest.raises(InputError, match=why.replace("(", r"\(").replace(")", r"\)")):
        rotated(values)
    with pytest.raises(InputError, match="permuted-options: shades: the target of id r1"):
        plan_audit(values, ["permuted-options"])


def test_a_prompt_that_would_not_follow_is_refused(tmp_path):
    with pytest.raises(InputError, match="its prompt is not made from the fields with the options"):
        rotated(settings(tmp_path, "A", text="question"))


@pytest.mark.parametrize(
    ("option", "names"),
    [
        *((text, True) for text in ("All of the above.", "none of the above", "Both A and C")),
        *((text, True) for text in ("A and B", "(A) or (B)", "Options A, B and D", "A, B")),
        *((text, True) for text in ("Neither of these options", "None of the other answers")),
        *((text, False) for text in ("[1] and [3]", "A man and a woman", "Both [2] and [4]")),
        *((text, False) for text in ("Vitamin A and B", "A", "on top of the above-ground pipe")),
        *((text, False) for text in ("in front of all of the other people", "none", "all of them")),
    ],
)
def test_options_that_name_others(option, names):
    assert names_others(("red", option)) is names


def test_such_options_stay_and_do_not_count(tmp_path):
    values = settings(tmp_path, "A", "B", choices=("red", "green", "both A and B"))
    assert [sample.target for sample in rotated(values)] == ["A", "B"]
    rows = json.loads((tmp_path / "items.json").read_text())
    rows[0]["c"] = "blue"
    (tmp_path / "items.json").write_text(json.dumps(rows))
    audit = plan_audit(values, ["permuted-options"])
    for run in audit.suite.runs:
        assert carry_out(run.config, Silent()).problem is None
    result = audit_result(audit)
    (check,) = result.checks
    (one,) = check.circular
    assert (one.circular.n, one.fixed) == (1, 1)
    assert (one.plain.value, one.circular.value) == (1.0, 0.0)
    (answer,) = panels(result)[0].answers
    assert answer.told.endswith("1 left out, whose options name others by letter or place")
    assert "most often chosen" not in answer.told, "the scorer of this task reads no letter"

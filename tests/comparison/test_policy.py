"""``checks.yaml``: a rule that can never apply is an error and not ignored."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.comparison.runs import TASK, task_scores, write_run

BAD = {
    "no YAML": ("defaults: [", "is not valid YAML"),
    "no mapping": ("- max_drop", "must be a mapping"),
    "an unknown section": ("default: {}", "field 'default' is not known"),
    "an unknown rule": (
        "defaults: {max_dorp: 0.1}",
        "field 'defaults.max_dorp' is not known; did you mean 'max_drop'?",
    ),
    "a task's rule for a metric": (
        "defaults: {metrics: {accuracy: {min_coverage: 1}}}",
        "field 'defaults.metrics.accuracy.min_coverage' is not known; it is a rule "
        "for a task: put it under 'defaults' or a task's name in 'tasks'",
    ),
    "a metric's rule for a task": (
        "tasks: {inst_it_video_mc: {min_value: 0.5}}",
        "field 'tasks.inst_it_video_mc.min_value' is not known; it is a rule for a "
        "metric: put it under 'metrics'",
    ),
    "a task's rule for the whole": (
        "max_drop: 0.5",
        "field 'max_drop' is not known; it is a rule for a task: put it under",
    ),
    "text for a number": ("defaults: {max_drop: 5%}", "field 'defaults.max_drop'"),
    "percent for a fraction": ("defaults: {max_drop: 2}", "it is a fraction, 0.02 for 2 points"),
    "not a number": ("defaults: {max_drop: .nan}", "field 'defaults.max_drop'"),
    "yes for a number": ("defaults: {max_drop: yes}", "field 'defaults.max_drop'"),
    "an unknown gate": ("defaults: {gate: median}", "'interval' or 'mean'"),
    "a number of more digits than can be written": (
        f"defaults: {{max_drop: 0x{'f' * 5000}}}",
        "it is a fraction",
    ),
    "lists of lists of lists": (
        "a: &a [1,1,1,1,1,1,1,1,1]\n"
        + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in pairwise("abcdefgh"))
        + "defaults: *h",
        "more than 100000 values with its aliases written out",
    ),
    "a key twice": ("defaults: {max_drop: 0.1, max_drop: 0.2}", "duplicate key 'max_drop'"),
    "an unknown task": (
        "tasks: {inst_it_vidoe_mc: {max_drop: 0.1}}",
        "tasks.inst_it_vidoe_mc: neither run nor baseline has such a task; did you mean "
        "'inst_it_video_mc'?",
    ),
    "a pattern for no task": ("tasks: {'gpt4tools_*': {}}", "has such a task"),
    "an unknown metric": (
        "tasks: {inst_it_video_mc: {metrics: {acuracy: {min_value: 0.1}}}}",
        "tasks.inst_it_video_mc.metrics.acuracy: neither run nor baseline has such a metric; did "
        "you mean 'accuracy'?",
    ),
    "a metric of no task": (
        "defaults: {metrics: {strict_sr: {min_value: 0.1}}}",
        "defaults.metrics.strict_sr: neither run nor baseline has such a metric",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_policy_is_refused_by_name(cli, tmp_path, case):
    text, words = BAD[case]
    (tmp_path / "checks.yaml").write_text(text)
    run = write_run(tmp_path, "run", **{TASK: task_scores(20)})
    done = cli("check", run, "--baseline", run, "--policy", "checks.yaml")
    assert done.returncode == 2, done.stdout
    assert "checks.yaml" in done.stderr
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_missing_policy_is_named(cli, tmp_path):
    run = write_run(tmp_path, "run", **{TASK: task_scores(20)})
    done = cli("check", run, "--baseline", run, "--policy", "none.yaml")
    assert done.returncode == 2
    assert "none.yaml: cannot be read" in done.stderr


def test_an_empty_policy_is_the_default_policy(cli, tmp_path):
    (tmp_path / "checks.yaml").write_text("")
    run = write_run(tmp_path, "run", **{TASK: task_scores(20)})
    with_policy = cli("check", run, "--baseline", run, "--policy", "checks.yaml")
    assert with_policy.stdout == cli("check", run, "--baseline", run).stdout


def test_comparability_is_checked_regardless_of_the_policy(cli, tmp_path):
    (tmp_path / "checks.yaml").write_text(
        "defaults: {max_drop: null, min_coverage: null, max_error_rate: null}"
    )
    baseline = write_run(tmp_path, "baseline", **{TASK: task_scores(20)})
    run = write_run(tmp_path, "run", **{TASK: task_scores(20, prompts="own")})
    done = cli("check", run, "--baseline", baseline, "--policy", "checks.yaml")
    assert done.returncode == 3
    assert "check: UNDECIDED: 1 of 1 rules cannot be checked" in done.stdout


TWO_TASKS = """
defaults: {max_drop: 0.01}
tasks:
  inst_it_video_mc: {max_drop: 0.02}
  gpt4tools_unseen:
    optional: true
    metrics: {no_such_metric: {min_value: 0.6}}
"""


def test_an_optional_entry_may_apply_to_no_task(cli, tmp_path):
    (tmp_path / "checks.yaml").write_text(TWO_TASKS)
    run = write_run(tmp_path, "run", **{TASK: task_scores(20)})
    done = cli("check", run, "--baseline", run, "--policy", "checks.yaml")
    assert done.returncode == 0, done.stderr
    assert "optional, and not in these runs: gpt4tools_unseen\n" in done.stderr
    whole = {TASK: task_scores(20), "gpt4tools_unseen": task_scores(20)}
    both = write_run(tmp_path, "both", **whole)
    done = cli("check", both, "--baseline", both, "--policy", "checks.yaml")
    assert done.returncode == 2  # where there is such a task, its metrics must be right
    assert "gpt4tools_unseen.metrics.no_such_metric" in done.stderr


@pytest.mark.parametrize(("optional", "code"), [("true", 0), ("false", 3)])
def test_a_run_may_lack_an_optional_task_of_its_baseline(cli, tmp_path, optional, code):
    (tmp_path / "checks.yaml").write_text(f"defaults: {{optional: {optional}}}")
    part = write_run(tmp_path, "part", **{TASK: task_scores(20)})
    whole = write_run(tmp_path, "whole", **{TASK: task_scores(20), "other": task_scores(20)})
    done = cli("check", part, "--baseline", whole, "--policy", "checks.yaml")
    assert done.returncode == code, done.stdout
    assert "the run has no such task" in done.stdout


def test_tasks_are_chosen_and_entries_for_others_stay_in_the_policy(cli, tmp_path):
    (tmp_path / "checks.yaml").write_text(
        "tasks: {inst_it_*: {max_drop: 0.02}, gpt4tools_*: {max_drop: 0.02}}"
    )
    before = write_run(tmp_path, "a", **{TASK: task_scores(40), "other": task_scores(40)})
    after = write_run(tmp_path, "b", **{TASK: task_scores(40), "other": task_scores(0)})
    check = ["check", after, "--baseline", before, "--policy", "checks.yaml"]
    assert cli(*check).returncode == 2
    done = cli(*check, "--tasks", TASK)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "other" not in done.stdout

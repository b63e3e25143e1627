"""``instit-bench check``: a run compared with its baseline, and the exit code."""

from __future__ import annotations

import json
import re

import pytest

from tests.comparison.runs import TASK, predictions, score, task_scores, worsened, write_run


def load(path):
    return json.loads(path.read_text())


def policy(tmp_path, text):
    (tmp_path / "checks.yaml").write_text(text)
    return "--policy", "checks.yaml"


def last_line(done):
    return done.stdout.rstrip().splitlines()[-1]


def row_of(done, rule):
    (row,) = [line for line in done.stdout.splitlines() if line.strip().startswith(rule)]
    return row


def check_the_three_cases(cli, tmp_path, rows):
    baseline = score(cli, tmp_path, rows, "baseline", "--prompts", "official")

    forty = score(cli, tmp_path, worsened(rows, 40)[0], "forty", "--prompts", "official")
    done = cli("check", forty, "--baseline", baseline)
    assert done.returncode == 1, done.stderr
    assert last_line(done) == "check: REGRESSION: 2 of 5 rules broken"
    assert "regression" in row_of(done, "accuracy max_drop")

    two = score(cli, tmp_path, worsened(rows, 2)[0], "two", "--prompts", "official")
    done = cli("check", two, "--baseline", baseline)
    assert done.returncode == 0, done.stderr
    assert last_line(done) == "check: passed: all 5 rules"
    assert re.search(r"; 0\.0\d+ could have been detected", row_of(done, "accuracy max_drop"))

    other = score(cli, tmp_path, rows, "other", "--prompts", "own")
    done = cli("check", other, "--baseline", baseline)
    assert done.returncode == 3, done.stderr
    assert last_line(done) == "check: UNDECIDED: 1 of 3 rules cannot be checked"
    assert "prompts: official against own" in row_of(done, "comparable")


def test_regression_noise_and_other_prompts(cli, tmp_path):
    check_the_three_cases(cli, tmp_path, predictions())


def test_regression_noise_and_other_prompts_on_the_benchmark_s_own_answers(
    cli, tmp_path, shared_data
):
    check_the_three_cases(cli, tmp_path, load(shared_data / "inst_it/video_mc_inference.json"))


def with_states(state, count, **scores):
    """Return a task whose first samples have these states."""
    task = task_scores(200, of=400)
    for sample in list(task["samples"])[:count]:
        task["samples"][sample] |= {"state": state, "scores": scores}
    return task


def without_scores(metric):
    task = task_scores(200, of=400)
    for sample in task["samples"].values():
        sample["scores"] = {k: v for k, v in sample["scores"].items() if k != metric}
    return task


LIMITED = {**task_scores(20, of=40)}
FEW = task_scores(0, of=20)  # 5 videos
RUNS = {
    "the same": ({TASK: task_scores(200, of=400)}, 0, "passed: all 5 rules"),
    "better": ({TASK: task_scores(300, of=400)}, 0, "passed"),
    "a task more": (
        {TASK: task_scores(200, of=400), "inst_it_image_mc": task_scores(1)},
        0,
        "passed",
    ),
    "another task only": ({"inst_it_image_mc": task_scores(1)}, 3, "the run has no such task"),
    "too few of its samples": ({TASK: LIMITED}, 3, "40 of 400 samples count"),
    "too many failed": (
        {TASK: with_states("infer_error", 8)},
        3,
        "8 of 400 samples failed (0.0200)",
    ),
    "too many unjudged": ({TASK: with_states("not_run", 8)}, 3, "392 of 400 samples"),
    "a model that stops answering": (
        {TASK: with_states("unparsed", 40, accuracy=0.0)},
        1,
        "0.5000 to 0.4000",
    ),
    "a metric less": (
        {TASK: without_scores("accuracy")},
        3,
        "no sample has a value in both runs",
    ),
    "a regression beside a rule that cannot be checked": (
        {TASK: with_states("not_run", 8) | {"samples": task_scores(100, of=392)["samples"]}},
        3,
        "cannot be checked, 2 broken",
    ),
}


@pytest.mark.parametrize("case", RUNS)
def test_the_exit_code_tells_regression_noise_and_missing_data_apart(cli, tmp_path, case):
    tasks, code, words = RUNS[case]
    baseline = write_run(tmp_path, "baseline", **{TASK: task_scores(200, of=400)})
    done = cli("check", write_run(tmp_path, "run", **tasks), "--baseline", baseline)
    assert done.returncode == code, done.stdout + done.stderr
    assert words in done.stdout + done.stderr


INCOMPLETE = {
    "failed": with_states("infer_error", 40),
    "a part of the set": task_scores(200, of=360),
}


@pytest.mark.parametrize("case", INCOMPLETE)
def test_a_baseline_with_missing_samples_is_not_a_valid_reference(cli, tmp_path, case):
    """A run that is worse on the missing samples would pass otherwise."""
    baseline = write_run(tmp_path, "baseline", **{TASK: INCOMPLETE[case]})
    run = write_run(tmp_path, "run", **{TASK: task_scores(200, of=400)})
    done = cli("check", run, "--baseline", baseline)
    assert done.returncode == 3
    assert "of the baseline's 360" in row_of(done, "min_coverage")
    assert "on 360 of 400 samples" in row_of(done, "accuracy max_drop")
    rules = policy(tmp_path, "defaults: {min_coverage: 0.9}")
    assert cli("check", run, "--baseline", baseline, *rules).returncode == 0


def test_coverage_equal_to_the_required_one_is_enough(cli, tmp_path):
    """In floating point, 0.07 * 100 is more than 7."""
    task = task_scores(50, of=100, per_cluster=1)
    for sample in list(task["samples"].values())[7:]:
        sample |= {"state": "not_run", "scores": {}}
    run = write_run(tmp_path, "run", **{TASK: task})
    done = cli(
        *("check", run, "--baseline", run),
        *policy(tmp_path, "defaults: {min_coverage: 0.07, gate: mean}"),
    )
    assert done.returncode == 0, done.stdout


def test_a_rule_for_a_metric_that_only_the_baseline_has_cannot_be_checked(cli, tmp_path):
    more = task_scores(200, of=400)
    more["metrics"].append("recall")
    for sample in more["samples"].values():
        sample["scores"]["recall"] = 1.0
    baseline = write_run(tmp_path, "baseline", **{TASK: more})
    run = write_run(tmp_path, "run", **{TASK: task_scores(200, of=400)})
    for rule in ("max_drop", "min_value"):
        rules = policy(tmp_path, f"defaults: {{metrics: {{recall: {{{rule}: 0.01}}}}}}")
        done = cli("check", run, "--baseline", baseline, *rules)
        assert done.returncode == 3, done.stderr
        assert "no sample has a value" in row_of(done, f"recall {rule}")


def scores_of(values, name, tmp_path):
    """Write a run on five images with these accuracies."""
    task = task_scores(0, of=5, per_cluster=1)
    for sample, value in zip(task["samples"].values(), values, strict=True):
        sample["scores"] = {"accuracy": value}
    return write_run(tmp_path, name, **{TASK: task})


def test_a_value_equal_to_the_limit_passes(cli, tmp_path):
    """In floating point, 0.7 / 5 is less than 0.14, and 0.3 / 5 is more than 0.06."""
    run = scores_of([0, 0, 0, 0, 0.7], "run", tmp_path)
    floor = "defaults: {max_drop: null, metrics: {accuracy: {min_value: 0.14, gate: mean}}}"
    assert cli("check", run, *policy(tmp_path, floor)).returncode == 0
    before = scores_of([0.1, 0.2, 0, 0, 0], "before", tmp_path)
    after = scores_of([0, 0, 0, 0, 0], "after", tmp_path)
    drop = policy(tmp_path, "defaults: {max_drop: 0.06, gate: mean}")
    assert cli("check", after, "--baseline", before, *drop).returncode == 0
    drop = policy(tmp_path, "defaults: {max_drop: 0.05999, gate: mean}")
    assert cli("check", after, "--baseline", before, *drop).returncode == 1


def test_a_task_missing_from_the_run_cannot_be_checked_but_the_others_are(cli, tmp_path):
    both = {TASK: task_scores(40, of=80), "inst_it_image_mc": task_scores(40, of=80)}
    baseline = write_run(tmp_path, "baseline", **both)
    run = write_run(tmp_path, "run", **{TASK: task_scores(0, of=80)})
    done = cli("check", run, "--baseline", baseline)
    assert done.returncode == 3
    assert "the run has no such task" in done.stdout
    assert "regression" in row_of(done, "accuracy max_drop")


def test_five_videos_are_too_few_for_an_interval_but_enough_for_a_mean(cli, tmp_path):
    baseline = write_run(tmp_path, "baseline", **{TASK: task_scores(20, of=20)})
    run = write_run(tmp_path, "run", **{TASK: FEW})
    done = cli("check", run, "--baseline", baseline)
    assert done.returncode == 3
    assert "5 images or videos are too few" in done.stdout
    rules = policy(tmp_path, "defaults: {gate: mean}")
    assert cli("check", run, "--baseline", baseline, *rules).returncode == 1


# A run that loses 40 of 400 answers, all in ten videos: 0.5 to 0.4, interval about 0.04 to 0.16.
POLICIES = {
    "an established drop": ("{}", 1),
    "a drop that is allowed": ("defaults: {max_drop: 0.2}", 0),
    "an interval that reaches what is allowed": ("defaults: {max_drop: 0.06}", 0),
    "a mean beyond what is allowed": ("defaults: {max_drop: 0.06, gate: mean}", 1),
    "the same for one metric": (
        "defaults: {max_drop: 0.06, metrics: {accuracy: {gate: mean}}}",
        1,
    ),
    "a rule switched off": ("tasks: {inst_it_video_mc: {max_drop: null}}", 0),
    "a later rule over an earlier one": (
        "tasks: {'inst_it_*': {max_drop: 0}, 'inst_it_video_*': {max_drop: 0.2}}",
        0,
    ),
    "a metric's rule over its task's": (
        "tasks: {'*': {max_drop: 0.2, metrics: {'*accuracy': {max_drop: 0}}}}",
        1,
    ),
    "a floor above the interval": (
        "defaults: {max_drop: null, metrics: {accuracy: {min_value: 0.7}}}",
        1,
    ),
    "a floor inside the interval": (
        "defaults: {max_drop: null, metrics: {accuracy: {min_value: 0.45}}}",
        0,
    ),
    "a floor above the mean": (
        "defaults: {max_drop: null, metrics: {accuracy: {min_value: 0.45, gate: mean}}}",
        1,
    ),
    "a ceiling": ("defaults: {max_drop: null, metrics: {accuracy: {max_value: 0.1}}}", 1),
    "coverage that is enough": ("defaults: {max_drop: null, min_coverage: 1}", 0),
}


@pytest.mark.parametrize("case", POLICIES)
def test_the_policy_decides(cli, tmp_path, case):
    text, code = POLICIES[case]
    baseline = write_run(tmp_path, "baseline", **{TASK: task_scores(200, of=400)})
    run = write_run(tmp_path, "run", **{TASK: task_scores(160, of=400)})
    done = cli("check", run, "--baseline", baseline, *policy(tmp_path, text))
    assert done.returncode == code, done.stdout + done.stderr


def test_a_detectable_difference_larger_than_the_allowed_one_is_reported(cli, tmp_path):
    baseline = write_run(tmp_path, "baseline", **{TASK: task_scores(200, of=400)})
    run = write_run(tmp_path, "run", **{TASK: task_scores(198, of=400)})

    def detectable(allowed):
        rules = policy(tmp_path, f"defaults: {{max_drop: {allowed}}}")
        done = cli("check", run, "--baseline", baseline, *rules)
        row = row_of(done, "accuracy max_drop")
        return float(re.search(r"; ([\d.]+) could have been detected", row)[1])

    assert detectable(0.05) == pytest.approx(0.05 + detectable(0), abs=2e-4)


def test_more_errors_are_a_regression(cli, tmp_path):
    demo = ["run", "--backend", "baseline", "--data", "demo", "--tasks", "gpt4tools_unseen"]
    cli(*demo, "--model", "echo-gold", "--name", "gold")
    cli(*demo, "--model", "random", "--name", "random")
    rules = policy(
        tmp_path, "defaults: {max_drop: null, metrics: {under_call_rate: {max_drop: 0.05}}}"
    )
    done = cli("check", "results/random", "--baseline", "results/gold", *rules)
    assert done.returncode == 1
    assert "regression" in row_of(done, "under_call_rate max_drop")
    done = cli("check", "results/gold", "--baseline", "results/random", *rules)
    assert done.returncode == 0


def test_minimum_values_need_no_baseline(cli, tmp_path):
    run = write_run(tmp_path, "run", **{TASK: task_scores(200, of=400)})
    floor = "defaults: {{metrics: {{accuracy: {{min_value: {}}}}}}}"
    assert cli("check", run, *policy(tmp_path, floor.format(0.3))).returncode == 0
    assert cli("check", run, *policy(tmp_path, floor.format(0.9))).returncode == 1
    for rules, words in (
        ((), "--baseline is needed: without one only min_value and max_value"),
        (policy(tmp_path, "defaults: {max_drop: 0.1}"), "the policy has a rule max_drop"),
    ):
        done = cli("check", run, *rules)
        assert done.returncode == 2
        assert words in done.stderr

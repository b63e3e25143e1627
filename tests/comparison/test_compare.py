"""``instit-bench compare``: what changed, whether it is significant, and what is refused."""

from __future__ import annotations

import json
import os
import re

import pytest

from tests.comparison.runs import TASK, predictions, score, task_scores, worsened, write_run


def load(path):
    return json.loads(path.read_text())


def figures(tmp_path, task=TASK, metric="accuracy"):
    return load(tmp_path / "c.json")["comparisons"][0]["tasks"][task]["metrics"][metric]


def check_forty_changed_answers(cli, tmp_path, rows):
    worse, changed = worsened(rows, 40)
    a = score(cli, tmp_path, rows, "a")
    b = score(cli, tmp_path, worse, "b")
    done = cli("compare", a, b, "--flips", "all", "--json", "c.json")
    assert done.returncode == 0, done.stderr
    assert f"{TASK}: 40 right to wrong, 0 wrong to right" in done.stdout
    named = set(re.findall(r"\d+-\d+", done.stdout.split("right to wrong", 1)[1]))
    assert named == set(changed)
    found = figures(tmp_path)
    assert found["test"]["difference"] == pytest.approx(-40 / len(rows))
    assert (found["test"]["losses"], found["test"]["wins"]) == (40, 0)
    assert found["verdict"] == "worse"
    groups = load(tmp_path / "c.json")["comparisons"][0]["tasks"][TASK]["flips"]
    assert len(groups) > 1
    assert sorted(i for group in groups.values() for i in group["to_wrong"]) == sorted(changed)


def test_forty_changed_predictions_are_reported_and_listed(cli, tmp_path):
    check_forty_changed_answers(cli, tmp_path, predictions())


def test_forty_of_the_benchmark_s_own_predictions_changed(cli, tmp_path, shared_data):
    check_forty_changed_answers(
        cli, tmp_path, load(shared_data / "inst_it/video_mc_inference.json")
    )


def test_two_changed_predictions_are_not_a_significant_difference(cli, tmp_path):
    a = write_run(tmp_path, "a", **{TASK: task_scores(30, of=400)})
    b = write_run(tmp_path, "b", **{TASK: task_scores(28, of=400)})
    done = cli("compare", a, b, "--flips", 1, "--json", "c.json")
    assert figures(tmp_path)["verdict"] == "no difference shown"
    assert "2: 007-00 and 1 more" in done.stdout
    assert "no difference shown" in done.stdout


def test_without_room_for_ids_a_group_is_only_counted(cli, tmp_path):
    a = write_run(tmp_path, "a", **{TASK: task_scores(30)})
    b = write_run(tmp_path, "b", **{TASK: task_scores(28)})
    shown = cli("compare", a, b, "--flips", 0).stdout
    assert "2 samples" in shown
    assert "007-00" not in shown


def test_a_bootstrap_interval_by_video_is_shown_on_request(cli, tmp_path):
    a = write_run(tmp_path, "a", **{TASK: task_scores(400, of=400)})
    b = write_run(tmp_path, "b", **{TASK: task_scores(360, of=400)})  # ten of 100 videos lost
    cli("compare", a, b, "--json", "c.json")
    assert figures(tmp_path)["bootstrap_ci95"] is None
    again = []
    for seed in (1, 1, 2):
        written = ("--seed", seed, "--json", "c.json", "--markdown", "c.md")
        done = cli("compare", a, b, "--bootstrap", *written)
        low, high = figures(tmp_path)["bootstrap_ci95"]
        again.append((low, high))
        assert low == pytest.approx(-0.16, abs=0.015)  # 1.96 * sqrt(0.1 * 0.9 / 100) = 0.059
        assert high == pytest.approx(-0.04, abs=0.015)
        words = f"accuracy: by bootstrap {low:+.4f} to {high:+.4f}"
        assert words in done.stdout
        assert words in (tmp_path / "c.md").read_text()
    assert again[0] == again[1]


def test_every_further_run_is_compared_with_the_first(cli, tmp_path):
    names = [
        write_run(tmp_path, name, **{TASK: task_scores(right, of=80)})
        for name, right in (("base", 40), ("up", 80), ("down", 0))
    ]
    done = cli("compare", *names, "--json", "c.json")
    verdicts = [
        (found["a"]["name"], found["b"]["name"], found["tasks"][TASK]["metrics"]["accuracy"])
        for found in load(tmp_path / "c.json")["comparisons"]
    ]
    assert [(a, b, metric["verdict"]) for a, b, metric in verdicts] == [
        ("base", "up", "better"),
        ("base", "down", "worse"),
    ]
    assert "B: up against A: base" in done.stdout


OTHER_ITEM = {**task_scores(20)["samples"]}
OTHER_ITEM["000-01"] = OTHER_ITEM["000-01"] | {"item": "0123456789ab"}
JUDGED = {"prompt_style": "chat", "judge": "openai:gpt-4o-2024-08-06"}
MISMATCHES = {
    "data": ({}, {"data_digest": "e"}, "data: d against e"),
    "item": (
        {"data_digest": None},
        {"samples": OTHER_ITEM},
        "question or target of 1 of 40 shared samples (000-01): 000000000000 against 0123456789ab",
    ),
    "whose prompts": ({}, {"prompts": "own"}, "prompts: official against own"),
    "prompts of one not known": (
        {},
        {"prompts": "unknown"},
        "prompts: official against not known",
    ),
    "prompt texts": ({}, {"prompt_digest": "q"}, "prompt texts: p against q"),
    "a setting": (
        {},
        {"protocol": {"prompt_style": "chat", "temperature": 0.7, "max_frames": 32}},
        "temperature: 0.0 against 0.7",
    ),
    "settings of one not known": (
        {},
        {"protocol": {}},
        "prompt_style, temperature, max_frames: chat, 0.0, 32 against not known",
    ),
    "the judge": (
        {"protocol": JUDGED},
        {"protocol": JUDGED | {"judge": "lexical"}},
        "judge: openai:gpt-4o-2024-08-06 against lexical",
    ),
    "the scorer": ({}, {"scorer": "open_ended"}, "scorer: choice against open_ended"),
}


@pytest.mark.parametrize("case", MISMATCHES)
def test_differing_settings_are_refused_by_name_unless_allowed(cli, tmp_path, case):
    change_a, change_b, words = MISMATCHES[case]
    a = write_run(tmp_path, "a", **{TASK: task_scores(30, **change_a)})
    b = write_run(tmp_path, "b", **{TASK: task_scores(20) | change_b})
    refused = cli("compare", a, b, "--markdown", "c.md")
    assert (refused.returncode, refused.stdout) == (3, "")
    assert f"{TASK}: {words}" in refused.stderr
    assert not (tmp_path / "c.md").exists()

    allowed = cli("compare", a, b, "--allow-mismatch", "--markdown", "c.md", "--json", "c.json")
    assert allowed.returncode == 0, allowed.stderr
    page = (tmp_path / "c.md").read_text()
    tables = page.count("\n| --- ")
    assert tables >= 1
    assert page.count("**NOT COMPARABLE**") == allowed.stdout.count("NOT COMPARABLE:") == tables
    (mismatch,) = load(tmp_path / "c.json")["comparisons"][0]["tasks"][TASK]["mismatches"]
    assert words == f"{mismatch['field']}: {mismatch['a']} against {mismatch['b']}"


def test_a_different_model_and_backend_are_no_obstacle(cli, tmp_path):
    a = write_run(tmp_path, "a", **{TASK: task_scores(30)})
    b = write_run(tmp_path, "b", **{TASK: task_scores(30)})
    values = load(tmp_path / b) | {"model": "another", "backend": "vllm", "data": "a-copy"}
    (tmp_path / b).write_text(json.dumps(values))
    done = cli("compare", a, b)
    assert done.returncode == 0
    assert "b (another)" in done.stdout


def test_settings_unknown_to_both_runs_are_reported(cli, tmp_path):
    a = score(cli, tmp_path, predictions(), "a")
    b = score(cli, tmp_path, predictions(), "b")
    shown = cli("compare", a, b).stdout
    assert f"{TASK}: unknown for both runs: which prompts were used" in shown
    assert f"{TASK}: unknown for both runs: which settings were used" in shown


def test_different_prompts_of_two_scored_files_are_refused(cli, tmp_path):
    a = score(cli, tmp_path, predictions(), "a", "--prompts", "official")
    b = score(cli, tmp_path, predictions(), "b", "--prompts", "own")
    done = cli("compare", a, b)
    assert done.returncode == 3
    assert f"{TASK}: prompts: official against own" in done.stderr
    recorded = [load(tmp_path / run / "results.json")["tasks"][TASK] for run in (a, b)]
    assert [task["prompts"] for task in recorded] == ["official", "own"]
    assert [("own-prompts" in task["marks"]) for task in recorded] == [False, True]


def test_a_judge_in_one_run_only_is_refused(cli, tmp_path):
    demo = ["run", "--model", "random", "--backend", "baseline", "--data", "demo"]
    cli(*demo, "--tasks", "inst_it_image_oe", "--judge", "lexical", "--name", "judged")
    cli(*demo, "--tasks", "inst_it_image_oe", "--name", "unjudged")
    done = cli("compare", "results/judged", "results/unjudged")
    assert done.returncode == 3
    assert "judge: lexical against none" in done.stderr


def test_runs_without_a_common_task_are_refused(cli, tmp_path):
    a = write_run(tmp_path, "a", inst_it_image_mc=task_scores(30))
    b = write_run(tmp_path, "b", inst_it_video_mc=task_scores(30))
    done = cli("compare", a, b)
    assert done.returncode == 3
    assert "have no task in common: inst_it_image_mc against inst_it_video_mc" in done.stderr


def test_excluded_samples_are_counted_with_the_reason(cli, tmp_path):
    before, after = task_scores(30), task_scores(30)
    del before["samples"]["000-00"]
    after["samples"]["000-01"] |= {"state": "infer_error", "scores": {}}
    after["samples"]["000-02"] |= {"state": "unparsed", "scores": {"accuracy": 0.0}}
    a = write_run(tmp_path, "a", **{TASK: before, "inst_it_image_mc": task_scores(1)})
    b = write_run(tmp_path, "b", **{TASK: after})
    done = cli("compare", a, b, "--json", "c.json")
    assert figures(tmp_path, metric="accuracy")["test"]["n"] == 38
    assert figures(tmp_path, metric="official_accuracy")["test"]["n"] == 37
    left_out = f"{TASK}: official_accuracy: 3 of 40 samples left out"
    assert f"{left_out} (A: 1 not_run; B: 1 infer_error, 1 unparsed)" in done.stdout
    assert "only A has inst_it_image_mc" in done.stdout


def test_p_is_corrected_over_the_tasks_of_a_family(cli, tmp_path):
    tasks = ("inst_it_image_mc", "inst_it_video_mc", "gpt4tools_seen")
    a = write_run(tmp_path, "a", **{name: task_scores(30, per_cluster=1) for name in tasks})
    b = write_run(tmp_path, "b", **{name: task_scores(24, per_cluster=1) for name in tasks})
    cli("compare", a, b, "--json", "c.json")
    for metric in ("accuracy", "official_accuracy"):
        found = [figures(tmp_path, task, metric) for task in tasks]
        assert [one["test"]["p"] for one in found] == [0.03125] * 3
        assert [one["p"] for one in found] == [3 * 0.03125] * 3
        assert {one["verdict"] for one in found} == {"no difference shown"}


def test_more_errors_are_worse(cli, tmp_path):
    demo = ["run", "--backend", "baseline", "--data", "demo", "--tasks", "gpt4tools_unseen"]
    cli(*demo, "--model", "echo-gold", "--name", "gold")
    cli(*demo, "--model", "random", "--name", "random")
    done = cli("compare", "results/gold", "results/random", "--all-metrics", "--json", "c.json")
    assert done.returncode == 0, done.stderr
    rate = figures(tmp_path, "gpt4tools_unseen", "under_call_rate")
    assert rate["test"]["difference"] > 0
    assert (rate["lower_is_better"], rate["verdict"]) == (True, "worse")
    assert figures(tmp_path, "gpt4tools_unseen", "strict_sr")["verdict"] == "worse"


def test_samples_link_to_the_report_if_there_is_one(cli, tmp_path):
    a = score(cli, tmp_path, predictions(), "a")
    b = score(cli, tmp_path, worsened(predictions(), 3)[0], "b")
    done = cli("compare", a, b, "--markdown", "out/c.md")
    assert f"instit-bench report {b} {a}" in done.stderr
    assert "001-01" in (tmp_path / "out/c.md").read_text()
    assert "report.html" not in (tmp_path / "out/c.md").read_text()

    (tmp_path / b / "report.html").write_text("")
    done = cli("compare", a, b, "--markdown", "out/c.md")
    assert "instit-bench report" not in done.stderr
    assert f"the samples: {(tmp_path / b / 'report.html').as_uri()}" in done.stderr
    link = f"[001-01](../results/b/report.html#sample={TASK}/001-01)"
    assert link in (tmp_path / "out/c.md").read_text()


def test_flipped_samples_are_links_on_a_terminal(tmp_path, cli):
    a = score(cli, tmp_path, predictions(), "a")
    b = score(cli, tmp_path, worsened(predictions(), 3)[0], "b")
    assert "\x1b]8;" not in cli("compare", a, b, FORCE_COLOR="1").stdout
    (tmp_path / b / "report.html").write_text("")
    shown = cli("compare", a, b, FORCE_COLOR="1").stdout
    address = f"{(tmp_path / b / 'report.html').as_uri()}#sample={TASK}/001-01"
    assert re.search(rf"\x1b\]8;[^;]*;{re.escape(address)}\x1b\\", shown)


def test_an_unusual_folder_name_is_quoted_in_links_and_commands(cli, tmp_path):
    a = score(cli, tmp_path, predictions(), "a")
    b = tmp_path / score(cli, tmp_path, worsened(predictions(), 3)[0], "b")
    odd = b.rename(os.fsdecode(os.fsencode(b.parent) + b"/x) y\xff"))
    assert "'results/x) y" in cli("compare", a, odd.relative_to(tmp_path)).stderr
    (odd / "report.html").write_text("")
    assert cli("compare", a, odd, "--markdown", "c.md").returncode == 0
    link = f"[001-01](results/x%29%20y%FF/report.html#sample={TASK}/001-01)"
    assert link in (tmp_path / "c.md").read_text()


def test_a_run_does_not_differ_from_itself(cli, tmp_path):
    a = score(cli, tmp_path, predictions(), "a")
    done = cli("compare", a, a, "--json", "c.json")
    assert figures(tmp_path)["verdict"] == "no difference shown"
    assert done.stderr.splitlines()[0].endswith(f"instit-bench report {a}")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.json"], "name at least two runs"),
        (["a.json", "nowhere"], "nowhere: run directory or baseline file not found"),
        (["a.json", "a.json", "--flips", "some"], "--flips 'some'"),
        (["a.json", "a.json", "--flips", "9" * 5000], "--flips '9"),
        (["a.json", "."], "is not a run directory"),
    ],
)
def test_bad_input_is_one_clear_line(cli, tmp_path, arguments, words):
    write_run(tmp_path, "a", **{TASK: task_scores(30)})
    done = cli("compare", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_other_tasks_are_compared_where_one_is_not_comparable(cli, tmp_path):
    other = "inst_it_image_mc"
    a = write_run(tmp_path, "a", **{TASK: task_scores(40), other: task_scores(40)})
    b = write_run(tmp_path, "b", **{TASK: task_scores(20), other: task_scores(0, prompts="own")})
    done = cli("compare", a, b, "--json", "c.json", "--markdown", "c.md")
    assert done.returncode == 3
    assert f"  {TASK}" in done.stdout.replace("\n", "\n  ")
    assert f"not compared: {other}: prompts: official against own" in done.stdout
    assert f"are not comparable: {other}: prompts: official against own" in done.stderr
    assert "the other tasks are compared above" in done.stderr
    found = load(tmp_path / "c.json")["comparisons"][0]
    assert list(found["tasks"]) == [TASK]
    assert found["not_compared"] == {other: [f"{other}: prompts: official against own"]}
    assert f"not compared: {other}".replace("_", "\\_") in (tmp_path / "c.md").read_text()
    alone = cli("compare", a, b, "--tasks", "inst_it_video_*", "--json", "alone.json")
    assert alone.returncode == 0, alone.stderr
    assert load(tmp_path / "alone.json")["comparisons"][0]["tasks"] == found["tasks"]
    wrong = cli("compare", a, b, "--tasks", "inst_it_vidoe_mc")
    assert wrong.returncode == 2
    assert "--tasks inst_it_vidoe_mc: no run has such a task; did you mean" in wrong.stderr

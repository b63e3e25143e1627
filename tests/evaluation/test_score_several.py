"""``score`` with several files or a folder: one run of all their tasks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from instit_bench.formats.named_tasks import named_task
from tests.command_line import cli_in

TASKS = ("inst_it_image_mc", "inst_it_video_mc", "gpt4tools_seen")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A run of three tasks in ``results/whole``, and its official and lmms-eval exports."""
    folder = tmp_path_factory.mktemp("several")
    cli = cli_in(folder)
    run = ("run", "--backend", "baseline", "--model", "first", "--data", "demo", "--name", "whole")
    for arguments in (
        (*run, "--tasks", ",".join(TASKS)),
        ("export", "results/whole", "--output", "official"),
        ("export", "results/whole", "--format", "lmms-eval", "--output", "lmms"),
    ):
        done = cli(*arguments)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def score(exported, tmp_path):
    """``score`` in a copy of that folder, against the demo data."""
    shutil.copytree(exported, tmp_path, dirs_exist_ok=True)
    cli = cli_in(tmp_path)
    return lambda *arguments: cli("score", *arguments, "--data", "demo")


def values(path: Path):
    tasks = json.loads((path / "results.json").read_text())["tasks"]
    return {
        task: {name: metric["value"] for name, metric in result["metrics"].items()}
        for task, result in tasks.items()
    }


@pytest.mark.parametrize(
    "files", [["official"], ["lmms"], [f"results/whole/samples/{task}.jsonl" for task in TASKS]]
)
def test_files_named_after_their_tasks_become_one_run_with_the_same_numbers(score, tmp_path, files):
    done = score(*files, "--model", "m", "--name", "again")
    assert done.returncode == 0, done.stderr
    assert values(tmp_path / "results/again") == values(tmp_path / "results/whole")


def test_tasks_are_given_in_the_files_order(score, tmp_path):
    shutil.copy(tmp_path / "official/image_mc_inference.json", tmp_path / "a.json")
    shutil.copy(tmp_path / "official/video_mc_inference.json", tmp_path / "b.json")
    tasks = ("--task", "inst_it_image_mc", "--task", "inst_it_video_mc")
    done = score("a.json", "b.json", *tasks, "--model", "m")
    assert done.returncode == 0, done.stderr
    whole = values(tmp_path / "results/whole")
    assert values(tmp_path / "results/m") == {task: whole[task] for task in tasks[1::2]}


def test_a_run_is_not_replaced_without_a_word(score, tmp_path):
    files = sorted((tmp_path / "official").rglob("*.json"))
    assert "earlier run" not in score(files[0], "--model", "m").stderr
    done = score(files[1], "--model", "m")
    (told,) = (line for line in done.stderr.splitlines() if "earlier run" in line)
    start = "results/m: the earlier run of this name is kept at "
    assert told.startswith(start)
    assert (tmp_path / told.removeprefix(start) / "manifest.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a.json"], "a.json: is not named after a task; name its task with --task"),
        (["a.json", "b.json", "--task", "inst_it_image_mc"], "--task: names 1 tasks for 2 files"),
        (["empty"], "empty: has no .json or .jsonl file that is named after a task"),
        (["official"], "several files are scored as one run of one model"),
        (
            ["a.json", "a.json", *("--task", "inst_it_image_mc") * 2, "--model", "m"],
            "a.json: there is another file of task inst_it_image_mc",
        ),
    ],
    ids=str,
)
def test_what_cannot_be_one_run_is_refused(score, tmp_path, arguments, said):
    for name in ("a.json", "b.json"):
        shutil.copy(tmp_path / "official/image_mc_inference.json", tmp_path / name)
    (tmp_path / "empty").mkdir()
    done = score(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["whole"]


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("gpt4tools_seen.jsonl", "gpt4tools_seen"),
        ("gpt4tools_unseen_0.json", "gpt4tools_unseen"),
        ("20260101_120000_samples_inst_it_image_mc.jsonl", "inst_it_image_mc"),
        ("image_mc_inference.json", "inst_it_image_mc"),
        ("my-gpt4tools_seen-v2.json", "gpt4tools_seen"),
        ("notgpt4tools_seen.json", None),
        ("20260101_results.json", None),
    ],
)
def test_a_file_is_for_the_task_in_its_name(name, task):
    assert named_task(Path(name), [*TASKS, "gpt4tools_unseen"]) == task

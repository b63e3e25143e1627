"""A process killed at any of its changes to the run folder mixes no runs and loses no sample."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from instit_bench.runs.directory import RunDirectory
from tests.command_line import cli_in

OLD = ("run", "--model", "echo-gold", "--backend", "baseline", "--data", "demo", "--name", "r")
NEW = ("run", "--model", "first", "--backend", "baseline", "--data", "demo", "--name", "r")
TASK = ("--tasks", "gpt4tools_unseen")
CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.truncate", "shutil.copytree", "open")
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def killed_at(folder: Path, change: int, *words: object) -> bool:
    """Run the command in a child that is killed just before its n-th change to the run folder.

    Returns whether it was killed; otherwise it had fewer changes to make.
    """
    child = os.fork()
    if child == 0:
        left = change

        def watch(event: str, args: tuple[object, ...]) -> None:
            nonlocal left
            if event not in CHANGES or (event == "open" and not int(str(args[2] or 0)) & WRITES):
                return
            if str(folder / "results") in str(args[0]) or str(args[0]).startswith("results"):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        try:
            cli_in(folder)(*words)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def values(folder: Path) -> dict[str, float]:
    results = json.loads((folder / "results/r/results.json").read_text())
    return {name: metric["value"] for name, metric in results["tasks"][TASK[1]]["metrics"].items()}


@pytest.fixture(scope="module")
def old_run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("old")
    assert cli_in(folder)(*OLD, *TASK).returncode == 0
    return folder


@pytest.fixture(scope="module")
def new_values(tmp_path_factory) -> dict[str, float]:
    folder = tmp_path_factory.mktemp("new")
    assert cli_in(folder)(*NEW, *TASK).returncode == 0
    return values(folder)


# Every fourth change always, and each of them in the long version.
STEPS = pytest.mark.parametrize(
    "step", [4, pytest.param(1, marks=[pytest.mark.reliability, pytest.mark.timeout(1200)])]
)


def kills(old: Path, folder: Path, step: int, *words: object) -> Iterator[Path]:
    """A copy of the old run's folder after places where the command can be killed."""
    for change in range(1, 200, step):
        place = folder / str(change)
        shutil.copytree(old, place)
        if not killed_at(place, change, *words):
            assert change > 5, "the command is not killed at all"
            return
        yield place
    raise AssertionError("the command never ends")


@STEPS
@pytest.mark.parametrize("again", [(), ("--fresh",)], ids=["resumed", "fresh"])
def test_starting_over_never_takes_the_old_answers_as_the_new_ones(
    old_run, new_values, tmp_path, again, step
):
    for place in kills(old_run, tmp_path, step, *NEW, *TASK, "--fresh"):
        done = cli_in(place)(*NEW, *TASK, *again)
        if done.returncode == 3:  # the old run is still there, whole, and said to be another
            assert "model was 'echo-gold', now 'first'" in done.stderr
            assert cli_in(place)(*OLD, *TASK).returncode == 0
        else:
            assert (done.returncode, values(place)) == (0, new_values), place


@STEPS
def test_scoring_over_a_run_leaves_the_old_one_or_the_new_one(old_run, tmp_path, step):
    file = tmp_path / "outputs.json"
    samples = (old_run / f"results/r/samples/{TASK[1]}.jsonl").read_text().splitlines()
    ids = [json.loads(line)["id"] for line in samples]
    file.write_text(json.dumps([{"id": i, "output": "No."} for i in ids]))
    words = ("score", file, "--task", TASK[1], "--data", "demo", "--name", "r")
    whole = tmp_path / "whole"
    shutil.copytree(old_run, whole)
    assert cli_in(whole)(*words).returncode == 0
    for place in kills(old_run, tmp_path, step, *words):
        before = cli_in(place)("leaderboard", "results/r")
        assert before.returncode in (0, 2)
        done = cli_in(place)(*words)
        assert (done.returncode, values(place)) == (0, values(whole)), done.stderr


def test_samples_without_their_manifest_are_refused(old_run, tmp_path):
    shutil.copytree(old_run, tmp_path, dirs_exist_ok=True)
    (tmp_path / "results/r/manifest.json").unlink()
    done = cli_in(tmp_path)(*NEW, *TASK)
    assert done.returncode == 2
    assert "contains samples but no manifest.json" in done.stderr
    assert cli_in(tmp_path)(*NEW, *TASK, "--fresh").returncode == 0
    (kept,) = (tmp_path / "results/.replaced").iterdir()
    assert (kept / f"samples/{TASK[1]}.jsonl").stat().st_size


def test_an_unfinished_copy_of_a_file_is_removed_by_the_next_process(old_run, tmp_path):
    shutil.copytree(old_run, tmp_path, dirs_exist_ok=True)
    run = tmp_path / "results/r"
    left = [run / ".manifest.json-a1b2c3d4", run / f"samples/.{TASK[1]}.jsonl-_x9_y8z7"]
    own = [run / ".notes.json-of-mine", run / "samples/mine.jsonl-a1b2c3d4"]
    for path in (*left, *own):
        path.write_text("half")
    assert cli_in(tmp_path)(*OLD, *TASK).returncode == 0
    assert [path.exists() for path in (*left, *own)] == [False, False, True, True]


def test_scoring_over_a_run_in_progress_says_who_writes_it_before_any_data_are_read(tmp_path):
    run = RunDirectory(tmp_path / "results/r")
    file, data = tmp_path / "p.json", tmp_path / "data.json"
    file.write_text('[{"id": 1, "output": "No."}]')
    data.write_text("{")  # an error if it were read
    words = ("score", file, "--task", TASK[1], "--data", data, "--name", "r")
    with run.locked():
        done = cli_in(tmp_path)(*words)
    assert done.returncode == 2
    assert f"results/r: process {os.getpid()} on {socket.gethostname()}, since 20" in done.stderr
    assert "data.json: is not valid JSON" in cli_in(tmp_path)(*words).stderr

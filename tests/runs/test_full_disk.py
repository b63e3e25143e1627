"""A disk that fills up at any point: one line that names the file, and nothing done is lost."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from tests.command_line import cli_in

TASK = "gpt4tools_unseen"
RUN = ("run", "--model", "first", "--backend", "baseline", "--data", "demo", "--tasks", TASK)
FILES = ("results.json", f"samples/{TASK}.jsonl")


def with_room_for(size: int, folder: Path, *words: object) -> tuple[int, str]:
    """Run the command in a child that can write files of at most ``size`` bytes.

    The system refuses more with an error (EFBIG), as a full disk does (ENOSPC). Returns the exit
    code and what was written to standard error.
    """
    child = os.fork()
    if child == 0:
        code = 99
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            done = cli_in(folder)(*words)
            code = done.returncode
            (folder / "stderr").write_text(done.stderr[-size:])
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code, (folder / "stderr").read_text()


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    assert cli_in(folder)(*RUN, "--name", "r").returncode == 0
    return folder / "results/r"


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_disk_that_fills_up_during_a_run_loses_nothing(whole, tmp_path, part):
    journal = tmp_path / f"results/r/samples/{TASK}.jsonl"
    size = int((whole / f"samples/{TASK}.jsonl").stat().st_size * part)
    code, told = with_room_for(size, tmp_path, *RUN, "--name", "r")
    assert code == 1
    error = told.splitlines()[-1]
    assert error.startswith("instit-bench: error: ")
    assert f"{TASK}.jsonl: cannot be written: File too large; make room" in error
    kept = journal.read_bytes()
    assert kept.endswith(b"\n"), "no line is left unfinished"
    assert (whole / f"samples/{TASK}.jsonl").read_bytes().count(b"\n") > kept.count(b"\n") > 0
    assert '"status": "failed"' in (tmp_path / "results/r/manifest.json").read_text()
    again = cli_in(tmp_path)(*RUN, "--name", "r")
    assert again.returncode == 0, again.stderr
    for name in FILES:
        assert (tmp_path / "results/r" / name).read_text() == (whole / name).read_text()


def test_a_disk_without_room_for_a_manifest_is_one_line(tmp_path):
    code, told = with_room_for(500, tmp_path, *RUN, "--name", "r")
    assert code == 1
    assert "manifest.json: cannot be written: File too large" in told
    assert "Traceback" not in told
    assert cli_in(tmp_path)(*RUN, "--name", "r").returncode == 0

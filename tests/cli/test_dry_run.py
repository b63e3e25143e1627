"""``--dry-run`` of ``run`` and ``judge``: what would be done, with nothing sent or written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.openai_server import Reply, openai_server

RUN = ("run", "--model", "m", "--backend", "openai", "--data", "demo", "--max-retries", "0")
TASKS = ("--tasks", "inst_it_image_oe,inst_it_video_mc")


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*"))


def cells(done, row: str) -> list[str]:
    (line,) = re.findall(rf"^ +{row} +(.*)$", done.stdout, re.MULTILINE)
    return line.split()


def test_a_run_is_described_and_nothing_is_sent_or_written(cli, tmp_path):
    before = files(tmp_path)
    with openai_server(lambda _: Reply("A")) as server:
        judge = ("--judge", "openai:gpt-4o-2024-08-06", "--judge-base-url", server.base_url)
        done = cli(*RUN, *TASKS, *judge, "--base-url", server.base_url, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert server.contacts == 0
    assert files(tmp_path) == before
    assert cells(done, "inst_it_image_oe")[:4] == ["16", "16", "16", "0"]
    assert cells(done, "inst_it_video_mc")[:4] == ["16", "16", "0", "16"]
    tokens = [int(cells(done, row)[4].replace(",", "")) for row in (*TASKS[1].split(","), "all")]
    assert 0 < tokens[0] + tokens[1] == tokens[2]
    assert "run: results/m-demo, new\n" in done.stdout
    assert re.search(
        r"^judged by openai:gpt-4o-2024-08-06: at most 16 calls, about [\d,]+ prompt and "
        r"256 reply tokens, about 0\.0\d US dollars$",
        done.stdout,
        re.MULTILINE,
    )
    assert re.search(r"^free disk space: [\d,]+\.\d GiB$", done.stdout, re.MULTILINE)


def test_what_is_done_is_not_counted_again(cli, tmp_path):
    options = ("run", "--model", "first", "--backend", "baseline", "--data", "demo", *TASKS)
    cli(*options, "--limit", "5")
    before = {path: path.stat().st_mtime_ns for path in files(tmp_path)}
    done = cli(*options, "--judge", "lexical", "--dry-run")
    assert cells(done, "all")[:2] == ["32", "22"]
    assert "run: results/first-demo, resumed: 10 of 32 done\n" in done.stdout
    assert "judged by lexical: at most 16 calls" in done.stdout
    assert "no cost" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in files(tmp_path)} == before


def test_judging_counts_the_calls_that_are_left(cli):
    cli("run", "--model", "first", "--backend", "baseline", "--data", "demo", *TASKS)
    judge = ("judge", "results/first-demo", "--judge", "lexical")
    assert "judged by lexical: at most 16 calls" in cli(*judge, "--dry-run").stdout
    assert cli(*judge).returncode == 0
    assert "judged by lexical: at most 0 calls" in cli(*judge, "--dry-run").stdout


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--max-tokens", "7"], 3, "cannot resume this run: it was started with other settings"),
        (["--model-arg", "a=b"], 2, "--model-arg: only --backend lmms-eval has this option"),
        (["--data", "hub"], 2, "nothing is downloaded for a dry run"),
    ],
    ids=str,
)
def test_what_would_be_refused_is_refused(cli, tmp_path, options, code, said):
    run = ("run", "--model", "first", "--backend", "baseline", *TASKS, "--name", "r")
    cli(*run, "--data", "demo", "--limit", "1")
    data = () if "--data" in options else ("--data", "demo")
    before = files(tmp_path)
    done = cli(*run, *data, *options, "--dry-run")
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert files(tmp_path) == before

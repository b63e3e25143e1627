"""No command opens a journal or a verdict file of a run more than once (docs/architecture.md)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runs.opened import RUN, instit_bench, watched

OPEN_ENDED = {"inst_it_image_oe", "inst_it_video_oe"}
TASKS = OPEN_ENDED | {"inst_it_image_mc", "inst_it_video_mc", "gpt4tools_seen", "gpt4tools_unseen"}
JOURNALS = {f"samples/{task}.jsonl" for task in TASKS}
VERDICTS = {f"judgements/{task}.jsonl" for task in OPEN_ENDED}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with two judged runs, ``first-demo`` and ``random-demo``."""
    path = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        patch.setenv("INSTIT_BENCH_HOME", str(path / "home"))
        for name in ("OPENAI_API_KEY", "INSTIT_BENCH_DATA", "GITHUB_STEP_SUMMARY"):
            patch.delenv(name, raising=False)
        for model in ("first", "random"):
            instit_bench(*RUN, model)
        yield path


def once(files: set[str], *runs: str) -> dict[str, int]:
    return {f"results/{run}/{file}": 1 for run in runs for file in files}


@pytest.mark.parametrize("again", [False, True], ids=["fresh", "resumed"])
def test_a_run_never_reads_what_it_has_written(folder, again):
    name = "again" if again else "fresh"
    if again:
        instit_bench(*RUN, "first", "--name", name, "--limit", "3")
    opened = instit_bench(*RUN, "first", "--name", name)
    assert opened.to_read == once(JOURNALS | VERDICTS, name)
    assert opened.to_write == once(JOURNALS | VERDICTS, name)


def test_a_resumed_run_does_not_read_tasks_that_it_does_not_ask_for(folder):
    instit_bench(*RUN, "first", "--name", "parts", "--tasks", "inst_it_image_oe")
    opened = instit_bench(*RUN, "first", "--name", "parts", "--tasks", "gpt4tools_seen")
    assert opened.to_read == once({"samples/gpt4tools_seen.jsonl"}, "parts")


READERS = {
    "judge": (
        ["judge", "results/first-demo", "--judge", "lexical"],
        {f"samples/{task}.jsonl" for task in OPEN_ENDED} | VERDICTS,
    ),
    "estimate": (
        ["judge", "estimate", "results/first-demo"],
        {f"samples/{task}.jsonl" for task in OPEN_ENDED},
    ),
    "report": (["report", "results/first-demo"], JOURNALS | VERDICTS),
    "report without pictures": (
        ["report", "results/first-demo", "--no-media"],
        JOURNALS | VERDICTS,
    ),
    "official": (["export", "results/first-demo", "--format", "official"], JOURNALS),
    "lmms-eval": (["export", "results/first-demo", "--format", "lmms-eval"], JOURNALS | VERDICTS),
    "inspect": (["export", "results/first-demo", "--format", "inspect"], JOURNALS | VERDICTS),
    "baseline": (["baseline", "save", "results/first-demo"], set()),
    "leaderboard": (["leaderboard", "results/first-demo"], set()),
}


@pytest.mark.parametrize(("words", "files"), READERS.values(), ids=READERS)
def test_a_command_reads_each_file_of_its_run_once(folder, words, files):
    if "inspect" in words:
        pytest.importorskip("inspect_ai")
    opened = instit_bench(*words)
    assert opened.to_read == once(files, "first-demo")


@pytest.mark.parametrize(
    ("words", "files"),
    [
        (["compare", "results/first-demo", "results/random-demo"], set()),
        (["check", "results/random-demo", "--baseline", "results/first-demo"], set()),
        (["report", "results/first-demo", "results/random-demo"], JOURNALS | VERDICTS),
    ],
    ids=lambda words: words[0] if isinstance(words, list) else "",
)
def test_a_command_reads_each_file_of_two_runs_once(folder, words, files):
    opened = instit_bench(*words)
    assert opened.to_read == once(files, "first-demo", "random-demo")


def test_scoring_a_file_again_reads_only_the_verdicts(folder):
    instit_bench("export", "results/first-demo", "--format", "official")
    words = ["score", "results/first-demo/export/image_oe_inference.json", "--name", "scored"]
    words += ["--task", "inst_it_image_oe", "--judge", "lexical"]
    instit_bench(*words)
    opened = instit_bench(*words)
    kept, used = sorted(opened.to_read)  # those of the run that is moved aside, and their copy
    assert kept.startswith(".replaced/scored-")
    assert used == "results/scored/judgements/inst_it_image_oe.jsonl"
    assert set(opened.to_read.values()) == {1}


def test_a_file_that_is_read_twice_is_noticed(folder):
    path = folder / "results/first-demo/samples/gpt4tools_seen.jsonl"
    with watched() as opened:
        path.read_bytes()
        path.read_bytes()
        path.open("a+b").close()
    name = "results/first-demo/samples/gpt4tools_seen.jsonl"
    assert opened.to_read == {name: 2}
    assert opened.to_write == {name: 1}

"""``tasks new`` writes a plugin that works, and ``tasks check`` says what would fail in one."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.command_line import cli_environment


@pytest.fixture
def plugin(cli, tmp_path):
    """A new plugin, named mine."""
    done = cli("tasks", "new", "mine")
    assert done.returncode == 0, done.stderr
    return tmp_path / "mine"


@pytest.fixture
def check(cli):
    def check(*more):
        done = cli("tasks", "check", "mine", "--include-path", "mine", *more)
        assert "Traceback" not in done.stderr
        return done

    return check


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_new_plugin_works_at_once(plugin, check, cli, tmp_path):
    done = check()
    assert (done.returncode, done.stdout) == (
        0,
        "mine: 5 of 5 samples ran with a baseline model; nothing fails\n",
    )
    options = ("--include-path", "mine", "--tasks", "mine", "--backend", "baseline")
    for model, name in (("echo-gold", "good"), ("text:It is blue", "bad")):
        assert cli("run", *options, "--model", model, "--name", name).returncode == 0
    board = cli("leaderboard", "results/good", "results/bad", "--csv", "board.csv")
    assert board.returncode == 0
    assert "mine_accuracy" in (tmp_path / "board.csv").read_text()
    worse = cli("compare", "results/good", "results/bad", "--all-metrics", COLUMNS="160")
    assert "4 right to wrong, 0 wrong to right" in worse.stdout


def test_its_own_test_passes(plugin):
    environment = cli_environment(INSTIT_BENCH_HOME=str(plugin / "home"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", plugin]
    done = subprocess.run(
        command, cwd=plugin, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "6 passed" in done.stdout


@pytest.mark.parametrize(
    ("file", "old", "new", "kind", "told"),
    [
        ("items.json", '"grass"', '"sky"', "fails", "id 'sky' is not unique"),
        ("items.json", '"answer": "red"', '"reply": "red"', "fails", "'answer'"),
        ("utils.py", '"extra_words": float', '"words": float', "fails", "returns metric 'words'"),
        (
            "mine.yaml",
            "metric: extra_words",
            "metric: extra_word",
            "fails",
            "returns metric 'extra_words'",
        ),
        (
            "utils.py",
            ', "extra_words": float(right and len(words) > 1)',
            "",
            "fails",
            "metric 'extra_words' has no value for any of 5 samples",
        ),
        (
            "utils.py",
            'doc["answer"].lower() in words',
            'doc["answer"].upper() in words',
            "fails",
            "5 of 5 targets do not score 1 in 'accuracy'",
        ),
        ("utils.py", "return []", 'return ["missing.png"]', "fails", "missing.png"),
        (
            "utils.py",
            "return []",
            'return ["missing.png"]',
            "fails",
            "key 'metadata.media' is 'none'",
        ),
        ("utils.py", "right = ", "words[0]; right = ", "fails", "IndexError"),
        (
            "utils.py",
            "{**doc, ",
            "{**doc, 'at': __import__('time').time_ns(), ",
            "fails",
            "the records differ when they are read twice",
        ),
        (
            "utils.py",
            "Answer with one word.",
            "{__import__('time').time_ns()}",
            "fails",
            "the requests differ when they are built twice",
        ),
        ("utils.py", "{**doc, ", "{**doc, 'seen': {1}, ", "fails", "field 'seen' is not a JSON"),
        (
            "utils.py",
            "float(right)",
            "float(right) if words else __import__('random').random()",
            "fails",
            "two scores of the same prediction",
        ),
        ("utils.py", "def process_docs", "import torch\ndef process_docs", "note", "imports torch"),
        (
            "utils.py",
            'docs.map(_cleaned) if hasattr(docs, "map") else ',
            "",
            "note",
            "process_docs returns a list, it wants the Dataset",
        ),
        ("mine.yaml", "{test: items.json}", "items.json", "note", "data_files: {test: items.json}"),
        ("mine.yaml", "process_results:", "process_result:", "fails", "process_result"),
    ],
)
def test_what_would_fail_is_one_line_with_what_to_do(plugin, check, file, old, new, kind, told):
    change(plugin / file, old, new)
    done = check()
    lines = (done.stdout + done.stderr).splitlines()
    if done.returncode == 2:  # not even readable: the usual error
        assert told in lines[-1]
        return
    assert any(line.startswith(f"{kind}: ") and told in line for line in lines), lines
    failing = any(line.startswith("fails: ") for line in lines)
    assert done.returncode == (1 if failing else 0)
    assert lines[-1].startswith("mine: ")


def test_what_it_runs_leaves_nothing_behind(plugin, check, tmp_path):
    before = sorted(tmp_path.iterdir())
    assert check().returncode == 0
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("7days",), "task name '7days': use a small letter, then letters"),
        (("../up",), "task name '../up'"),
        (("mine",), "mine: exists and is not an empty folder; choose another --output"),
    ],
)
def test_nothing_is_overwritten_and_no_odd_name_taken(plugin, cli, tmp_path, arguments, told):
    change(plugin / "items.json", "black", "dark")
    done = cli("tasks", "new", *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert "dark" in (plugin / "items.json").read_text()


@pytest.mark.parametrize("name", ["inst_it_image_mc", "inst_it_video_oe", "gpt4tools_unseen"])
def test_nothing_fails_in_the_shipped_tasks(cli, name):
    done = cli("tasks", "check", name)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1].endswith("nothing fails")
    assert json.dumps(done.stdout).count("note") == 0

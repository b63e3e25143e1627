"""Options from the environment and from ``.env``; how much a command tells; completion."""

from __future__ import annotations

import json

import pytest

BASELINE = ["--model", "echo-gold", "--backend", "baseline", "--data", "demo"]
TASKS = ["--tasks", "gpt4tools_unseen"]


def selected(tmp_path, name="echo-gold-demo"):
    manifest = json.loads((tmp_path / "results" / name / "manifest.json").read_text())
    return {task: len(entry["selected"]) for task, entry in manifest["tasks"].items()}


def test_a_variable_stands_for_an_option_and_the_command_line_overrides_it(cli, tmp_path):
    done = cli("run", *BASELINE, *TASKS, INSTIT_BENCH_LIMIT="3", INSTIT_BENCH_RUN_FRESH="yes")
    assert done.returncode == 0, done.stderr
    assert selected(tmp_path) == {"gpt4tools_unseen": 3}
    done = cli("run", *BASELINE, *TASKS, "--limit", 2, "--fresh", INSTIT_BENCH_LIMIT="3")
    assert done.returncode == 0, done.stderr
    assert selected(tmp_path) == {"gpt4tools_unseen": 2}


def test_a_variable_is_checked_as_its_option_is_and_named(cli):
    done = cli("run", *BASELINE, INSTIT_BENCH_LIMIT="x")
    assert done.returncode == 2
    assert "--limit: " in done.stderr
    assert done.stderr.endswith("(--limit is set by INSTIT_BENCH_LIMIT)\n")
    done = cli("run", *BASELINE, INSTIT_BENCH_RUN_FRESH="perhaps")
    assert (done.returncode, done.stderr) == (
        2,
        "instit-bench: error: INSTIT_BENCH_RUN_FRESH: must be true or false\n",
    )


def test_other_commands_carry_their_name(cli, tmp_path):
    assert cli("run", *BASELINE, *TASKS).returncode == 0
    page = tmp_path / "page.html"
    run = "results/echo-gold-demo"
    done = cli(
        "report", run, INSTIT_BENCH_OUTPUT="wrong.html", INSTIT_BENCH_REPORT_OUTPUT=str(page)
    )
    assert done.returncode == 0, done.stderr
    assert page.is_file()
    assert not (tmp_path / "wrong.html").exists()


def test_a_variable_that_means_nothing_is_told(cli):
    done = cli("tasks", "list", INSTIT_BENCH_MODLE="m")
    assert done.returncode == 0
    assert done.stderr == (
        "warning: INSTIT_BENCH_MODLE: no option has this variable; "
        "did you mean 'INSTIT_BENCH_MODEL'?\n"
    )


def test_env_file_of_the_working_directory(cli, tmp_path):
    (tmp_path / ".env").write_text(
        "# ours\nINSTIT_BENCH_DATA='demo'\nexport INSTIT_BENCH_BACKEND=baseline # no model\n\n"
        "INSTIT_BENCH_LIMIT=2\nSOME_API_KEY=sk-secret-1\nDATABASE=postgres://x\n"
    )
    done = cli("run", "--model", "echo-gold", *TASKS, INSTIT_BENCH_LIMIT="1")
    assert done.returncode == 0, done.stderr
    assert ".env: INSTIT_BENCH_DATA, INSTIT_BENCH_BACKEND, SOME_API_KEY\n" in done.stderr
    assert "secret" not in done.stdout + done.stderr
    assert selected(tmp_path) == {"gpt4tools_unseen": 1}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("A=1\nsecret-without-a-name\n", ".env: line 2: must be NAME=value"),
        ("INSTIT_BENCH_INCLUDE_PATH=.\n", "INSTIT_BENCH_INCLUDE_PATH runs code of that folder"),
        ("A=" + "x" * 2**16, ".env: is larger than 64 KiB"),
    ],
)
def test_an_env_file_that_cannot_be_used(cli, tmp_path, text, told):
    (tmp_path / ".env").write_text(text)
    done = cli("tasks", "list")
    assert done.returncode == 2
    assert told in done.stderr
    assert "secret" not in done.stderr


def test_an_env_file_of_another_folder_is_not_read(cli, tmp_path):
    (tmp_path.parent / ".env").write_text("INSTIT_BENCH_DATA=demo\n")
    assert cli("tasks", "list").stderr == ""
    (tmp_path.parent / ".env").unlink()


def test_quiet_verbose_and_a_log_file(cli, tmp_path):
    quiet = cli("run", *BASELINE, *TASKS, "--quiet", "--log-file", "log.txt")
    assert (quiet.returncode, quiet.stderr) == (0, "")
    assert "strict_sr" in quiet.stdout
    log = (tmp_path / "log.txt").read_text().splitlines()
    assert log[0].endswith(" run: results/echo-gold-demo")
    assert any("24/24 done in" in line for line in log)
    both = cli("run", *BASELINE, "--quiet", "--verbose")
    assert both.returncode == 2
    assert "--quiet and --verbose cannot be combined" in both.stderr
    nowhere = cli("tasks", "list", "--log-file", "no/such/folder/log.txt")
    assert nowhere.returncode == 2
    assert "--log-file no/such/folder/log.txt: no such folder" in nowhere.stderr


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("run --tasks inst_it_bench,gpt4tools_un", ["inst_it_bench,gpt4tools_unseen"]),
        ("run --backend b", ["baseline"]),
        ("report ", ["results/echo-gold-demo"]),
        ("check results/e", ["results/echo-gold-demo"]),
    ],
)
def test_the_shell_completes_tasks_backends_and_runs(cli, tmp_path, words, offered):
    run = tmp_path / "results/echo-gold-demo"
    run.mkdir(parents=True)
    (run / "manifest.json").write_text("{}")
    (tmp_path / ".env").write_text("broken\n")  # nothing but completions is printed
    done = cli(
        _INSTIT_BENCH_COMPLETE="complete_bash",
        COMP_WORDS=f"instit-bench {words}",
        COMP_CWORD=str(len(words.split(" "))),
    )
    assert done.stdout.split() == offered, done.stderr

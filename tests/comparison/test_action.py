"""The scripts in ``action.yml``, run as a GitHub runner would run them.

``uses:`` steps and the runner itself are not available here; a script stands in for ``gh``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys

import pytest
import yaml

from tests.command_line import REPOSITORY, cli_environment
from tests.comparison.runs import TASK, predictions, task_scores, worsened, write_run

ACTION = yaml.safe_load((REPOSITORY / "action.yml").read_text())
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"] if "name" in step}
# Lists the comments in comments.json like the API, and records its calls.
GH = """#!{python}
import json, os, pathlib, subprocess, sys
here = pathlib.Path(os.environ["RUNNER_TEMP"])
told = dict(zip(sys.argv[1:], sys.argv[2:]))
with (here / "gh.log").open("a") as log:
    body = next((a[6:] for a in sys.argv if a.startswith("body=@")), None)
    text = pathlib.Path(body).read_text() if body else None
    log.write(json.dumps({{"arguments": sys.argv[1:], "body": text}}) + "\\n")
if "--jq" in sys.argv:
    program = sys.argv[sys.argv.index("--jq") + 1]
    sys.exit(subprocess.run(["jq", "-r", program, here / "comments.json"]).returncode)
"""
BY_BOT = {"user": {"type": "Bot"}, "author_association": "NONE"}


@pytest.fixture
def step(tmp_path):
    """Run a step's script; keyword arguments are its environment."""
    programs = tmp_path / "bin"
    programs.mkdir()
    installed = tmp_path / "instit-bench-venv/bin"
    installed.mkdir(parents=True)
    instit_bench = f'#!/bin/sh\nexec {json.dumps(sys.executable)} -m instit_bench "$@"\n'
    gh = GH.format(python=sys.executable)
    for path, text in ((installed / "instit-bench", instit_bench), (programs / "gh", gh)):
        path.write_text(text)
        path.chmod(0o755)
    (installed / "python").symlink_to(sys.executable)
    (tmp_path / "comments.json").write_text("[]")

    def run(name, **env):
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[name]["run"]],
            cwd=tmp_path,
            env=cli_environment(
                PATH=f"{programs}:{os.environ['PATH']}",
                RUNNER_TEMP=str(tmp_path),
                GITHUB_ACTIONS="true",
                GITHUB_OUTPUT=str(tmp_path / "output"),
                GITHUB_REPOSITORY="owner/repository",
                **env,
            ),
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def runs(tmp_path):
    baseline = write_run(tmp_path, "baseline", **{TASK: task_scores(80, of=80)})
    return write_run(tmp_path, "run", **{TASK: task_scores(0, of=80)}), baseline


def test_inputs_are_never_inserted_into_a_script():
    for step in STEPS.values():
        assert "${{" not in step["run"]
        used = set(re.findall(r"\$\{?([A-Z_]+)", step["run"]))
        given = set(step.get("env", {})) | {"RUNNER_TEMP"}
        assert {name for name in used if not name.startswith("GITHUB_")} <= given | {"MARKER"}


def test_every_input_and_output_is_used():
    text = (REPOSITORY / "action.yml").read_text()
    for name in ACTION["inputs"]:
        assert f"inputs.{name}" in text
    assert "steps.check.outputs.exit-code" in text


def test_the_check_keeps_its_exit_code_for_the_last_step(step, tmp_path):
    run, baseline = runs(tmp_path)
    done = step("Check", RUN=run, BASELINE=baseline, POLICY="")
    assert done.returncode == 0, done.stderr
    assert "::error title=" in done.stdout
    assert (tmp_path / "output").read_text() == "exit-code=1\n"
    found = {path.name for path in (tmp_path / "instit-bench").iterdir()}
    assert found == {"junit.xml", "check.md"}
    assert step("Conclude", CODE="1", WARN_ONLY="false").returncode == 1
    assert step("Conclude", CODE="0", WARN_ONLY="false").returncode == 0


@pytest.mark.parametrize(("code", "ends"), [("0", 0), ("1", 0), ("2", 2), ("3", 0)])
def test_warn_only_lets_everything_but_bad_input_pass(step, code, ends):
    done = step("Conclude", CODE=code, WARN_ONLY="true")
    assert done.returncode == ends
    assert ("::warning" in done.stdout) == (code in "13")


def test_later_steps_of_the_job_keep_their_own_python():
    text = (REPOSITORY / "action.yml").read_text()
    assert "GITHUB_PATH" not in text
    assert "update-environment: false" in text


def test_every_action_is_pinned_by_its_commit():
    files = [REPOSITORY / "action.yml", *(REPOSITORY / ".github/workflows").glob("*.yml")]
    used = [name for path in files for name in re.findall(r"uses: (\S+)", path.read_text())]
    assert len(used) > 10
    assert not [name for name in used if not re.search(r"@[0-9a-f]{40}$", name) and name != "./"]


def test_names_with_spaces_and_shell_syntax_are_passed_as_names(step, tmp_path):
    run, baseline = runs(tmp_path)
    (tmp_path / run).rename(tmp_path / "a run; touch $(echo gone).json")
    (tmp_path / "p.yaml").write_text("defaults: {max_drop: 1}")
    done = step("Check", RUN="a run; touch $(echo gone).json", BASELINE=baseline, POLICY="p.yaml")
    assert (tmp_path / "output").read_text() == "exit-code=0\n", done.stderr
    assert not (tmp_path / "gone").exists()
    done = step("Check", RUN="--help", BASELINE="", POLICY="")
    assert (tmp_path / "output").read_text().endswith("exit-code=2\n")


def test_the_leaderboard_row_is_a_csv_file_and_the_report_is_a_page(step, tmp_path, cli):
    cli("run", "--model", "random", "--backend", "baseline", "--data", "demo")
    (tmp_path / "instit-bench").mkdir()
    done = step("Pages", RUN="results/random-demo")
    assert done.returncode == 0, done.stderr
    header, row = (tmp_path / "instit-bench/leaderboard.csv").read_text().splitlines()
    assert header.startswith("model,")
    assert row.startswith("random,")
    assert "<html" in (tmp_path / "instit-bench/report.html").read_text()
    first, *_, last = done.stdout.splitlines()
    assert first.removeprefix("::stop-commands::") == last.strip(":")


needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="jq, gh's own, is not installed")


@needs_jq
def test_the_comment_is_created_once_and_then_updated(step, tmp_path):
    run, baseline = runs(tmp_path)
    step("Check", RUN=run, BASELINE=baseline, POLICY="")
    for _ in range(2):
        done = step("Comment", GH_TOKEN="x", PULL_REQUEST="5", ARTIFACT="model a")
        assert done.returncode == 0, done.stderr
        marked = {"body": "<!-- instit-bench check: modela -->\n…"}
        comments = [
            {"id": 7, "body": "hi", **BY_BOT},
            {"id": 8, **marked, "user": {"type": "User"}, "author_association": "NONE"},
            {"id": 9, **marked, **BY_BOT},
        ]
        (tmp_path / "comments.json").write_text(json.dumps(comments))
    log = [json.loads(line) for line in (tmp_path / "gh.log").read_text().splitlines()]
    _, made, _, updated = log
    assert "repos/owner/repository/issues/5/comments" in made["arguments"]
    assert "repos/owner/repository/issues/comments/9" in updated["arguments"]
    assert "PATCH" in updated["arguments"]
    for sent in (made["body"], updated["body"]):
        marker, page = sent.split("\n", 1)
        assert marker == "<!-- instit-bench check: modela -->"
        assert page == (tmp_path / "instit-bench/check.md").read_text()


@needs_jq
def test_without_findings_the_comment_says_so(step, tmp_path):
    """Otherwise the comment for an earlier push would look like the one for this push."""
    (tmp_path / "instit-bench").mkdir()
    done = step("Comment", GH_TOKEN="x", PULL_REQUEST="5", ARTIFACT="a", CODE="2")
    assert done.returncode == 0, done.stderr
    _, made = [json.loads(line) for line in (tmp_path / "gh.log").read_text().splitlines()]
    assert "**instit-bench check: no findings** (exit code 2)" in made["body"]


def test_the_scripts_that_ci_runs_are_executable():
    for name in ("run", "gate-demo"):
        assert (REPOSITORY / ".ci" / name).stat().st_mode & stat.S_IXUSR


def blocks(page):
    """Return the YAML blocks of a page of the docs by their first line."""
    found = re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    return {text.partition("\n")[0]: text for text in found}


@pytest.mark.parametrize(("worse", "code"), [(0, "0"), (120, "1")])
def test_the_workflow_in_the_docs_runs_as_printed(step, cli, tmp_path, worse, code):
    page = blocks(REPOSITORY / "docs/ci.md")
    *scripts, check = yaml.safe_load(page["name: model"])["jobs"]["check"]["steps"][1:]
    told = check["with"]
    (tmp_path / told["policy"]).write_text(page[f"# {told['policy']}"])
    rows = predictions()
    (tmp_path / "predictions.json").write_text(json.dumps(rows))
    (score,) = [
        line.split()[1:]
        for script in scripts
        for line in script["run"].splitlines()
        if line.startswith("instit-bench score")
    ]
    assert cli(*score).returncode == 0
    assert cli("baseline", "save", told["run"], "--output", told["baseline"]).returncode == 0
    (tmp_path / "predictions.json").write_text(json.dumps(worsened(rows, worse)[0]))
    assert cli(*score).returncode == 0
    done = step("Check", RUN=told["run"], BASELINE=told["baseline"], POLICY=told["policy"])
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "output").read_text() == f"exit-code={code}\n"
    assert "optional, and not in these runs: inst_it_*_oe, gpt4tools_unseen" in done.stderr

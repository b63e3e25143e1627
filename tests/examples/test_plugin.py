"""The example plugin, installed into a fresh environment: its task works like the built-in ones.

The package does not know its names; each part is found by its entry point.
"""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import sysconfig

import pytest

from tests.command_line import REPOSITORY, cli_environment

# One process runs all commands: their output is under test, not how they start.
PROGRAM = """
import contextlib, io, json, sys
from instit_bench.cli.main import main

ended = []
for arguments in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    sys.argv[1:] = arguments
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            ended.append([end.code or 0, out.getvalue(), err.getvalue()])
json.dump(ended, sys.stdout)
"""
RUN = ("run", "--tasks", "colours", "--backend", "painter")
PRIMARY = ("--model-arg", "palette=primary")
POLICY = """
defaults: {gate: mean, max_drop: 0.1}
tasks: {colours: {metrics: {distance: {max_drop: 0.1}}}}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Return a function that runs commands in a fresh environment with the plugin."""
    folder = tmp_path_factory.mktemp("plugin")
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True, capture_output=True)
    python = venv / "bin/python"
    purelib = sysconfig.get_path("purelib", vars={"base": str(venv), "platbase": str(venv)})
    # Reuse the packages of this environment, instit-bench included, without downloading them again.
    here = sysconfig.get_path("purelib")
    (venv / purelib / "here.pth").write_text(f"import site; site.addsitedir({here!r})\n")
    source = shutil.copytree(REPOSITORY / "examples/plugin", folder / "source")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    done = subprocess.run(
        [python, "-m", "pip", "install", *options, source],
        capture_output=True, text=True, check=False, env=cli_environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr

    def run(*commands):
        done = subprocess.run(
            [python, "-c", PROGRAM],
            input=json.dumps([list(map(str, command)) for command in commands]),
            cwd=folder, capture_output=True, text=True, check=False,
            env=cli_environment(INSTIT_BENCH_HOME=str(folder / "home"), COLUMNS="160"),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    run.folder = folder
    return run


@pytest.fixture(scope="module")
def outputs(installed):
    """Return the output of every command on two runs of the plugin's task, by command."""
    (installed.folder / "checks.yaml").write_text(POLICY)
    runs = ("results/all", "results/primary")
    commands = {
        "all": (*RUN, "--model", "chatty", "--name", "all"),
        "primary": (*RUN, "--model", "nearest", "--name", "primary", *PRIMARY),
        "tasks": ("tasks", "list"),
        "leaderboard": ("leaderboard", *runs, "--csv", "board.csv", "--html", "board.html"),
        "report": ("report", *runs, "--output", "report.html"),
        "compare": ("compare", *runs, "--all-metrics"),
        "save": ("baseline", "save", "results/all", "--output", "base.json"),
        "check": ("check", "results/primary", "--baseline", "base.json", "--policy", "checks.yaml"),
        "export": ("export", "results/all", "--format", "lmms-eval", "--output", "exported"),
        "unknown": (*RUN, "--model", "nearest", "--name", "x", "--model-arg", "palete=all"),
        "others": (*RUN, "--model", "nearest", "--name", "x", "--batch-size", "2"),
    }
    return dict(zip(commands, installed(*commands.values()), strict=True))


def test_its_task_runs_with_its_backend_and_its_scorer(installed, outputs):
    for name in ("all", "primary"):
        assert outputs[name][0] == 0, outputs[name][2]
    results = json.loads((installed.folder / "results/all/results.json").read_text())
    metrics = results["tasks"]["colours"]["metrics"]
    assert {name: metric["value"] for name, metric in metrics.items()} == {
        "exact": 0.0,  # exact accepts only the name
        "named": 1.0,
        "distance": 0.0,
    }
    assert "colours" in outputs["tasks"][1]


def test_the_leaderboard_has_exactly_one_column_for_the_task(installed, outputs):
    assert outputs["leaderboard"][0] == 0, outputs["leaderboard"][2]
    with (installed.folder / "board.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:4] == ["model", "source", "colours_exact", "colours_exact_n"]
    assert [float(row["colours_exact"]) for row in rows] == [0.0, 37.5]
    assert "inst_it" not in outputs["leaderboard"][1]
    assert "Other tasks" in (installed.folder / "board.html").read_text()


def test_the_report_shows_its_kinds_its_matrix_and_the_reasons_for_differences(installed, outputs):
    assert outputs["report"][0] == 0, outputs["report"][2]
    page = (installed.folder / "report.html").read_text()
    assert "colours: confused colours, primary" in page
    assert "colours by kind of question" in page
    assert "8: exact accepts only the name" in page
    data = json.loads(page.split('<script type="application/json" id="data">')[1].split("<")[0])
    [task] = data["tasks"]
    assert (task["official"], task["deciding"], task["outcome"]) == ("exact", "named", "extracted")
    orange = next(s for s in data["samples"] if s["id"] == "4")
    assert orange["kind"] == "warm"
    assert [answer["right"] for answer in orange["answers"]] == [1, 0]
    assert len(data["pictures"]) == 8


def test_compare_and_check_know_the_direction_of_its_metrics(outputs):
    code, out, err = outputs["compare"]
    assert code == 0, err
    assert "5 right to wrong, 0 wrong to right" in out
    assert "cold" in out
    code, out, err = outputs["check"]
    assert code == 1, err
    found = {line.split()[0]: line for line in out.splitlines() if "max_drop" in line}
    assert "passed" in found["exact"]  # it increased, and higher is better
    assert "regression" in found["named"]
    assert "regression" in found["distance"]  # it increased, and lower is better


def test_the_lmms_eval_export_has_the_direction_too(installed, outputs):
    assert outputs["export"][0] == 0, outputs["export"][2]
    [file] = (installed.folder / "exported").rglob("*_results.json")
    exported = json.loads(file.read_text())
    assert exported["results"]["colours"]["named,none"] == 1.0
    assert exported["higher_is_better"]["colours"] == {
        "exact": True, "named": True, "distance": False,
    }  # fmt: skip


def test_its_backend_validates_its_own_options(outputs):
    assert outputs["unknown"][0] == 2
    assert "--model-arg: must be palette=all or palette=primary" in outputs["unknown"][2]
    assert outputs["others"][0] == 2
    assert "--batch-size: only --backend lmms-eval has this option" in outputs["others"][2]


def test_its_runs_can_be_read_without_the_plugin(installed, outputs, cli):
    """The manifest lists the metrics; the first one is the headline."""
    runs = [installed.folder / f"results/{name}" for name in ("all", "primary")]
    compared = cli("compare", *runs)
    assert compared.returncode == 0, compared.stderr
    assert "exact" in compared.stdout
    assert "warm" in compared.stdout
    assert "named" not in compared.stdout
    for command in (("leaderboard", *runs), ("report", *runs, "--output", "r.html")):
        done = cli(*command)
        assert done.returncode == 0, done.stderr

"""``instit-bench suite``: several models carried out, resumed and compared as one."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.command_line import cli_environment, cli_in
from tests.finished_run import read_jsonl
from tests.openai_server import Reply, openai_server

TASK = "inst_it_image_mc"
FILE = """
baseline: random
defaults:
  data: demo
  tasks: inst_it_image_m*
  concurrency: 2
  max_retries: 0
models:
  - {{model: random, backend: baseline}}
  - {{name: local, model: m, backend: openai, base_url: "{local}"}}
  - {{name: absent, model: m, backend: openai, base_url: "{absent}", limit: 4}}
"""
ABSENT = "http://127.0.0.1:9/v1"


def suite_file(folder: Path, local: str, absent: str = ABSENT) -> Path:
    path = folder / "trio.yaml"
    path.write_text(FILE.format(local=local, absent=absent))
    return path


@pytest.fixture(scope="module")
def carried_out(tmp_path_factory):
    """A suite of a baseline, an endpoint that always says A, and one that is not there."""
    folder = tmp_path_factory.mktemp("suite")
    with openai_server(lambda _: Reply("A")) as server:
        suite_file(folder, server.base_url)
        done = cli_in(folder)("suite", "trio.yaml", COLUMNS="80")
    return done, folder


def test_a_failing_model_does_not_keep_the_others_from_finishing(carried_out):
    done, folder = carried_out
    assert done.returncode == 1
    for name in ("random", "local"):
        records = read_jsonl(folder / f"results/trio/{name}/samples/{TASK}.jsonl")
        assert {record["state"] for record in records} == {"scored"}
    assert re.search(r"^\[3/3\] absent: 0/4, \d+ s, failed: cannot reach", done.stderr, re.M)
    *_, told, error = done.stderr.splitlines()
    assert told.startswith(f"absent: exit code 1: cannot reach {ABSENT}")
    assert error.startswith("instit-bench: error: 1 of 3 runs did not succeed: absent; ")


def test_a_suite_ends_with_one_matrix_and_verdicts_against_the_baseline(carried_out):
    done, _ = carried_out
    rows = re.findall(r"^ (\w+(?: \(failed\))?) +(\S.*?) *$", done.stdout, re.MULTILINE)
    assert ("random", "25.0 DP") in rows
    assert ("absent (failed)", "- DLPC") in rows
    assert "local against random" in done.stdout
    assert re.search(
        rf"^ +{TASK} +[+-]\d+\.\d .* no difference shown$", rstripped(done.stdout), re.M
    )
    assert max(map(len, rstripped(done.stdout).splitlines())) <= 80
    assert "random against" not in done.stdout


def rstripped(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines())


def test_the_same_command_skips_what_is_done_and_retries_what_failed(carried_out):
    _, folder = carried_out
    with openai_server(lambda _: Reply("B")) as server:
        # The endpoint of a finished run is asked nothing, so its address may be any.
        again = cli_in(folder)(
            "suite", suite_file(folder, ABSENT, server.base_url).name, "--only", "[la]*"
        )
    assert again.returncode == 0, again.stderr
    assert len(server.requests) == 4
    assert "random" not in again.stderr
    assert re.search(r"local: 16/16, \d+ s, was finished before$", again.stderr, re.MULTILINE)
    assert re.search(r"absent: 4/4, \d+ s, finished$", again.stderr, re.MULTILINE)


@contextmanager
def started(folder: Path, *arguments: str):
    """``instit-bench …`` in a process that can be sent signals."""
    process = subprocess.Popen(
        [sys.executable, "-m", "instit_bench", *arguments],
        cwd=folder,
        env=cli_environment(INSTIT_BENCH_HOME=str(folder / "home")),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_until(condition) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "waited for a minute"
        time.sleep(0.02)


def test_a_killed_suite_leaves_no_process_and_resumes_without_asking_twice(tmp_path):
    with openai_server(lambda _: Reply("A", delay_s=0.3)) as server:
        file = suite_file(tmp_path, server.base_url, server.base_url).name
        with started(tmp_path, "suite", file) as process:
            wait_until(lambda: len(server.requests) >= 6)
            workers = children(process.pid)
            os.kill(process.pid, signal.SIGKILL)
        assert workers
        wait_until(lambda: not any(alive(worker) for worker in workers))
        journals = {
            name: tmp_path / f"results/trio/{name}/samples/{TASK}.jsonl"
            for name in ("local", "absent")
        }
        answered = {
            name: {record["id"] for record in read_jsonl(path)} if path.is_file() else set()
            for name, path in journals.items()
        }
        asked_before = len(server.requests)
        done = cli_in(tmp_path)("suite", file)
    assert done.returncode == 0, done.stderr
    left = {"local": 16 - len(answered["local"]), "absent": 4 - len(answered["absent"])}
    assert sum(left.values()) > 0
    assert len(server.requests) - asked_before == sum(left.values())


def children(pid: int) -> list[int]:
    return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_an_interrupted_suite_starts_nothing_more_and_exits_130(tmp_path):
    with openai_server(lambda _: Reply("A", delay_s=0.3)) as server:
        file = suite_file(tmp_path, server.base_url, server.base_url)
        file.write_text("parallel: 1\n" + file.read_text())
        with started(
            tmp_path, "suite", file.name, "--only", "local", "--only", "absent"
        ) as process:
            wait_until(lambda: server.requests)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "[2/2] absent: not started" in err
    assert not (tmp_path / "results/trio/absent").exists()
    assert "local: exit code 130: interrupted" in err


def test_models_on_this_machine_run_one_after_the_other_beside_endpoints(tmp_path, monkeypatch):
    from instit_bench.suites.execute import run_suite
    from instit_bench.suites.plan import plan_suite

    together: Counter[frozenset[str]] = Counter()
    busy: Counter[str] = Counter()

    def answer(body):
        busy[body["model"]] += 1
        time.sleep(0.1)
        together[frozenset(+busy)] += 1
        busy[body["model"]] -= 1
        return Reply("A")

    monkeypatch.chdir(tmp_path)
    with openai_server(answer) as server:
        Path("gpu.yaml").write_text(
            "defaults: {data: demo, tasks: inst_it_image_mc, backend: openai, concurrency: 1,\n"
            f"           base_url: '{server.base_url}'}}\n"
            "models: [first, second, endpoint]\n"
        )
        suite = plan_suite(Path("gpu.yaml"), {})
        runs = tuple(replace(run, alone=run.label != "endpoint") for run in suite.runs)
        outcomes = run_suite(replace(suite, runs=runs), Quiet())
    assert [outcome.code for outcome in outcomes] == [0, 0, 0]
    assert not any({"first", "second"} <= models for models in together)
    assert any({"first", "endpoint"} <= models for models in together)


class Quiet:
    """A view that shows nothing."""

    def started(self, run):
        pass

    def event(self, run, event):
        pass

    def ended(self, outcome):
        pass


@pytest.mark.parametrize(
    ("settings", "alone"),
    [
        ({"backend": "vllm"}, True),
        ({"backend": "vllm", "base_url": "http://127.0.0.1:8000/v1"}, False),
        ({"backend": "openai"}, False),
        ({"backend": "openai", "judge": ["vllm:judge"]}, True),
        ({"backend": "baseline"}, False),
    ],
    ids=str,
)
def test_what_loads_a_model_here_runs_alone(settings, alone):
    from instit_bench.suites.plan import suite_of_models

    suite = suite_of_models(["a", "b"], {"data": "demo", **settings})
    assert [run.alone for run in suite.runs] == [alone, alone]


def test_several_models_of_run_are_a_suite_named_as_each_alone(cli, tmp_path):
    options = ("--backend", "baseline", "--data", "demo", "--tasks", "inst_it_*_mc")
    assert cli("run", "--model", "first", *options).returncode == 0
    done = cli("run", "--model", "random", "--model", "first", *options, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "random: results/random-demo, new\n" in done.stdout
    assert "first: results/first-demo, resumed: 32 of 32 done\n" in done.stdout
    assert not (tmp_path / "results/random-demo").exists()


def test_options_of_the_command_win_and_the_environment_fills_in(tmp_path, monkeypatch):
    from instit_bench.suites.plan import plan_suite

    file = tmp_path / "s.yaml"
    file.write_text("defaults: {limit: 9}\nmodels: [a, {model: b, limit: 3, data: demo}]\n")
    monkeypatch.setenv("INSTIT_BENCH_DATA", str(tmp_path))
    a, b = plan_suite(file, {}).runs
    assert [(run.config.limit, run.config.data) for run in (a, b)] == [
        (9, str(tmp_path)),
        (3, "demo"),
    ]
    a, b = plan_suite(file, {"limit": 1, "data": "demo"}).runs
    assert {(run.config.limit, run.config.data) for run in (a, b)} == {(1, "demo")}


def test_each_named_setting_runs_each_model_and_is_compared_within_itself(tmp_path):
    from instit_bench.suites.plan import plan_suite

    file = tmp_path / "matrix.yaml"
    file.write_text(
        "baseline: first\n"
        "defaults: {backend: baseline, data: demo, limit: 9}\n"
        "settings:\n  few: {max-frames: 4}\n  many: {max_frames: 32, limit: 5}\n"
        "models:\n  - first\n  - {model: random, limit: 3}\n"
        "  - {name: gold, model: echo-gold, settings: [few]}\n"
    )
    suite = plan_suite(file, {})
    planned = {run.label: (run.config.max_frames, run.config.limit) for run in suite.runs}
    assert planned == {
        "first-few": (4, 9),
        "first-many": (32, 5),
        "random-few": (4, 3),
        "random-many": (32, 3),
        "gold-few": (4, 9),
    }
    against = {run.label: suite.baseline_of(run) for run in suite.runs}
    assert {label: run and run.label for label, run in against.items()} == {
        "first-few": None,
        "first-many": None,
        "random-few": "first-few",
        "random-many": "first-many",
        "gold-few": "first-few",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("models: []", "field 'models': List should have at least 1 item"),
        ("model: [a]", "field 'model' is not known; did you mean 'models'?"),
        ("models: [a]\ndefaults: {limits: 3}", "defaults: field 'limits' is not known; did you"),
        (
            "models: [a, {model: b, max_token: 3}]",
            "models[1] (b): field 'max_token' is not known; did you mean 'max_tokens'?",
        ),
        (
            "models: [a, {model: b, limit: many}]",
            "models[1] (b): field 'limit': Input should be a valid integer",
        ),
        (
            "models: [a]\ndefaults: {limit: 0}",
            "defaults: field 'limit': Input should be greater than or equal to 1 (found 0)",
        ),
        ("models: [{backend: baseline}]", "models[0]: field 'model' is missing"),
        ("models: [a]\nsettings: {x: {min_coverage: 2}}", "settings 'x': field 'min_coverage': "),
        ("models: [{model: a, settings: [y]}]", "models[0] (a): field 'settings': there is no 'y'"),
        ("models: [a]\ndefaults: {output: r}", "defaults: field 'output': write it at the top"),
        ("models: [a]\nbaseline: b", "field 'baseline': no entry of models is named 'b'"),
        ("models: [a, {model: a, limit: 3}]", "a and a would both be written to results/s/a"),
        ("models: [a/b, a-b]", "would both be written to results/s/a-b; give one of them"),
        ("- a", "must be a mapping of keys to values"),
    ],
)
def test_an_error_in_a_suite_file_names_file_entry_and_field(cli, tmp_path, text, said):
    (tmp_path / "s.yaml").write_text(text)
    done = cli("suite", "s.yaml", "--dry-run")
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("instit-bench: error: s.yaml: ")
    assert said in line
    assert not (tmp_path / "results").exists()

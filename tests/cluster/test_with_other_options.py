"""``--ray`` beside suites, ``--adaptive-concurrency`` and ``--until-verdict`` (``-m ray``)."""

from __future__ import annotations

import json
from collections import defaultdict

import pytest

from tests.cluster.machines import log_of, workers_of
from tests.cluster.test_replicas import cluster, journals, plugins, run  # noqa: F401 - fixtures
from tests.command_line import cli_process_in

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

SUITE = """
baseline: first
output: {output}
defaults: {{data: demo, backend: baseline{more}}}
models:
  - {{name: first, model: random}}
  - {{name: second, model: "text:A"}}
"""


def results(folder, name):
    """What a run found of each task."""
    return json.loads((folder / name / "results.json").read_text())["tasks"]


def patiently(cli, *words, **env):
    """Run a command again if Ray did not start within its 30 s, which a busy machine may need."""
    for _ in range(3):
        if "timed out during startup" not in (done := cli(*words, **env)).stderr:
            break
    return done


def test_a_suite_on_ray_is_the_suite_without(tmp_path):
    cli = cli_process_in(tmp_path)
    for output, more in (("alone", ""), ("spread", ", ray: local, replicas: 1")):
        (tmp_path / f"{output}.yaml").write_text(SUITE.format(output=output, more=more))
        done = patiently(cli, "suite", f"{output}.yaml", HOME=str(tmp_path / "home"))
        assert done.returncode == 0, done.stderr
    assert not (tmp_path / "home" / ".ray").exists(), "the token of Ray on this machine"
    for name in ("first", "second"):
        kept = json.loads((tmp_path / f"spread/{name}/manifest.json").read_text())
        assert kept["settings"]["ray"]["replicas"] == 1
        assert journals(tmp_path, f"spread/{name}") == journals(tmp_path, f"alone/{name}")
        assert results(tmp_path, f"spread/{name}") == results(tmp_path, f"alone/{name}")


def test_adaptive_concurrency_follows_each_engine_and_stays_below_the_limit(
    tmp_path,
    cluster,  # noqa: F811
):
    (tmp_path / "gate").write_text("2")
    limits = ("--adaptive-concurrency", "--model-arg", "engine=2")
    at = ("--ray", cluster.address, "--gpus-per-replica", 1)
    done = run(tmp_path, "adaptive", *limits, *at, delay=1.0, at_once=12)
    assert done.returncode == 0, done.stderr
    in_flight = defaultdict(list)
    for what, pid, _, _, count in log_of(tmp_path):
        if what == "asked":
            in_flight[pid].append(int(count))
    assert len(in_flight) == len(workers_of(tmp_path)) == 2
    for counts in in_flight.values():
        assert max(counts) <= 12
        assert max(counts) > 4, "it begins with what the limit allows"
        assert max(counts[-8:]) <= 4, "and follows the engine, which computes two at a time"


def test_a_run_that_stops_at_its_verdict_on_ray_can_be_completed(tmp_path):
    cli = cli_process_in(tmp_path)
    task = ("--backend", "baseline", "--data", "demo", "--tasks", "gpt4tools_seen", "--output", ".")
    assert cli("run", "--model", "echo-gold", "--name", "good", *task).returncode == 0
    assert cli("baseline", "save", "good", "--output", "good.json").returncode == 0
    bad = ("run", "--model", "text:no", "--name", "bad", *task, "--ray", "local")
    done = patiently(cli, *bad, "--until-verdict", "--baseline", "good.json", "--concurrency", 1)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "bad/manifest.json").read_text())
    assert manifest["status"] == "settled"
    assert manifest["settings"]["ray"]["replicas"] == 1
    assert manifest["looks"]["verdict"] == "regression"
    early = journals(tmp_path, "bad")["gpt4tools_seen.jsonl"]
    assert 0 < len(early) < 24
    assert cli("check", "bad", "--adaptive", "--baseline", "good.json").returncode == 1

    done = patiently(cli, *bad)
    assert done.returncode == 0, done.stderr
    assert cli("run", "--model", "text:no", "--name", "alone", *task).returncode == 0
    full = journals(tmp_path, "bad")["gpt4tools_seen.jsonl"]
    assert set(early) < set(full)
    assert sorted(full) == sorted(journals(tmp_path, "alone")["gpt4tools_seen.jsonl"])
    assert results(tmp_path, "bad") == results(tmp_path, "alone")

"""What dies, joins, is slow or does not start in a Ray cluster (``-m ray``, some minutes)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.cluster.machines import install_backend, log_of, machines, workers_of
from tests.cluster.test_replicas import journals, run, when
from tests.command_line import cli_environment

pytestmark = [pytest.mark.ray, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    folder = install_backend(tmp_path_factory.mktemp("plugins") / "installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder


@pytest.fixture(scope="module")
def cluster(plugins):
    with machines(Path("/tmp") / f"ib{os.getpid()}f", plugins, gpus=(1, 1, 1)) as found:
        yield found


@pytest.fixture
def alone(tmp_path):
    """The same run in one process, to compare with."""
    assert run(tmp_path, "alone").returncode == 0
    (tmp_path / "log").unlink()
    return journals(tmp_path, "alone")


def at(cluster, *more):
    return ("--ray", cluster.address, "--gpus-per-replica", 1, *more)


def gate(folder, count):
    (folder / "gate").write_text(str(count))


def asked(folder):
    return Counter(sample for what, _, sample, _ in log_of(folder) if what == "asked")


def test_three_nodes_share_a_run_that_equals_that_of_one_process(tmp_path, cluster, alone):
    gate(tmp_path, 3)
    done = run(tmp_path, "three", *at(cluster))
    assert done.returncode == 0, done.stderr
    assert journals(tmp_path, "three") == alone
    assert len(workers_of(tmp_path)) == 3
    assert set(asked(tmp_path).values()) == {1}


def test_a_node_that_dies_gives_its_samples_back_and_one_that_joins_takes_work(
    tmp_path, cluster, alone
):
    gate(tmp_path, 3)

    def exchange():
        gate(tmp_path, 4)
        cluster.kill_one()
        cluster.nodes.append(cluster.add("joined"))

    killer = when(lambda: sum(workers_of(tmp_path).values()) > 20, exchange)
    done = run(tmp_path, "exchanged", *at(cluster), delay=0.2)
    killer.join()
    assert done.returncode == 0, done.stderr
    assert "died: " in done.stderr
    assert journals(tmp_path, "exchanged") == alone
    manifest = json.loads((tmp_path / "exchanged/manifest.json").read_text())
    assert any("joined" in name for name in manifest["settings"]["ray"]["nodes"])
    assert sum(asked(tmp_path).values()) <= 112 + 4
    assert len(workers_of(tmp_path)) == 4


def test_a_driver_that_is_killed_resumes_and_loses_nothing(tmp_path, cluster, plugins, alone):
    gate(tmp_path, 2)
    command = [
        *(sys.executable, "-m", "instit_bench", "run", "--model", "m", "--backend", "slow"),
        *("--data", "demo", "--output", ".", "--name", "resumed", "--fail-on-error", "99"),
        *("--concurrency", "4", "--model-arg", f"folder={tmp_path}", "--model-arg", "delay=0.05"),
        *map(str, at(cluster)),
    ]
    env = cli_environment(INSTIT_BENCH_HOME=str(tmp_path / "home"))
    env["PYTHONPATH"] = os.pathsep.join([str(plugins), env["PYTHONPATH"]])
    with subprocess.Popen(
        command, cwd=tmp_path, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as driver:
        when(
            lambda: sum(workers_of(tmp_path).values()) > 20,
            lambda: driver.send_signal(signal.SIGKILL),
        ).join()
    assert driver.returncode == -signal.SIGKILL
    kept = sum(map(len, journals(tmp_path, "resumed").values()))
    assert 10 < kept < 112
    done = run(tmp_path, "resumed", "--resume", *at(cluster))
    assert done.returncode == 0, done.stderr
    assert journals(tmp_path, "resumed") == alone
    assert sum(asked(tmp_path).values()) <= 2 * 112 - kept + 12, "what was on disk is kept"
    deadline = time.monotonic() + 60
    while alive := [pid for pid in map(int, workers_of(tmp_path)) if Path(f"/proc/{pid}").exists()]:
        assert time.monotonic() < deadline, f"replicas outlive their run: {alive}"
        time.sleep(0.2)


def test_a_replica_ten_times_slower_costs_less_than_a_tenth(tmp_path, cluster):
    gate(tmp_path, 3)
    (tmp_path / "slow").touch()
    done = run(tmp_path, "slowed", *at(cluster), delay=1.0)
    assert done.returncode == 0, done.stderr
    times = [float(line[3]) for line in log_of(tmp_path) if line[0] == "answered"]
    took = max(times) - min(times) + 1.0
    quick = 112 / (2 * 4) * 1.0  # two that are quick, four at once
    print(f"took {took:.1f} s; the two quick ones alone would take {quick:.1f} s")
    assert took < 1.1 * quick


def test_an_engine_that_does_not_start_says_why_and_on_which_node(tmp_path, cluster):
    (tmp_path / "refuse").touch()
    done = run(tmp_path, "refused", "--ray", cluster.address)
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert "no replica started: " in last
    assert "node-0" in last
    assert "the engine did not start: out of memory" in last


def test_a_sample_that_kills_every_engine_is_an_error_of_its_own(tmp_path, cluster):
    (tmp_path / "poison").write_text("gpt4tools_seen/5")
    done = run(tmp_path, "poisoned", *at(cluster))
    assert done.returncode == 0, done.stderr
    records = [
        json.loads(line)
        for lines in journals(tmp_path, "poisoned").values()
        for line in lines
        if "engines died with it" in line
    ]
    assert [record["id"] for record in records] == ["5"]
    assert records[0]["state"] == "infer_error"


def test_more_gpus_than_any_node_has_are_refused_at_once(tmp_path, cluster):
    done = run(tmp_path, "large", "--ray", cluster.address, "--gpus-per-replica", 8)
    assert done.returncode == 2
    assert "no node has the GPUs of one replica, 8" in done.stderr

"""What dies, joins, is slow or does not start in a Ray cluster (``-m ray``, some minutes)."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from instit_bench.cluster.session import living_nodes
from instit_bench.errors import StorageError
from tests.cluster.machines import install_backend, kill_process, log_of, machines, workers_of
from tests.cluster.test_replicas import journals, run, when
from tests.command_line import REPOSITORY, cli_environment

pytestmark = [pytest.mark.ray, pytest.mark.timeout(900)]

SAMPLES, AT_ONCE, NODES = 112, 4, 3


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    return install_backend(tmp_path_factory.mktemp("plugins") / "installed")


@pytest.fixture(scope="module")
def cluster(plugins):
    with machines(Path("/tmp") / f"ib{os.getpid()}f", plugins, gpus=(1,) * NODES) as found:
        yield found


class Drivers:
    """Starts runs of the demo in processes of their own, as a user does."""

    def __init__(self, folder: Path, plugins: Path, address: str) -> None:
        self.folder = folder
        self._address = address
        self._env = cli_environment(INSTIT_BENCH_HOME=str(folder / "home"))
        self._env["PYTHONPATH"] = os.pathsep.join([str(plugins), self._env["PYTHONPATH"]])

    def start(self, name: str, *more: object, delay: float = 0.3) -> subprocess.Popen[str]:
        (self.folder / "log").unlink(missing_ok=True)
        words = [
            *("run", "--model", "m", "--backend", "slow", "--data", "demo", "--output", "."),
            *("--name", name, "--fail-on-error", "99", "--concurrency", AT_ONCE),
            *("--model-arg", f"folder={self.folder}", "--model-arg", f"delay={delay}", *more),
        ]
        return subprocess.Popen(
            [sys.executable, "-m", "instit_bench", *map(str, words)],
            cwd=self.folder,
            env=self._env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def on_ray(self, name: str, *more: object, gpus: int = 1, delay: float = 0.3):
        where = ("--ray", self._address, "--gpus-per-replica", gpus)
        return self.start(name, *where, *more, delay=delay)

    def alone(self) -> dict[str, list[str]]:
        """The journals of the same run in one process, to compare with."""
        done = self.start("alone", delay=0.01)
        assert done.wait(120) == 0, done.stderr.read()
        return journals(self.folder, "alone")

    def wait_for(self, answers: int) -> None:
        deadline = time.monotonic() + 240
        while sum(workers_of(self.folder).values()) < answers:
            assert time.monotonic() < deadline, "too few answers"
            time.sleep(0.05)

    @property
    def asked(self) -> Counter[str]:
        return Counter(sample for what, _, sample, *_ in log_of(self.folder) if what == "asked")


@pytest.fixture
def drivers(tmp_path, plugins, cluster):
    return Drivers(tmp_path, plugins, cluster.address)


def all_wait_for(drivers, replicas):
    """Let no replica answer before so many have started."""
    (drivers.folder / "gate").write_text(str(replicas))


def ended(process):
    """Wait for a driver; return its exit code and its messages."""
    _, errors = process.communicate(timeout=300)
    return process.returncode, errors


def test_a_node_that_dies_gives_its_samples_back_and_one_that_joins_takes_work(cluster, drivers):
    alone = drivers.alone()
    all_wait_for(drivers, NODES)
    driver = drivers.on_ray("exchanged", delay=4.0)
    drivers.wait_for(AT_ONCE * NODES)
    cluster.kill_one()
    cluster.nodes.append(cluster.add("joined"))
    code, errors = ended(driver)
    assert code == 0, errors
    assert "died: " in errors
    assert journals(drivers.folder, "exchanged") == alone
    manifest = json.loads((drivers.folder / "exchanged/manifest.json").read_text())
    assert "joined" in manifest["settings"]["ray"]["nodes"]
    assert sum(drivers.asked.values()) <= SAMPLES + AT_ONCE, "only what was in flight"
    assert len(workers_of(drivers.folder)) == NODES + 1


def test_a_driver_that_is_killed_resumes_and_loses_nothing(drivers):
    alone = drivers.alone()
    all_wait_for(drivers, NODES)
    driver = drivers.on_ray("resumed")
    drivers.wait_for(30)
    driver.kill()
    driver.communicate()
    before = [int(pid) for pid in workers_of(drivers.folder)]
    kept = sum(map(len, journals(drivers.folder, "resumed").values()))
    assert 10 < kept < SAMPLES
    code, errors = ended(drivers.on_ray("resumed", "--resume"))
    assert code == 0, errors
    assert journals(drivers.folder, "resumed") == alone
    failed = sum('"infer_error"' in line for lines in alone.values() for line in lines)
    asked_again = sum(drivers.asked.values()) - (SAMPLES - kept)
    assert asked_again <= failed, "what was answered on disk is not asked again"
    assert not [pid for pid in before if Path(f"/proc/{pid}").exists()], "replicas outlive a run"


def test_a_replica_ten_times_slower_costs_less_than_a_tenth(drivers):
    all_wait_for(drivers, NODES)
    (drivers.folder / "slow").touch()
    code, errors = ended(drivers.on_ray("slowed", delay=1.0))
    assert code == 0, errors
    times = [float(line[3]) for line in log_of(drivers.folder) if line[0] == "answered"]
    took = max(times) - min(times) + 1.0
    quick = SAMPLES / ((NODES - 1) * AT_ONCE) * 1.0
    print(f"took {took:.1f} s; the quick ones alone would take {quick:.1f} s")
    assert took < 1.1 * quick


def test_a_sample_that_kills_every_engine_is_an_error_of_its_own(drivers):
    all_wait_for(drivers, 0)
    (drivers.folder / "poison").write_text("gpt4tools_seen/5")
    code, errors = ended(drivers.on_ray("poisoned", delay=0.05))
    assert code == 0, errors
    records = [
        json.loads(line)
        for lines in journals(drivers.folder, "poisoned").values()
        for line in lines
        if "engines died with it" in line
    ]
    assert [(record["id"], record["state"]) for record in records] == [("5", "infer_error")]


def test_an_engine_that_does_not_start_says_why_and_on_which_node(drivers):
    (drivers.folder / "refuse").touch()
    code, errors = ended(drivers.on_ray("refused"))
    assert code == 2
    last = errors.splitlines()[-1]
    assert "no replica started: " in last
    assert "node-0: " in last
    assert "the engine did not start: out of memory" in last


def test_more_gpus_than_any_node_has_are_refused_at_once(drivers):
    code, errors = ended(drivers.on_ray("large", gpus=8))
    assert code == 2
    assert "no node has the GPUs of one replica, 8" in errors


def test_an_address_that_is_not_a_cluster_is_refused_at_once(drivers):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    for address, told in {
        f"127.0.0.1:{port}": "is Ray running there?",
        "ray://127.0.0.1:10001": "Ray's client is not supported",
    }.items():
        code, errors = ended(drivers.start("nowhere", "--ray", address))
        assert code == 2
        assert errors.splitlines()[-1].startswith(f"instit-bench: error: --ray {address}: ")
        assert told in errors.splitlines()[-1]


# It makes the cluster one of another version of Ray, and itself again.
OTHER_VERSION = """
import json, sys, ray
from ray.experimental.internal_kv import _internal_kv_get as get, _internal_kv_put as put
ray.init(address=sys.argv[1])
kept = get(b"CLUSTER_METADATA", namespace=b"cluster")
other = json.dumps(json.loads(kept) | {"ray_version": "2.9.3"}).encode()
put(b"CLUSTER_METADATA", other, True, namespace=b"cluster")
print("changed", flush=True)
input()
put(b"CLUSTER_METADATA", kept, True, namespace=b"cluster")
"""


def test_a_cluster_of_another_version_is_named_with_both_versions(cluster, drivers):
    with subprocess.Popen(
        [sys.executable, "-c", OTHER_VERSION, cluster.address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as changed:
        while "changed" not in changed.stdout.readline():
            assert changed.poll() is None
        code, errors = ended(drivers.on_ray("other"))
        changed.communicate("\n", timeout=60)
    assert code == 2
    assert "Version mismatch: " in errors.splitlines()[-1]
    assert "Ray: 2.9.3 " in errors.splitlines()[-1]
    assert "is Ray running there" not in errors


def test_a_node_with_another_version_of_this_program_is_left_out(cluster, drivers, monkeypatch):
    other = drivers.folder / "other"
    shutil.copytree(REPOSITORY / "instit_bench", other / "instit_bench")
    (other / "instit_bench/_version.py").write_text('__version__ = "0.0.1"\n')
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(other), os.environ["PYTHONPATH"]]))
    node = cluster.add("old")
    try:
        all_wait_for(drivers, NODES)
        code, errors = ended(drivers.on_ray("newer"))
    finally:
        cluster.remove(node)
    assert code == 0, errors
    assert "did not start on old: has instit-bench 0.0.1, the machine of the run" in errors


def test_a_replica_that_freezes_gives_its_samples_back(drivers, plugins, cluster, monkeypatch):
    """In this process, so that it gives up sooner than after a quarter of an hour."""
    monkeypatch.setattr("instit_bench.cluster.replica._SILENT_FOR_S", 6)
    monkeypatch.syspath_prepend(plugins)
    alone = drivers.alone()
    (drivers.folder / "log").unlink()
    all_wait_for(drivers, NODES)
    frozen = []

    def freeze_one():
        frozen.append(next(iter(workers_of(drivers.folder))))
        os.kill(frozen[0], signal.SIGSTOP)

    freezer = when(lambda: sum(workers_of(drivers.folder).values()) > 20, freeze_one)
    at = ("--ray", cluster.address, "--gpus-per-replica", 1)
    done = run(drivers.folder, "frozen", *at, delay=0.3, at_once=AT_ONCE)
    freezer.join()
    assert done.returncode == 0, done.stderr
    assert "died: nothing was heard of it for 6 s" in done.stderr
    assert journals(drivers.folder, "frozen") == alone
    deadline = time.monotonic() + 60
    while Path(f"/proc/{frozen[0]}").exists():
        assert time.monotonic() < deadline, "it still holds its GPU"
        time.sleep(0.2)


def test_relative_paths_are_those_of_the_run(drivers):
    """The backend writes its log into the folder that it is given."""
    all_wait_for(drivers, NODES)
    code, errors = ended(drivers.on_ray("relative", "--model-arg", "folder=."))
    assert code == 0, errors
    assert sum(workers_of(drivers.folder).values()) > 90


def test_a_full_disk_ends_the_run_and_not_only_one_replica(drivers, plugins, cluster, monkeypatch):
    def add(*_):
        raise StorageError("media.jsonl: cannot be written: no space left on device")

    monkeypatch.setattr("instit_bench.evaluation.shown_media.ShownMedia.add", add)
    monkeypatch.syspath_prepend(plugins)
    all_wait_for(drivers, NODES)
    at = ("--ray", cluster.address, "--gpus-per-replica", 1)
    done = run(drivers.folder, "full", *at, at_once=AT_ONCE)
    assert done.returncode == 1
    assert "no space left on device" in done.stderr.splitlines()[-1]


def test_a_dead_replica_is_not_offered_again_while_the_nodes_are_looked_at(
    drivers, plugins, cluster, monkeypatch
):
    """Each offer counted as a death of the sample, which was at fault after the third."""

    async def slowly():
        found = await living_nodes()
        await asyncio.sleep(3)
        return found

    monkeypatch.setattr("instit_bench.cluster.pool.living_nodes", slowly)
    monkeypatch.syspath_prepend(plugins)
    alone = drivers.alone()
    (drivers.folder / "log").unlink()
    all_wait_for(drivers, NODES)

    def kill_one():
        kill_process(next(iter(workers_of(drivers.folder))))

    killer = when(lambda: sum(workers_of(drivers.folder).values()) > 20, kill_one)
    at = ("--ray", cluster.address, "--gpus-per-replica", 1)
    done = run(drivers.folder, "once", *at, delay=0.5, at_once=AT_ONCE)
    killer.join()
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(" died: ") == 1
    assert journals(drivers.folder, "once") == alone

"""``run --ray`` with real Ray: the same run as on one machine, though a replica dies."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pytest

from tests.cluster.machines import install_backend, kill_process, log_of, machines, workers_of
from tests.command_line import cli_in

pytestmark = pytest.mark.ray

KEY = "sk-kept-from-everybody-5151"


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    folder = install_backend(tmp_path_factory.mktemp("plugins") / "installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, plugins):
    # A socket's path may have 107 bytes only.
    temp = Path("/tmp") / f"ib{os.getpid()}"
    with machines(temp, plugins) as found:
        yield found


def run(folder, name, *more, delay=0.05, at_once=4, **env):
    """Run 112 samples of the demo in a folder; return how it ended."""
    return cli_in(folder)(
        *("run", "--model", "m", "--backend", "slow", "--data", "demo", "--output", "."),
        *("--name", name, "--fail-on-error", "99", "--concurrency", at_once),
        *("--model-arg", f"folder={folder}", "--model-arg", f"delay={delay}", *more),
        **env,
    )


def journals(folder, name):
    """All records of a run, in their order, as they are on disk."""
    paths = sorted((folder / name / "samples").glob("*.jsonl"))
    return {path.name: path.read_text().splitlines() for path in paths}


def when(condition, action):
    """Do something in another thread as soon as a condition holds."""

    def wait():
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not condition():
            time.sleep(0.01)
        if condition():
            action()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@pytest.fixture(scope="module")
def with_a_death(tmp_path_factory, cluster):
    """A run over two nodes, one of whose replicas is killed on the way; and one without Ray."""
    folder = tmp_path_factory.mktemp("runs")
    alone = run(folder, "alone")
    assert alone.returncode == 0, alone.stderr
    (folder / "log").unlink()
    gate = folder / "gate"
    gate.write_text("2")

    def kill_one():
        gate.write_text("3")
        kill_process(next(iter(workers_of(folder))))

    killer = when(lambda: sum(workers_of(folder).values()) > 20, kill_one)
    at = ("--ray", cluster.address, "--gpus-per-replica", 1)
    done = run(folder, "spread", *at, OPENAI_API_KEY=KEY)
    killer.join()
    return done, folder


@pytest.mark.timeout(240)
def test_a_run_over_two_nodes_equals_that_of_one_process_though_a_replica_dies(with_a_death):
    done, folder = with_a_death
    assert done.returncode == 0, done.stderr
    assert journals(folder, "spread") == journals(folder, "alone")
    started = [pid for what, pid, *_ in log_of(folder) if what == "started"]
    assert len(started) == 3, "two, and one in the place of the one that died"
    assert done.stderr.count(" died: ") == 1


def test_no_question_is_asked_again_but_those_of_the_dead_replica(with_a_death):
    _, folder = with_a_death
    asked = [sample for what, _, sample, *_ in log_of(folder) if what == "asked"]
    assert len(set(asked)) == 112
    assert len(asked) <= 112 + 4, "at most the four in flight"


def test_the_manifest_says_where_it_ran_and_sums_up_all_replicas(with_a_death):
    _, folder = with_a_death
    manifest = json.loads((folder / "spread/manifest.json").read_text())
    told = manifest["settings"]["ray"]
    assert (told["replicas"], told["gpus_per_replica"]) == (2, 1)
    assert "ray" not in manifest["identity"]
    assert (
        manifest["identity"] == json.loads((folder / "alone/manifest.json").read_text())["identity"]
    )


def test_a_key_reaches_the_replicas_and_nothing_that_ray_stores(with_a_death, cluster):
    _, folder = with_a_death
    manifest = json.loads((folder / "spread/manifest.json").read_text())
    assert manifest["settings"]["backend"]["key_length"] == len(KEY)
    for path in [*cluster.session.rglob("*"), *folder.rglob("*")]:
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path

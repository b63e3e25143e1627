"""A node without the media fetches them from the hub (``-m ray``; Linux, root; a minute)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cluster.machines import install_backend, log_of, machines, workers_of
from tests.cluster.test_replicas import journals
from tests.command_line import REPOSITORY, cli_process_in
from tests.datasets import test_hub
from tests.hub_server import serve_hub

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]

ARCHIVES = ["images_vpt.zip", "videos_vpt.zip"]
TASKS = "inst_it_image_mc,inst_it_image_oe,inst_it_video_mc,inst_it_video_oe"
UNREACHABLE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def hub():
    with serve_hub(test_hub.TestRawMedia.files()) as running:
        yield running


@pytest.fixture(scope="module")
def run(folder, hub):
    """Run the benchmark from the hub, with caches in the folder."""
    plugins = install_backend(folder / "installed")
    env = hub.environment(folder / "hf")

    def start(name, *more, delay=0.05, **changed):
        (folder / "log").unlink(missing_ok=True)
        return cli_process_in(folder)(
            *("run", "--model", "m", "--backend", "slow", "--data", "hub", "--output", "."),
            *("--tasks", TASKS, "--judge", "none", "--name", name, "--fail-on-error", "99"),
            *("--model-arg", f"folder={folder}", "--model-arg", f"delay={delay}"),
            *("--concurrency", 4, *more),
            **(env | changed | {"PYTHONPATH": os.pathsep.join([str(plugins), str(REPOSITORY)])}),
        )

    start.plugins, start.env = plugins, env
    return start


@pytest.fixture(scope="module")
def alone(run, folder, hub):
    """The journals of a run without Ray, by which this machine has all media."""
    done = run("alone")
    assert done.returncode == 0, done.stderr
    assert [name for name in hub.downloaded() if name.endswith(".zip")] == ARCHIVES
    return journals(folder, "alone")


@pytest.fixture(scope="module")
def cluster(run, folder, alone):
    """The node `same` has the files of the run; `apart` has none in the folders of the media."""
    temp = Path("/tmp") / f"ib{os.getpid()}h"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in run.env.items():
            patch.setenv(name, value)
        with machines(temp, run.plugins, gpus=(1,)) as found:
            apart = found.add_apart("apart", 2, [folder / "home", folder / "hf"])
            try:
                found.apart = apart
                yield found
            finally:
                apart.end()


def at(cluster):
    return ("--ray", cluster.address, "--gpus-per-replica", 1)


def test_a_node_fetches_what_it_lacks_once_for_all_its_replicas(run, folder, hub, cluster, alone):
    (folder / "gate").write_text("3")
    done = run("fetched", *at(cluster))
    assert done.returncode == 0, done.stderr
    assert journals(folder, "fetched") == alone
    assert len(workers_of(folder)) == 3
    both = sorted(name for name in hub.downloaded() if name.endswith(".zip"))
    assert both == sorted(2 * ARCHIVES), "once by this machine, once by the node"
    told = [line for line in done.stderr.splitlines() if ": fetching " in line]
    assert sorted(line.partition(": fetching ")[2].split()[0] for line in told) == ARCHIVES
    assert all(" on apart: fetching " in line for line in told), told
    unpacked = cluster.apart.inside("find", folder / "home/extracted", "-name", "*.jpg")
    assert len(unpacked.splitlines()) == len(list(folder.glob("home/extracted/**/*.jpg")))


@pytest.mark.parametrize(
    ("name", "size", "changed", "why"),
    [
        ("unreachable", 2**30, {"HF_ENDPOINT": UNREACHABLE}, "Connection refused"),
        ("full", 2**12, {}, "No space left on device"),
    ],
)
def test_a_node_that_cannot_fetch_says_so_and_the_others_finish(
    run, folder, cluster, alone, name, size, changed, why
):
    cluster.apart.empty()
    cluster.apart.limit(size)
    (folder / "gate").unlink(missing_ok=True)
    done = run(name, *at(cluster), delay=0.5, **changed)
    assert done.returncode == 0, done.stderr
    assert journals(folder, name) == alone
    assert len(workers_of(folder)) == 1
    assert len([1 for what, *_ in log_of(folder) if what == "asked"]) == 64
    refused = [line for line in done.stderr.splitlines() if " did not start on apart: " in line]
    assert 1 <= len(refused) <= 2, done.stderr
    for line in refused:
        assert f"{folder}/home/extracted/images_vpt-" in line
        assert why in line
        assert "let this node reach the hub and have room, or copy the folder to it" in line

"""A cluster whose nodes have addresses of their own, and Ray's token (``-m ray``; Linux, root)."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cluster.machines import install_backend, log_of, workers_of
from tests.cluster.networks import networks
from tests.cluster.test_replicas import journals, run

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]

TOKEN = "token-of-a-cluster-2f61b0c4d98e47a5"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def spread(folder):
    """Return a function for runs on the cluster; the folder has one without Ray, ``alone``."""
    plugins = install_backend(folder / "installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(plugins)
        assert run(folder, "alone").returncode == 0
    (folder / "log").unlink()
    (folder / "gate").write_text("2")
    with networks(folder, Path("/tmp") / f"ib{os.getpid()}n", plugins, TOKEN) as pair:

        def start(name, **env):
            return pair.run(
                *("run", "--model", "m", "--backend", "slow", "--data", "demo", "--output", "."),
                *("--name", name, "--fail-on-error", "99", "--concurrency", "4"),
                *("--model-arg", f"folder={folder}", "--ray", pair.address),
                *("--gpus-per-replica", 1),
                **env,
            )

        start.pair = pair
        yield start


def test_a_run_over_two_networks_with_a_token_equals_that_of_one_process(folder, spread):
    done = spread("spread")
    assert done.returncode == 0, done.stdout
    assert journals(folder, "spread") == journals(folder, "alone")
    assert len(workers_of(folder)) == 2
    assert len([1 for what, *_ in log_of(folder) if what == "asked"]) == 112
    nodes = json.loads((folder / "spread/manifest.json").read_text())["settings"]["ray"]["nodes"]
    assert len(nodes) == 2
    for host in spread.pair.hosts:
        assert [node for node in nodes if host in node], nodes
    stored = [p for p in (*spread.pair.temp.rglob("*"), *folder.rglob("*")) if p.is_file()]
    assert {"gcs_server.out", "manifest.json"} <= {path.name for path in stored}
    assert [path for path in stored if TOKEN.encode() in path.read_bytes()] == []


def test_a_driver_without_the_token_is_told_so(spread):
    done = spread("refused", RAY_AUTH_MODE="disabled")
    assert done.returncode == 2, done.stdout
    last = done.stdout.splitlines()[-1]
    assert f"--ray {spread.pair.address}: Failed to connect" in last
    assert "RAY_AUTH_MODE=token" in last
    assert TOKEN not in done.stdout

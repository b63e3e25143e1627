"""A Ray cluster of four nodes (``-m ray``, some minutes)."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.cluster.machines import install_backend, log_of, machines, workers_of
from tests.cluster.test_replicas import journals, run

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
    return Counter(sample for what, _, sample, *_ in log_of(folder) if what == "asked")


def test_three_nodes_share_a_run_that_equals_that_of_one_process(tmp_path, cluster, alone):
    gate(tmp_path, 3)
    done = run(tmp_path, "three", *at(cluster))
    assert done.returncode == 0, done.stderr
    assert journals(tmp_path, "three") == alone
    assert len(workers_of(tmp_path)) == 3
    assert set(asked(tmp_path).values()) == {1}

"""What a replica refuses before its backend starts; its actor is an ordinary object here."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from instit_bench.backends.asker import Reading
from instit_bench.backends.base import BackendOptions, Workload
from instit_bench.cluster.actor import ReplicaActor
from instit_bench.cluster.messages import Order
from instit_bench.datasets.hub_archive import HubArchive


@pytest.mark.parametrize("of_another_folder", [False, True])
def test_a_media_folder_that_is_not_the_hubs_is_not_fetched(
    tmp_path, monkeypatch, of_another_folder
):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)  # put back, as a replica drops it
    there, missing = tmp_path / "there", tmp_path / "missing"
    there.mkdir()
    archive = HubArchive("a/b", "c0ffee", "x.zip", tmp_path / "miss")
    order = Order(
        name="replica 1",
        backend="baseline",
        options=BackendOptions("first", workload=Workload(media_folders=(there, missing))),
        reading=Reading(),
        folder=Path(),
        own_engine=False,
        archives=(archive,) if of_another_folder else (),
        working_directory=Path.cwd(),
        environment={},
    )
    refused = asyncio.run(ReplicaActor().prepare(order)).refused
    assert refused == (
        f"{missing}: this media folder is not there; use a folder that all nodes share, or copy it "
        "to the same place on each"
    )

"""Which media folders a plan's requests need, and what of the hub they were unpacked from."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from instit_bench.resources import demo_data
from tests.command_line import cli_environment
from tests.datasets import test_hub
from tests.hub_server import COMMIT, REPOSITORY, serve_hub

PROGRAM = """
import json, sys
from instit_bench.evaluation.config import RunConfig
from instit_bench.evaluation.plan import make_plan
from instit_bench.evaluation.workload import hub_archives, workload_of
for tasks, settings, offline in json.loads(sys.argv[1]):
    plan = make_plan(RunConfig(model="m", tasks=tasks, **settings), offline=offline)
    folders = [str(folder) for folder in workload_of(plan).media_folders]
    found = [(a.repository, a.commit, a.name, str(a.folder)) for a in hub_archives(plan)]
    print(json.dumps([folders, found]))
"""
HUB = {"data": "hub"}
BOTH = ("inst_it_image_mc", "inst_it_video_mc")


def image_rows() -> dict[str, bytes]:
    """A config whose images are in its rows."""
    image = {"bytes": (demo_data() / "Inst-It-Bench/images_vpt/001.jpg").read_bytes()}
    return {"image_open_ended/test.parquet": test_hub.parquet("001-01", image=image)}


@pytest.fixture(scope="module")
def plans(tmp_path_factory):
    """Plans of several runs by one process: the folders that they need, and their archives."""
    wanted = {
        "files": (BOTH, HUB, False),
        "rows": (("inst_it_image_oe",), HUB, False),
        "text": (("gpt4tools_seen",), {"data": "demo"}, False),
        "raw": (("inst_it_image_mc",), HUB | {"marks": "none"}, False),
        "drawn": (("inst_it_image_mc",), HUB | {"marks": "box"}, False),
        "path": (BOTH, {"data": str(demo_data())}, False),
        "dry run": (BOTH, HUB, True),
    }
    folder = tmp_path_factory.mktemp("machine")
    with serve_hub(test_hub.TestRawMedia.files() | image_rows()) as hub:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, json.dumps(list(wanted.values()))],
            env=cli_environment(
                **hub.environment(folder / "hf"), INSTIT_BENCH_HOME=str(folder / "home")
            ),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return dict(zip(wanted, map(json.loads, done.stdout.splitlines()), strict=True))


def test_media_folders_of_the_hub_are_known_with_their_archives(plans):
    folders, archives = plans["files"]
    assert len(folders) == 2
    assert archives == [
        [REPOSITORY, COMMIT, f"{name}.zip", folder]
        for name, folder in zip(("images_vpt", "videos_vpt"), folders, strict=True)
    ]


def test_raw_media_are_below_the_folder_of_their_archive(plans):
    (folder,), ((_, _, name, unpacked),) = plans["raw"]
    assert name == "images_raw.zip"
    assert folder == f"{unpacked}/images_raw"


@pytest.mark.parametrize("name", ["rows", "text"])
def test_images_in_records_and_texts_need_no_folder(plans, name):
    assert plans[name] == [[], []]


@pytest.mark.parametrize("name", ["path", "dry run", "drawn"])
def test_folders_of_a_path_of_nothing_unpacked_and_of_drawn_media_are_not_the_hubs(plans, name):
    folders, archives = plans[name]
    assert len(folders) == 1
    assert archives == []

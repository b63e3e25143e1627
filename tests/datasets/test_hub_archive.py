"""Media of the hub that another machine lacks: fetched once, to the same place.

The machines are processes with a cache of their own, the hub is a real server.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.command_line import cli_environment
from tests.datasets.test_hub import zipped
from tests.hub_server import COMMIT, REPOSITORY, serve_hub

PROGRAM = """
import json, sys
from pathlib import Path
from instit_bench.datasets.hub_archive import HubArchive
from instit_bench.errors import InputError
for name, folder in json.loads(sys.argv[1]):
    told, error = [], None
    try:
        HubArchive(sys.argv[2], sys.argv[3], name, Path(folder)).fetch(told.append)
    except InputError as caught:
        error = str(caught)
    print(json.dumps([told, error]))
"""
# The end of its name is from the digest of what `zipped` makes of these files.
MEDIA = {"images_vpt__1.jpg": b"one", "images_vpt__2.jpg": b"two"}
TELLS = f"fetching images_vpt.zip of {REPOSITORY} at commit {COMMIT[:12]} into "


@pytest.fixture
def hub():
    with serve_hub({"images_vpt.zip": zipped(**MEDIA), "videos_vpt.zip": b"refused"}) as running:
        running.broken.add("videos_vpt.zip")
        yield running


@pytest.fixture
def folder(tmp_path, hub):
    """Where the machine of the run has unpacked the images."""
    from instit_bench.datasets.archive import extract_once

    archive = tmp_path / "images_vpt.zip"
    archive.write_bytes(hub.files["images_vpt.zip"])
    return tmp_path / "driver/extracted" / extract_once(archive, tmp_path / "elsewhere").name


@pytest.fixture
def begin(tmp_path, hub):
    """Start a process that fetches archives, each given by its name and folder."""

    def start(*wanted, **env):
        return subprocess.Popen(
            [
                *(sys.executable, "-c", PROGRAM),
                *(json.dumps([[name, str(folder)] for name, folder in wanted]), REPOSITORY, COMMIT),
            ],
            env=cli_environment(**hub.environment(tmp_path / "hf")) | env,
            stdout=subprocess.PIPE,
            text=True,
        )

    return start


def ended(process):
    """Return for each archive what was told, and the error if there is one."""
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return [json.loads(line) for line in out.splitlines()]


def test_of_two_processes_on_a_machine_one_fetches(begin, hub, folder):
    at_once = [begin(("images_vpt.zip", folder)) for _ in range(2)]
    told = [line for process in at_once for line in ended(process)]
    assert sorted(told) == [[[], None], [[f"{TELLS}{folder}"], None]]
    assert {p.name: p.read_bytes() for p in folder.rglob("*.jpg")} == {
        "1.jpg": b"one",
        "2.jpg": b"two",
    }
    assert hub.downloaded() == ["images_vpt.zip"]


def test_without_a_network_it_is_what_the_cache_of_the_machine_has(begin, hub, folder, tmp_path):
    assert ended(begin(("images_vpt.zip", folder)))[0][1] is None
    folder.rename(tmp_path / "lost")
    seen = len(hub.requests)
    raw = folder.with_name("images_raw-0")
    wanted = ("images_vpt.zip", folder), ("images_raw.zip", raw)
    cached, missing = ended(begin(*wanted, HF_ENDPOINT="http://127.0.0.1:9"))
    assert cached == [[f"{TELLS}{folder}"], None]
    assert folder.is_dir()
    assert f"images_raw.zip of {REPOSITORY} at commit {COMMIT[:12]} cannot be" in missing[1]
    assert "Connection refused" in missing[1]
    assert not raw.exists()
    assert len(hub.requests) == seen


def test_what_cannot_be_fetched_is_one_line_that_says_what_to_do(begin, folder, tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    other = tmp_path / "driver/extracted/images_vpt-of-another-content"
    rows = [
        ("videos_vpt.zip", folder, "videos_vpt.zip of ", "403", "let this node reach the hub"),
        ("images_raw.zip", folder, "cannot be fetched: ", "no file images_raw.zip", "copy the"),
        ("images_vpt.zip", in_the_way / "x/images", "cannot be made: Not a dir", "INSTIT_BENCH_"),
        ("images_vpt.zip", other, "other content", str(folder), "instit-bench data download"),
    ]
    said = ended(begin(*[row[:2] for row in rows]))
    for (_, place, *words), (_, error) in zip(rows, said, strict=True):
        assert error.startswith(f"{place}: this media folder is not there"), error
        assert [word for word in words if word not in error] == [], error
        assert "\n" not in error

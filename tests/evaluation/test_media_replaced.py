"""A run is not resumed with other images than those it has shown to the model."""

from __future__ import annotations

import os
import shutil

import pytest

from instit_bench.resources import demo_data

RUN = (
    *("run", "--model", "first", "--backend", "baseline", "--data", "data", "--name", "r"),
    *("--tasks", "inst_it_image_mc"),
)


@pytest.fixture
def images(cli, tmp_path):
    """The images that an unfinished run has shown, and those that it has not."""
    shutil.copytree(demo_data(), tmp_path / "data")
    assert cli(*RUN, "--limit", 4).returncode == 0
    shown = (tmp_path / "results/r/media.jsonl").read_text()
    every = sorted((tmp_path / "data/Inst-It-Bench/images_vpt").iterdir())
    seen = [path for path in every if path.name in shown]
    assert 0 < len(seen) < len(every)
    return seen, [path for path in every if path not in seen]


def test_a_replaced_image_refuses_to_resume(cli, tmp_path, images):
    (first, *_), (other, *_) = images
    assert first.read_bytes() != other.read_bytes()
    first.write_bytes(other.read_bytes())
    journal = tmp_path / "results/r/samples/inst_it_image_mc.jsonl"
    before = journal.read_bytes()
    done = cli(*RUN)
    assert done.returncode == 3
    assert f"{first.name} changed since this run showed it to the model" in done.stderr
    assert journal.read_bytes() == before
    assert cli(*RUN, "--fresh").returncode == 0


def test_an_image_with_another_time_and_the_same_content_does_not(cli, images):
    for path in images[0]:
        os.utime(path, (1, 1))
    done = cli(*RUN)
    assert done.returncode == 0, done.stderr


def test_neither_does_an_image_that_was_not_shown(cli, images):
    (first, *_), (other, *_) = images
    other.write_bytes(first.read_bytes())
    assert cli(*RUN).returncode == 0

"""``run --marks``: what the model is shown, and that the style is part of the run's identity."""

from __future__ import annotations

import base64
import json
import shutil
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from instit_bench import api
from instit_bench.datasets.masks import read_masks
from instit_bench.errors import InputError
from instit_bench.media.masks import decode
from instit_bench.resources import demo_data
from instit_bench.types import MarkStyle
from tests.openai_server import Reply, openai_server

BENCH = demo_data() / "Inst-It-Bench"
RUN = ("run", "--model", "first", "--backend", "baseline", "--data", "demo")


def image_run(style: str, *more: object) -> tuple[object, ...]:
    return (*RUN, "--tasks", "inst_it_image_mc", "--marks", style, "--name", style, *more)


def manifest(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text())


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """The image of question 001-01 as a model gets it, by style."""
    folder = tmp_path_factory.mktemp("shown")
    found: dict[str, Image.Image] = {}
    with pytest.MonkeyPatch.context() as patch, openai_server(lambda _: Reply("A")) as server:
        patch.setenv("INSTIT_BENCH_HOME", str(folder / "home"))
        for style, renamed in (("official", {}), ("none", {}), ("mask", {}), ("mask", {"1": "3"})):
            settings = {"renamed_marks": renamed | {v: k for k, v in renamed.items()}}
            api.run(
                model="m",
                backend="openai",
                base_url=server.base_url,
                tasks="inst_it_image_mc",
                sample_id="001-01",
                data="demo",
                output=folder,
                name=f"{style}{len(renamed)}",
                marks=style,  # type: ignore[arg-type]
                **settings,
            )
            sent = server.requests[-1]["messages"][0]["content"][0]["image_url"]["url"]
            data = base64.b64decode(sent.partition(",")[2])
            found[f"{style}{len(renamed)}"] = Image.open(BytesIO(data)).convert("RGB")
    return found


def test_each_style_is_what_the_model_gets(shown):
    for style, kind in (("official0", "vpt"), ("none0", "raw")):
        with Image.open(BENCH / f"images_{kind}" / "001.jpg") as file:
            assert shown[style].tobytes() == file.convert("RGB").tobytes()
    areas = read_masks(BENCH / "image_instance_captions_masks.json").of("001")["001.jpg"]
    raw, drawn = (np.asarray(shown[name], dtype=int) for name in ("none0", "mask0"))
    changed = np.abs(raw - drawn).max(axis=2) > 40
    inside = np.any([decode(mask, "m") for mask in areas.values()], axis=0)
    assert changed[inside].mean() > 0.5
    assert changed[~inside].mean() < 0.005


def test_renamed_marks_are_shown_and_recorded(shown, cli, tmp_path):
    assert shown["mask1"].tobytes() != shown["mask0"].tobytes()
    areas = read_masks(BENCH / "image_instance_captions_masks.json").of("001")["001.jpg"]
    plain, renamed = (np.asarray(shown[name], dtype=int) for name in ("mask0", "mask1"))
    changed = np.abs(plain - renamed).max(axis=2) > 40
    others = np.any([decode(areas[mark], "m") for mark in areas if mark not in "13"], axis=0)
    assert changed[decode(areas["1"], "m")].mean() > 0.5
    assert changed[decode(areas["3"], "m")].mean() > 0.5
    assert changed[others].mean() < 0.01


def test_the_style_is_part_of_the_run_s_identity(cli, tmp_path):
    assert cli(*image_run("box", "--limit", 4)).returncode == 0
    stored = manifest(tmp_path / "results/box")
    assert stored["identity"]["marks"] == "box"
    digest = stored["tasks"]["inst_it_image_mc"]["masks_digest"]
    masks = read_masks(BENCH / "image_instance_captions_masks.json")
    assert digest == masks.digest
    done = cli(*image_run("mask", "--name", "box"))
    assert done.returncode == 2  # --name twice
    done = cli(*RUN, "--tasks", "inst_it_image_mc", "--marks", "mask", "--name", "box")
    assert done.returncode == 3
    assert "marks was 'box', now 'mask'" in done.stderr


def test_tables_mark_it_and_comparisons_refuse_the_mixture(cli, tmp_path):
    for style in ("official", "none", "number"):
        assert cli(*image_run(style, "--limit", 4)).returncode == 0
    task = json.loads((tmp_path / "results/none/results.json").read_text())
    assert "own-marks" in task["tasks"]["inst_it_image_mc"]["marks"]
    task = json.loads((tmp_path / "results/official/results.json").read_text())
    assert "own-marks" not in task["tasks"]["inst_it_image_mc"]["marks"]
    done = cli("compare", "results/official", "results/number")
    assert done.returncode == 3, done.stdout
    assert "inst_it_image_mc: marks: official against number" in done.stderr + done.stdout
    assert cli("compare", "results/none", "results/none").returncode == 0


def test_text_tasks_have_no_marks(cli, tmp_path):
    done = cli(*RUN, "--marks", "none", "--name", "r", "--limit", 2, "--tasks", "gpt4tools")
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "results/r/results.json").read_text())
    assert not any("own-marks" in task["marks"] for task in result["tasks"].values())


@pytest.fixture
def data(tmp_path):
    shutil.copytree(demo_data(), tmp_path / "data")
    return tmp_path / "data/Inst-It-Bench"


ON_A_COPY = ("run", "--model", "first", "--backend", "baseline", "--data", "data", "--name", "r")


@pytest.mark.parametrize(
    ("task", "style", "lost", "problem"),
    [
        ("image_mc", "none", "images_raw", "images_raw/ or images_raw.zip is missing"),
        ("video_mc", "box", "videos_raw", "videos_raw/ or videos_raw.zip is missing"),
        (
            "image_mc",
            "box",
            "image_instance_captions_masks.json",
            "image_instance_captions_masks.json is missing, which --marks needs for images",
        ),
    ],
)
def test_what_is_missing_is_said_before_anything_is_asked(
    cli, tmp_path, data, task, style, lost, problem
):
    path = data / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    done = cli(*ON_A_COPY, "--tasks", f"inst_it_{task}", "--marks", style)
    assert done.returncode == 2
    assert problem in done.stderr
    assert "'instit-bench data download --benchmark inst_it_raw'" in done.stderr
    assert not (tmp_path / "results").exists()


def test_raw_media_may_be_packed_and_masks_are_not_needed_without_marks(cli, data):
    shutil.make_archive(str(data / "images_raw"), "zip", data, "images_raw")
    shutil.rmtree(data / "images_raw")
    (data / "image_instance_captions_masks.json").unlink()
    done = cli(*ON_A_COPY, "--tasks", "inst_it_image_mc", "--marks", "none", "--limit", 2)
    assert done.returncode == 0, done.stderr


def test_a_medium_without_masks_fails_its_samples_and_no_others(cli, tmp_path, data):
    file = data / "image_instance_captions_masks.json"
    content = json.loads(file.read_text())
    del content["segmentations"]["1"]
    file.write_text(json.dumps(content))
    done = cli(*ON_A_COPY, "--tasks", "inst_it_image_mc", "--marks", "box", "--limit", 4)
    assert done.returncode == 1
    lines = (tmp_path / "results/r/samples/inst_it_image_mc.jsonl").read_text().splitlines()
    states = {(line := json.loads(text))["id"]: line["state"] for text in lines}
    assert states == {
        "001-01": "infer_error",
        "001-02": "infer_error",
        "002-01": "scored",
        "002-02": "scored",
    }
    assert "image_instance_captions_masks.json: field 'segmentations' has no entry" in done.stderr


@pytest.mark.parametrize("changed", ["image", "masks"])
def test_replaced_media_or_masks_refuse_to_resume(cli, data, changed):
    run = (*ON_A_COPY, "--tasks", "inst_it_image_mc", "--marks", "box")
    assert cli(*run, "--limit", 2).returncode == 0
    if changed == "image":
        shutil.copy(data / "images_raw/002.jpg", data / "images_raw/001.jpg")
    else:
        file = data / "image_instance_captions_masks.json"
        file.write_text(file.read_text() + "\n")
    done = cli(*run)
    assert done.returncode == 3
    wanted = "001.jpg changed since" if changed == "image" else "inst_it_image_mc: masks_digest was"
    assert wanted in done.stderr


def test_a_lost_copy_is_drawn_again(cli, tmp_path):
    assert cli(*image_run("box", "--limit", 2)).returncode == 0
    shutil.rmtree(tmp_path / "home/marked")
    done = cli(*image_run("box", "--limit", 4))
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "home/marked/box").iterdir())) == 1  # the new one's image


@pytest.mark.parametrize(
    ("style", "renamed", "problem"),
    [
        ("box", {"1": "3"}, "renamed.marks: must be a permutation"),
        ("box", {"a": "a"}, "renamed.marks: must be a permutation"),
        ("official", {"1": "3", "3": "1"}, "renamed_marks: marks 'official' draws no numbers"),
    ],
)
def test_a_renaming_must_be_one_that_can_be_drawn(tmp_path, style: MarkStyle, renamed, problem):
    with pytest.raises(InputError, match=problem):
        api.run(model="first", backend="baseline", marks=style, renamed_marks=renamed)

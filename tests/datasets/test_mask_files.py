"""Files of masks: the layouts that are read, and errors that name medium, frame and mark."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from instit_bench.datasets.masks import read_masks
from instit_bench.errors import InputError
from instit_bench.types import Mask

RLE = {"size": [2, 3], "counts": "06"}
MASK = Mask(2, 3, "06")


def written(folder: Path, content: Any) -> Path:
    file = folder / "masks.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


@pytest.mark.parametrize(
    ("content", "frames"),
    [
        ({"segmentations": {"1": {"1.jpg": {"3": RLE}}}}, {"1.jpg": {"3": MASK}}),
        ({"segmentations": {"001": {"1.jpg": {"3": {"mask": RLE}}}}}, {"1.jpg": {"3": MASK}}),
        ({"segmentations": {"1": {"3": {"mask": RLE}, "4": None}}}, {"": {"3": MASK}}),
        ({"segmentations": {"1": {"1.jpg": {"3": None}, "2.jpg": {}}}}, {"1.jpg": {}, "2.jpg": {}}),
        (
            {"segmentations": {"1": {"1.jpg": None, "2": {"3": RLE}}}},
            {"1.jpg": {}, "2": {"3": MASK}},
        ),
        ([{"video_id": 1, "segmentations": {"a.jpg": {"03": RLE}}}], {"a.jpg": {"3": MASK}}),
        ([{"image_id": "1", "segmentations": {"3": RLE}}], {"": {"3": MASK}}),
    ],
)
def test_layouts(tmp_path, content, frames):
    found = read_masks(written(tmp_path, content))
    assert found.of("001") == found.of("1") == frames


def test_run_lengths_may_be_numbers(tmp_path):
    mask = {"size": [2, 3], "counts": [2, 4]}
    file = written(tmp_path, {"segmentations": {"7": {"1": mask}}})
    assert read_masks(file).of("7")[""]["1"] == Mask(2, 3, (2, 4))


def marked(**fields: Any) -> dict[str, Any]:
    return {"segmentations": {"1": {"1.jpg": {"3": RLE | fields}}}}


PLACE = "field 'segmentations': field '1': field '1.jpg'"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON"),
        ("3", "must hold an object with 'segmentations'"),
        ({}, "field 'segmentations' is missing"),
        ({"segmentations": [1]}, "field 'segmentations' must be an object, found a list of 1"),
        ({"segmentations": {"1": 2}}, "field 'segmentations': field '1' must be an object"),
        ({"segmentations": {"1": {"1.jpg": 2}}}, "field '1.jpg' must be an object, found 2"),
        ({"segmentations": {"1": {}, "01": {}}}, "field '01': occurs twice"),
        (marked(size=[2]), f"{PLACE}: field '3': field 'size' must be height and width"),
        (marked(size=[0, 3]), "field 'size' must be height and width"),
        (marked(size=[2, 2**20]), "field 'size' must be height and width"),
        (marked(size=[2.0, 3]), "field 'size' must be height and width"),
        (marked(counts=[-1]), f"{PLACE}: field '3': field 'counts' must be COCO's run lengths"),
        (marked(counts=None), "field 'counts' is missing"),
        ({"segmentations": {"1": {"1.jpg": {"cat": RLE}}}}, "field 'cat' must be the number of"),
        ({"segmentations": {"1": {"1.jpg": {"3": RLE, "03": RLE}}}}, "field '03' occurs twice"),
        ([1], "record 1: is not a JSON object"),
        ([{"video_id": 4}], r"record 1 \(video_id 4\): field 'segmentations' is missing"),
        ([{"segmentations": {}}], "record 1: field 'video_id' must be a number or text"),
    ],
)
def test_errors_name_the_place(tmp_path, content, problem):
    file = written(tmp_path, content)
    with pytest.raises(InputError, match=problem) as caught:
        read_masks(file)
    assert str(caught.value).startswith(str(file))


def test_a_missing_file_or_medium_is_named(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_masks(tmp_path / "nothing.json")
    with pytest.raises(InputError, match="has no entry for '9'"):
        read_masks(written(tmp_path, marked())).of("9")

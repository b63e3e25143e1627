"""Videos as folders of frames: their order, the selected frames, and errors."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instit_bench.media import MediaError
from instit_bench.media.frames import frame_files, numbering_problems, spread


def fill(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in random.sample(names, len(names)):
        (folder / name).touch()
    return folder


def names(folder: Path) -> list[str]:
    return [path.name for path in frame_files(folder)]


ORDERED = {
    "unpadded": [f"{n}.jpg" for n in range(1, 13)],
    "padded": [f"{n:04d}.jpg" for n in range(1, 13)],
    "prefixed": [f"frame_{n}.png" for n in range(8, 12)],
    "two numbers": ["clip12_9.jpg", "clip12_10.jpg", "clip12_11.jpg"],
    "kinds of files": ["1.JPG", "2.jpeg", "3.png", "4.webp", "5.bmp", "10.jpg"],
    "no number last": ["1.jpg", "2.jpg", "cover.jpg"],
    "no numbers": ["a.jpg", "b.jpg"],
    "from zero": ["0.jpg", "1.jpg", "10.jpg"],
    "other digits": ["1.jpg", "2.jpg", "²-x.jpg"],
}


@pytest.mark.parametrize("case", ORDERED)
def test_frames_are_ordered_by_number(tmp_path, case):
    assert names(fill(tmp_path / "video", *ORDERED[case])) == ORDERED[case]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.integers(0, 10**20), min_size=1, max_size=30), st.integers(0, 8))
def test_any_numbering_is_ordered(tmp_path_factory, numbers, padding):
    folder = tmp_path_factory.mktemp("video")
    fill(folder, *(f"{number:0{padding}d}.jpg" for number in numbers))
    assert [int(path.stem) for path in frame_files(folder)] == sorted(numbers)


def test_other_files_are_ignored(tmp_path):
    rubbish = ("Thumbs.db", ".DS_Store", "._1.jpg", ".2.jpg", "notes.txt", "3", "4.jpg.part")
    assert names(fill(tmp_path / "video", "1.jpg", "2.jpg", *rubbish)) == ["1.jpg", "2.jpg"]


def test_a_folder_without_frames_and_a_missing_folder_are_errors(tmp_path):
    with pytest.raises(MediaError, match="video: contains no frames"):
        frame_files(fill(tmp_path / "video", "Thumbs.db"))
    with pytest.raises(MediaError, match="none: No such file"):
        frame_files(tmp_path / "none")
    with pytest.raises(MediaError, match=r"notes\.txt: Not a directory"):
        frame_files(fill(tmp_path / "other", "notes.txt") / "notes.txt")


@pytest.mark.parametrize(
    ("frames", "problems"),
    [
        ("1 2 3", []),
        ("0 1 2", []),
        ("0001 0002", []),
        ("1", []),
        ("a b", []),
        ("", []),
        ("f1 f2 cover", []),
        ("clip7-1 clip7-2 clip7-3", []),
        ("3of12 4of13", []),
        ("1 2 4", ["frame 3 is missing"]),
        ("2 3", ["frame 1 is missing"]),
        ("7", ["frame 1, 2, 3, 4, 5, 6 is missing"]),
        ("clip7-1 clip7-3", ["frame 2 is missing"]),
        ("1 2 02 3", ["frame 2 is duplicated"]),
        ("1 01 4", ["frame 2, 3 is missing", "frame 1 is duplicated"]),
        ("1 20", ["frame 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 (and 8 more) is missing"]),
        (
            f"1 {10**30}",
            [f"frame 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 (and {10**30 - 12} more) is missing"],
        ),
    ],
)
def test_gaps_and_duplicates_in_the_numbers_are_reported(frames, problems):
    assert numbering_problems([Path(f"{stem}.jpg") for stem in frames.split()]) == problems


@given(st.integers(0, 3000), st.integers(1, 3000))
def test_selected_frames_are_spread_evenly(count, at_most):
    chosen = spread(count, at_most)
    assert len(chosen) == min(count, at_most)
    assert chosen == sorted(set(chosen))
    assert all(0 <= index < count for index in chosen)
    if chosen:
        assert chosen[0] == 0
    if len(chosen) > 1:
        assert chosen[-1] == count - 1
        steps = [after - before for before, after in pairwise(chosen)]
        assert max(steps) - min(steps) <= 1


def test_the_selection_is_deterministic():
    assert spread(12, 4) == [0, 4, 7, 11]
    assert spread(100, 5) == [0, 25, 50, 74, 99]

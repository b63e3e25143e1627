"""Drawing marks: where they are, that nothing else changes, and what is kept on disk."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import time
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from instit_bench.datasets.masks import read_masks
from instit_bench.media import MediaError, load_image, video_frames
from instit_bench.media.drawn import drawn_medium
from instit_bench.media.marks import Drawing, colour_of, draw_marks
from instit_bench.media.masks import decode
from instit_bench.media.placing import Places, nearest_to_centre
from instit_bench.resources import demo_data
from instit_bench.types import ImagePart, Mask, VideoPart

BENCH = demo_data() / "Inst-It-Bench"
STYLES = ("number", "box", "contour", "mask")
WHITE = (255, 255, 255)


def rectangle(size: tuple[int, int], left: int, top: int, right: int, bottom: int) -> Mask:
    """Return the mask of a rectangle, without its right and lower edges."""
    width, height = size
    column = [top, bottom - top, height - bottom]
    runs = [height * left + column[0]]
    for _ in range(left, right - 1):
        runs += [column[1], column[2] + column[0]]
    runs += [column[1], column[2] + height * (width - right)]
    return Mask(height, width, tuple(runs))


SIZE = (200, 160)
MARKS = {"1": rectangle(SIZE, 20, 30, 80, 90), "12": rectangle(SIZE, 120, 40, 180, 150)}


def drawn(style: str, marks=MARKS, renamed=None, size=SIZE) -> Image.Image:
    blank = Image.new("RGB", size, WHITE)
    return draw_marks(blank, marks, Drawing(style, renamed or {}), "image")  # type: ignore[arg-type]


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


@pytest.mark.parametrize("style", STYLES)
def test_every_style_numbers_the_centre_and_leaves_the_rest(style):
    image = drawn(style)
    changed = np.asarray(image).min(axis=2) < 255
    for mask in MARKS.values():
        area = decode(mask, "m")
        x, y = nearest_to_centre(area, area)
        assert changed[y - 4 : y + 5, x - 4 : x + 5].mean() > 0.4
        changed &= ~area
    assert not changed.any()


def test_box_contour_and_mask_differ_as_they_say():
    edge, inside = (20, 60), (28, 80)
    colour = rgb(colour_of("1"))
    seen = {style: (drawn(style).getpixel(edge), drawn(style).getpixel(inside)) for style in STYLES}
    assert seen["number"] == (WHITE, WHITE)
    assert seen["box"] == seen["contour"] == (colour, WHITE)
    assert seen["mask"][0] == colour
    assert seen["mask"][1] not in (colour, WHITE)


def test_a_box_is_around_a_round_shape_and_a_contour_on_it():
    ys, xs = np.mgrid[:160, :200]
    disc = (xs - 100) ** 2 + (ys - 80) ** 2 <= 50**2
    runs = np.flatnonzero(np.diff(disc.ravel(order="F"), prepend=False))
    lengths = np.diff(runs, prepend=0, append=disc.size).tolist()
    marks = {"2": Mask(160, 200, tuple(lengths))}
    colour = rgb(colour_of("2"))
    assert drawn("box", marks).getpixel((52, 31)) == colour
    assert drawn("contour", marks).getpixel((52, 31)) == WHITE
    assert drawn("contour", marks).getpixel((100, 30)) == colour


def test_renamed_marks_look_like_objects_of_those_numbers():
    swapped = {"1": MARKS["12"], "12": MARKS["1"]}
    for style in STYLES:
        renamed = drawn(style, renamed={"1": "12", "12": "1"})
        assert renamed.tobytes() == drawn(style, swapped).tobytes() != drawn(style).tobytes()


def filled(size: tuple[int, int], *boxes: tuple[int, int, int, int]) -> np.ndarray:
    area = np.zeros((size[1], size[0]), dtype=bool)
    for left, top, right, bottom in boxes:
        area[top:bottom, left:right] = True
    return area


@pytest.mark.parametrize("thick", [5, 15])
def test_the_number_of_a_concave_shape_is_on_the_shape(thick):
    """Wholly, if it is thick enough."""
    legs = ((0, 0, 60, thick), (0, 0, thick, 60), (60 - thick, 0, 60, 60))
    area = filled((60, 60), *legs)
    x, y = Places((60, 60)).place(area, (9, 13))
    assert area[y, x]
    assert area[y - 6 : y + 7, x - 4 : x + 5].all() == (thick == 15)


PLATE = (9, 13)
NESTED = ((0, 0, 80, 80), (20, 20, 60, 60), (38, 38, 41, 41))


@pytest.mark.parametrize(
    "boxes",
    [
        NESTED,
        ((10, 10, 30, 30),) * 4,  # the same mask four times
        ((40, 40, 42, 42), (42, 40, 44, 42), (44, 40, 46, 42)),  # smaller than their numbers
        ((0, 0, 2, 2), (78, 78, 80, 80), (78, 76, 80, 78)),  # in corners
    ],
)
def test_no_number_covers_another_or_is_cut_off(boxes):
    places, taken = Places((80, 80)), filled((80, 80))
    for box in sorted(boxes, key=lambda box: box[2] - box[0]):
        x, y = places.place(filled((80, 80), box), PLATE)
        plate = filled((80, 80), (x - 4, y - 6, x + 5, y + 7))
        assert plate.sum() == 9 * 13
        assert not (taken & plate).any()
        taken |= plate


def test_the_number_of_an_object_is_not_on_a_smaller_one_in_front_of_it():
    places = Places((80, 80))
    small, large = filled((80, 80), NESTED[1]), filled((80, 80), NESTED[0])
    assert places.place(small, PLATE) == (39, 39)
    x, y = places.place(large, PLATE)
    assert not small[y - 6 : y + 7, x - 4 : x + 5].any()


def test_numbers_of_nested_objects_are_all_drawn():
    marks = {f"{n}": rectangle((80, 80), *box) for n, box in enumerate(NESTED[:2], 1)}
    both = np.asarray(drawn("box", marks, size=(80, 80)))
    for mark, mask in marks.items():
        alone = np.asarray(drawn("box", {mark: mask}, size=(80, 80)))
        colour = rgb(colour_of(mark))
        assert (both == colour).all(axis=2).sum() == (alone == colour).all(axis=2).sum()


def test_a_mask_of_another_size_is_scaled_but_not_distorted():
    half = {"1": rectangle((100, 80), 10, 15, 40, 45)}
    assert drawn("mask", half).tobytes() == drawn("mask", {"1": MARKS["1"]}).tobytes()
    with pytest.raises(MediaError, match="mark 1: the mask is 160 x 160 pixels, but the image 200"):
        drawn("mask", {"1": rectangle((160, 160), 0, 0, 5, 5)})


def test_an_empty_mask_is_an_object_that_is_not_there():
    assert drawn("mask", {"1": Mask(160, 200, (32_000,))}).tobytes() == drawn("mask", {}).tobytes()


def test_a_plate_stays_within_a_tiny_image():
    assert drawn("number", {"1": Mask(1, 1, (0, 1))}, size=(1, 1)).size == (1, 1)


def masks(kind: str, name: str):
    return read_masks(BENCH / f"{kind}_instance_captions_masks.json").of(name)


def files_of(medium: ImagePart | VideoPart) -> list[Path]:
    path = medium.path
    assert path is not None
    return sorted(path.iterdir()) if path.is_dir() else [path]


@pytest.mark.parametrize("raw", ["images_raw/003.jpg", "videos_raw/1", "videos_raw/5.mp4"])
def test_a_medium_keeps_its_size_and_format_and_is_drawn_once(tmp_path, raw):
    path = BENCH / raw
    part = ImagePart(path=path) if path.suffix == ".jpg" else VideoPart(path)
    kind, name = raw[:5], path.stem
    first = drawn_medium(part, masks(kind, name), Drawing("number"), tmp_path)
    times = [file.stat().st_mtime_ns for file in files_of(first)]
    again = drawn_medium(part, masks(kind, name), Drawing("number"), tmp_path)
    assert again == first
    assert [file.stat().st_mtime_ns for file in files_of(again)] == times
    assert first.path is not None
    assert first.path.name == path.name
    assert [file.name for file in files_of(first)] == [file.name for file in files_of(part)]
    if not isinstance(part, ImagePart):
        before, after = video_frames(part, 99), video_frames(first, 99)  # type: ignore[arg-type]
    else:
        before, after = (part,), (first,)  # type: ignore[assignment]
    assert len(before) == len(after)
    for old, new in zip(before, after, strict=True):
        was, now = load_image(old), load_image(new)
        assert (was.mime, was.width, was.height) == (now.mime, now.width, now.height)
        with Image.open(BytesIO(was.data)) as a, Image.open(BytesIO(now.data)) as b:
            change = np.abs(np.asarray(a.convert("RGB"), int) - np.asarray(b.convert("RGB"), int))
        assert 0.0005 < (change.max(axis=2) > 60).mean() < 0.05  # the numbers, and only they


def test_other_content_marks_or_styles_are_other_files(tmp_path):
    path = tmp_path / "001.jpg"
    shutil.copy(BENCH / "images_raw" / "001.jpg", path)
    frames, part = masks("image", "1"), ImagePart(path=path)
    found = {drawn_medium(part, frames, Drawing(style), tmp_path / "m") for style in STYLES}  # type: ignore[arg-type]
    found.add(drawn_medium(part, frames, Drawing("box", {"1": "2", "2": "1"}), tmp_path / "m"))
    found.add(drawn_medium(part, {"": {}}, Drawing("box"), tmp_path / "m"))
    shutil.copy(BENCH / "images_raw" / "002.jpg", path)
    found.add(drawn_medium(part, frames, Drawing("box"), tmp_path / "m"))
    assert len(found) == 7
    assert not list((tmp_path / "m").glob(".part-*"))


@pytest.mark.parametrize(
    ("raw", "listed", "problem"),
    [
        ("videos_raw/2", {"9.jpg": {}}, "the masks are those of the frames 9.jpg, but there are 1"),
        ("videos_raw/5.mp4", {"17": {}}, "has 16 frames, but there are masks of frame 17"),
        ("videos_raw/5.mp4", {"a": {}}, "have no numbers to find them by"),
        ("images_raw/001.jpg", {"2.jpg": {}, "3.jpg": {}}, "the masks are those of the frames 2"),
        ("images_raw/001.jpg", {"": {"1": Mask(5, 5, (25,))}}, "001.jpg: mark 1: the mask is 5 x"),
        ("images_raw/099.jpg", {"": {}}, "099.jpg: No such file"),
    ],
)
def test_masks_that_do_not_fit_are_an_error_that_names_the_medium(tmp_path, raw, listed, problem):
    path = BENCH / raw
    part = ImagePart(path=path) if path.suffix == ".jpg" else VideoPart(path)
    with pytest.raises(MediaError, match=problem) as caught:
        drawn_medium(part, listed, Drawing("number"), tmp_path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("names", [("1", "2"), ("000001", "000002"), ("x/1.png", "x/2.png")])
def test_frames_are_found_by_name_or_number(tmp_path, names):
    mask = {"1": rectangle((360, 240), 10, 10, 60, 60)}
    frames = {names[1]: mask}
    found = drawn_medium(VideoPart(BENCH / "videos_raw" / "2"), frames, Drawing("box"), tmp_path)
    wanted = drawn_medium(
        VideoPart(BENCH / "videos_raw" / "2"), {"2.jpg": mask}, Drawing("box"), tmp_path
    )
    assert found == wanted


@pytest.mark.parametrize("raw", ["images_raw/001.jpg", "videos_raw/1", "videos_raw/5.mp4"])
def test_a_full_disk_is_a_fault_of_the_folder_not_of_the_medium(tmp_path, raw):
    path = BENCH / raw
    part = ImagePart(path=path) if path.suffix == ".jpg" else VideoPart(path)
    found = masks(raw[:5], path.stem)
    code = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(MediaError, match="File too large") as caught:
            drawn_medium(part, found, Drawing("box"), tmp_path / "m")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, code)
    assert f"{tmp_path / 'm'}: File too large" in str(caught.value)
    assert "decoded" not in str(caught.value)
    assert not list((tmp_path / "m").iterdir())


@pytest.mark.parametrize(("kind", "mode"), [("JPEG", "RGB"), ("JPEG", "CMYK"), ("PNG", "RGB")])
def test_masks_count_stored_pixels_and_the_drawn_image_is_turned_like_the_raw_one(
    tmp_path, kind, mode
):
    sideways = Image.Exif()
    sideways[ExifTags.Base.Orientation] = 6  # turn clockwise
    raw = tmp_path / "1.img"
    Image.new(mode, SIZE, "white" if mode == "RGB" else (0, 0, 0, 0)).save(raw, kind, exif=sideways)
    frames = {"": {"1": MARKS["1"]}}
    part = drawn_medium(ImagePart(path=raw), {"1": frames[""]}, Drawing("mask"), tmp_path / "d")
    sent = load_image(part)  # type: ignore[arg-type]
    assert (sent.width, sent.height) == (160, 200)
    with Image.open(BytesIO(sent.data)) as image:
        changed = np.asarray(image.convert("RGB")).min(axis=2) < 200
    shown = np.rot90(decode(MARKS["1"], "m"), -1)
    assert (changed == shown).mean() > 0.99


def test_what_a_killed_process_left_is_removed_after_a_day(tmp_path):
    old, new = tmp_path / ".part-old", tmp_path / ".part-new"
    for folder in (old, new):
        (folder / "1").mkdir(parents=True)
    os.utime(old, (time.time() - 25 * 3600,) * 2)
    raw = BENCH / "images_raw/003.jpg"
    drawn_medium(ImagePart(path=raw), masks("image", "003"), Drawing("number"), tmp_path)
    assert (old.exists(), new.exists()) == (False, True)

"""Resolving a request with media paths into one with all images loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from instit_bench.datasets.inst_it import read_inst_it
from instit_bench.datasets.source import open_source
from instit_bench.media import MediaError, load_image, resolve_media
from instit_bench.resources import demo_data
from instit_bench.types import (
    GenerationParams,
    ImagePart,
    Message,
    Part,
    Request,
    Sample,
    TextPart,
    VideoPart,
)

BENCH = demo_data() / "Inst-It-Bench"
PICTURE = ImagePart(path=BENCH / "images_vpt" / "001.jpg")


def request(*parts: Part) -> Request:
    messages = (Message("system", (TextPart("be brief"),)), Message("user", parts))
    sample = Sample(task="t", id="1", doc={}, target="A", cluster="1")
    return Request(sample, messages, GenerationParams(), "chat")


def resolved(*parts: Part, max_frames: int = 32) -> tuple[Part, ...]:
    before = request(*parts)
    after = resolve_media(before, max_frames)
    assert (after.sample, after.params, after.form) == (before.sample, before.params, "chat")
    assert after.messages[0] == before.messages[0]
    assert [message.role for message in after.messages] == ["system", "user"]
    return after.messages[1].parts


def test_text_and_images_keep_their_content_and_order():
    parts = (TextPart("a"), PICTURE, TextPart("b"), ImagePart(data=PICTURE.path.read_bytes()))
    assert resolved(*parts) == parts


def test_a_video_folder_is_replaced_by_its_frames():
    folder = BENCH / "videos_vpt" / "1"
    frames = tuple(ImagePart(path=folder / f"{number}.jpg") for number in range(1, 13))
    parts = resolved(TextPart("a"), VideoPart(folder), TextPart("b"))
    assert parts == (TextPart("a"), *frames, TextPart("b"))


@pytest.mark.parametrize(
    ("max_frames", "numbers"), [(1, [1]), (2, [1, 12]), (4, [1, 5, 8, 12]), (12, range(1, 13))]
)
def test_too_many_frames_are_sampled_evenly(max_frames, numbers):
    parts = resolved(VideoPart(BENCH / "videos_vpt" / "1"), max_frames=max_frames)
    assert [int(part.path.stem) for part in parts] == list(numbers)


@pytest.mark.parametrize("max_frames", [3, 16, 32])
def test_a_video_file_becomes_images(max_frames):
    parts = resolved(VideoPart(BENCH / "videos_vpt" / "5.mp4"), max_frames=max_frames)
    assert len(parts) == min(max_frames, 16)
    assert {load_image(part).mime for part in parts} == {"image/jpeg"}
    assert {(load_image(part).width, load_image(part).height) for part in parts} == {(320, 240)}


@pytest.mark.parametrize(
    "config", ["image_multi_choice", "image_open_ended", "video_multi_choice", "video_open_ended"]
)
def test_all_media_of_the_demo_exist(config):
    dataset = read_inst_it(config, open_source("demo"))
    kind, field = (ImagePart, "image") if "image" in config else (VideoPart, "video_path")
    for doc in dataset.docs:
        assert resolved(kind(path=dataset.media_root / doc[field]))


def test_the_real_frames_are_pngs_under_other_names(shared_data):
    parts = resolved(VideoPart(shared_data / "inst_it" / "videos_vpt" / "1"))
    assert [int(part.path.stem) for part in parts] == list(range(1, 13))
    assert {load_image(part).mime for part in parts} == {"image/png"}


@pytest.fixture
def video(tmp_path):
    folder = tmp_path / "video"
    folder.mkdir()
    for number in range(1, 6):
        (folder / f"{number}.jpg").write_bytes(PICTURE.path.read_bytes())
    return folder


def refused(part: Part, max_frames: int = 32) -> str:
    with pytest.raises(MediaError) as caught:
        resolved(part, max_frames=max_frames)
    return str(caught.value)


def test_a_broken_frame_is_named(video):
    (video / "3.jpg").write_bytes(PICTURE.path.read_bytes()[:2000])
    assert refused(VideoPart(video)) == f"{video / '3.jpg'}: the file is truncated"


def test_a_broken_frame_that_is_not_selected_does_no_harm(video):
    (video / "3.jpg").write_bytes(b"")
    assert len(resolved(VideoPart(video), max_frames=2)) == 2


@pytest.mark.parametrize("name", ["no", "no.mp4", "x" * 300, "nul\0"])
@pytest.mark.parametrize("kind", [ImagePart, VideoPart])
def test_missing_media_are_named(tmp_path: Path, kind, name):
    assert refused(kind(path=tmp_path / name)).startswith(str(tmp_path / name))


def test_an_empty_folder_is_named(tmp_path):
    assert refused(VideoPart(tmp_path)) == f"{tmp_path}: contains no frames"

"""How media are sent to an engine on the same machine: by path, in their original bytes."""

from __future__ import annotations

import base64

import pytest
from PIL import Image

from instit_bench.backends.vllm.content import content
from instit_bench.resources import demo_data
from instit_bench.types import ImagePart, TextPart, VideoPart

PICTURE = demo_data() / "Inst-It-Bench/images_vpt/001.jpg"
VIDEOS = demo_data() / "Inst-It-Bench/videos_vpt"


def address(part, readable=None, max_frames=32):
    found = content(part, readable, max_frames)
    return found[found["type"]]["url"]


def inline(url):
    head, _, data = url.partition(b",")
    return head.decode(), base64.b64decode(data)


def test_an_image_that_the_engine_may_read_is_sent_by_path():
    assert address(ImagePart(path=PICTURE), demo_data().resolve()) == PICTURE.resolve().as_uri()


@pytest.mark.parametrize("readable", [None, VIDEOS.resolve()])
def test_any_other_image_is_sent_inline_in_its_original_bytes(readable):
    head, data = inline(address(ImagePart(path=PICTURE), readable))
    assert head == "data:image/jpeg;base64"
    assert data == PICTURE.read_bytes()


def test_an_image_linked_from_outside_the_folder_is_sent_inline(tmp_path):
    link = tmp_path / "1.jpg"
    link.symlink_to(PICTURE)
    assert address(ImagePart(path=link), tmp_path.resolve()).startswith(b"data:")


def test_an_image_with_transparency_is_converted_and_sent_inline(tmp_path):
    path = tmp_path / "1.jpg"
    Image.new("RGBA", (4, 4), (255, 0, 0, 90)).save(path, format="PNG")
    head, data = inline(address(ImagePart(path=path), tmp_path.resolve()))
    assert head == "data:image/png;base64"
    assert data != path.read_bytes()


def test_a_name_with_spaces_and_special_characters_is_quoted(tmp_path):
    path = tmp_path / "a b#1%.jpg"
    path.write_bytes(PICTURE.read_bytes())
    assert address(ImagePart(path=path), tmp_path.resolve()).endswith("/a%20b%231%25.jpg")


def test_a_video_file_is_sent_by_path_or_inline():
    video = VideoPart(next(VIDEOS.glob("*.mp4")))
    assert address(video, VIDEOS.resolve()) == video.path.resolve().as_uri()
    head, data = inline(address(video))
    assert head == "data:video/mp4;base64"
    assert data == video.path.read_bytes()


def test_a_folder_of_frames_is_sent_as_one_video_with_the_frames_original_bytes():
    url = address(VideoPart(VIDEOS / "1"), VIDEOS.resolve(), max_frames=3)
    head, *frames = url.split(b",")
    assert head == b"data:video/jpeg;base64"
    wanted = [(VIDEOS / f"1/{number}.jpg").read_bytes() for number in (1, 7, 12)]
    assert [base64.b64decode(frame) for frame in frames] == wanted


def test_text_is_sent_as_text():
    assert content(TextPart("Q"), None, 1) == {"type": "text", "text": "Q"}

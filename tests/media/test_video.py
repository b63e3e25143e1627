"""Video files: decord and PyAV return the same frames, and a broken file is one clear error."""

from __future__ import annotations

from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from instit_bench.media import MediaError
from instit_bench.media.frames import spread
from instit_bench.media.video import decode_video
from instit_bench.resources import demo_data

DEMO = demo_data() / "Inst-It-Bench" / "videos_vpt" / "5.mp4"


def make_video(path: Path, frames: int = 40, codec: str = "mpeg4", size: int = 64) -> Path:
    """Write a video in which every frame has a different grey and a moving square."""
    with av.open(str(path), "w") as container:
        try:
            stream = container.add_stream(codec, rate=8)
        except Exception:  # noqa: BLE001 - an FFmpeg without this encoder
            pytest.skip(f"PyAV has no encoder {codec} here")
        stream.width = stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.gop_size = 12
        stream.bit_rate = 4_000_000
        for number in range(frames):
            picture = np.full((size, size, 3), 40 + 4 * number, np.uint8)
            picture[:16, number : number + 16] = (255, 0, 0)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def shown(jpegs: tuple[bytes, ...]) -> list[Image.Image]:
    images = [Image.open(BytesIO(jpeg)) for jpeg in jpegs]
    assert {image.format for image in images} <= {"JPEG"}
    return images


def grey(image: Image.Image) -> int:
    value = image.convert("L").getpixel((60, 60))
    assert isinstance(value, int)
    return value


needs_decord = pytest.mark.skipif(
    find_spec("decord") is None, reason="decord has no wheels for this platform"
)


def by_both(path: Path, max_frames: int) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    videos = decode_video(path, max_frames, "decord"), decode_video(path, max_frames, "pyav")
    assert [video.decoder for video in videos] == ["decord", "pyav"]
    assert videos[0].places == videos[1].places
    return videos[0].frames, videos[1].frames


@needs_decord
@pytest.mark.parametrize("max_frames", [1, 2, 5, 16, 32])
def test_both_decoders_give_the_same_pixels_for_the_demo(max_frames):
    ours, theirs = by_both(DEMO, max_frames)
    assert len(ours) == min(max_frames, 16)
    assert ours == theirs


@needs_decord
@pytest.mark.parametrize("codec", ["libx264", "libvpx-vp9"])
@pytest.mark.parametrize("max_frames", [3, 7, 40])
def test_both_decoders_find_the_same_frames_across_key_frames(tmp_path, codec, max_frames):
    ours, theirs = by_both(make_video(tmp_path / "x.mp4", codec=codec), max_frames)
    assert len(ours) == max_frames
    assert ours == theirs


@pytest.mark.parametrize("max_frames", [1, 4, 40, 100])
def test_frames_are_spread_over_the_video_in_order(tmp_path, max_frames):
    images = shown(decode_video(make_video(tmp_path / "x.mp4"), max_frames).frames)
    expected = [40 + 4 * number for number in spread(40, max_frames)]
    assert {image.size for image in images} == {(64, 64)}
    assert all(abs(grey(i) - want) <= 2 for i, want in zip(images, expected, strict=True))


def test_colours_keep_their_full_resolution():
    for image in shown(decode_video(DEMO, 3).frames):
        assert {component[1:3] for component in image.layer} == {(1, 1)}


BROKEN = {
    "empty.mp4": lambda film: b"",
    "text.mp4": lambda film: b"these are words and no film\n" * 50,
    "page.mp4": lambda film: b"<html><body>404</body></html>",
    "half.mp4": lambda film: film[: len(film) // 2],
    "header.mp4": lambda film: film[:64],
    "zeros.mp4": lambda film: film[:200] + bytes(len(film) - 200),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_video_is_refused_with_its_path(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(BROKEN[name](DEMO.read_bytes()))
    with pytest.raises(MediaError, match=r"cannot be decoded|truncated|contains no") as caught:
        decode_video(path, 8)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("name", ["no.mp4", "x" * 300, "nul\0.mp4"])
def test_a_missing_video_is_refused_with_its_path(tmp_path, name):
    with pytest.raises(MediaError) as caught:
        decode_video(tmp_path / name, 8)
    assert str(caught.value).startswith(str(tmp_path / name))


def test_a_video_is_decoded_again_only_if_it_changes(tmp_path):
    path = make_video(tmp_path / "x.mp4", frames=4)
    first = decode_video(path, 8)
    assert decode_video(path, 8) is first
    assert len(decode_video(path, 2).frames) == 2
    make_video(path, frames=6)
    assert len(decode_video(path, 8).frames) == 6

"""Real-world video files: every container gives its frames in order or an error with the reason."""

from __future__ import annotations

import math
import struct
from contextlib import suppress
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from instit_bench.media import MediaError, video_frames
from instit_bench.media.frames import spread
from instit_bench.media.video import decode_video
from instit_bench.types import VideoPart
from tests.field.numbered import SIZE, Film, number_in, numbers_in, numbers_stored_in, refused

B_FRAMES = {"bf": "2"}
X264 = {"bf": "3", "b_strategy": "0"}
OPEN_GOP = {"x264-params": "open-gop=1:bframes=3:b-adapt=0:keyint=12:min-keyint=12:scenecut=0"}
X265 = {"x265-params": "log-level=none:bframes=3"}
VPX = {"deadline": "realtime", "auto-alt-ref": "1", "lag-in-frames": "16"}
SVT = {"preset": "8", "crf": "5"}
FILMS = {
    "mp4 h264": Film(".mp4", "libx264", X264),
    "mp4 h264 open gop": Film(".mp4", "libx264", OPEN_GOP),
    "mp4 h264 fragmented": Film(".mp4", "libx264", X264, {"movflags": "frag_keyframe+empty_moov"}),
    "mkv h264 intra refresh": Film(".mkv", "libx264", {"x264-params": "intra-refresh=1:bframes=0"}),
    "ts h264 intra refresh": Film(".ts", "libx264", {"x264-params": "intra-refresh=1:bframes=0"}),
    "ts hevc": Film(".ts", "libx265", X265),
    "mp4 h264 one keyframe": Film(".mp4", "libx264", X264, gop=1000),
    "mp4 hevc": Film(".mp4", "libx265", X265),
    "mp4 mpeg-4": Film(".mp4", "mpeg4", B_FRAMES),
    "mp4 av1": Film(".mp4", "libsvtav1", SVT, bit_rate=0),
    "mp4 av1 by aom": Film(".mp4", "libaom-av1", {"cpu-used": "8"}),
    "mov prores": Film(".mov", "prores_ks", pixel_format="yuv422p10le"),
    "mkv h264": Film(".mkv", "libx264", X264),
    "webm vp8": Film(".webm", "libvpx", VPX),
    "webm vp9": Film(".webm", "libvpx-vp9", VPX | {"cpu-used": "8"}),
    "webm av1": Film(".webm", "libsvtav1", SVT, bit_rate=0),
    "avi mpeg-4": Film(".avi", "mpeg4", B_FRAMES),
    "avi xvid packed": Film(".avi", "mpeg4", {"bf": "2", "flags": "+qpel"}),
    "avi h264": Film(".avi", "libx264", X264),
    "avi mjpeg": Film(".avi", "mjpeg", pixel_format="yuvj420p"),
    "avi msmpeg4": Film(".avi", "msmpeg4"),
    "mpg mpeg-1": Film(".mpg", "mpeg1video", B_FRAMES),
    "mpg mpeg-2": Film(".mpg", "mpeg2video", B_FRAMES, muxer="vob"),
    "ts h264": Film(".ts", "libx264", X264),
    "ts mpeg-2": Film(".ts", "mpeg2video", B_FRAMES),
    "bare mpeg-2": Film(".m2v", "mpeg2video", B_FRAMES),
    "bare h264": Film(".h264", "libx264", X264),
    "wmv": Film(".wmv", "wmv2"),
    "flv h264": Film(".flv", "libx264", X264),
    "gif": Film(".gif", "gif", pixel_format="rgb8"),
}
FRAMES = 60
needs_decord = pytest.mark.skipif(
    find_spec("decord") is None, reason="decord has no wheels for this platform"
)


@pytest.mark.parametrize("name", FILMS)
def test_every_container_gives_the_requested_frames(tmp_path, name):
    path = FILMS[name].make(tmp_path / f"film{FILMS[name].suffix}", FRAMES)
    for max_frames in (1, 2, 8, 32, FRAMES, 100):
        decoded = decode_video(path, max_frames)
        assert numbers_in(decoded.frames) == spread(FRAMES, max_frames)
        assert list(decoded.places) == spread(FRAMES, max_frames)


@needs_decord
@pytest.mark.parametrize(
    ("name", "fit"),
    [
        ("mp4 h264", True),
        ("mkv h264", True),
        ("webm vp9", True),
        ("mp4 h264 open gop", False),
        ("mkv h264 intra refresh", False),
        ("mp4 av1", False),
        ("avi mpeg-4", False),
        ("mpg mpeg-2", False),
        ("ts h264", False),
        ("wmv", False),
    ],
)
def test_decord_is_refused_where_it_would_count_wrong(tmp_path, name, fit):
    path = FILMS[name].make(tmp_path / f"film{FILMS[name].suffix}", FRAMES)
    if fit:
        decoded = decode_video(path, 8, "decord")
        assert decoded.decoder == "decord"
        assert numbers_in(decoded.frames) == spread(FRAMES, 8)
    else:
        assert refused(path, 8, "decord").endswith("; use --video-decoder auto or pyav")


def test_a_frame_says_where_it_comes_from(tmp_path):
    path = FILMS["mp4 h264"].make(tmp_path / "film.mp4", FRAMES)
    assert video_frames(VideoPart(path), 8)[1].origin == "film.mp4 frame 9 by pyav"


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    codec=st.sampled_from(["libx264", "mpeg4"]),
    suffix=st.sampled_from([".mp4", ".mkv"]),
    frames=st.integers(1, 80),
    gop=st.sampled_from([1, 2, 5, 12, 250]),
    b_frames=st.integers(0, 4),
    max_frames=st.integers(1, 40),
    data=st.data(),
)
def test_both_decoders_are_correct_for_all_encoder_settings(
    tmp_path, codec, suffix, frames, gop, b_frames, max_frames, data
):
    gaps = data.draw(st.lists(st.sampled_from([1, 1, 1, 2, 7]), min_size=frames, max_size=frames))
    times = [sum(gaps[:number]) for number in range(frames)]
    film = Film(suffix, codec, {"bf": str(b_frames)}, gop=gop)
    path = film.make(tmp_path / f"x{suffix}", frames, times)
    stored = numbers_stored_in(path)
    # FFmpeg's encoder for MPEG-4 may drop frames of the last group of B-frames.
    sure = max(0, frames - 2 - b_frames)
    assert stored[:sure] == list(range(sure))
    assert len(stored) > sure
    wanted = [stored[place] for place in spread(len(stored), max_frames)]
    assert numbers_in(decode_video(path, max_frames).frames) == wanted
    if find_spec("decord") is not None:
        with suppress(MediaError):  # it may refuse, but not be wrong
            assert numbers_in(decode_video(path, max_frames, "decord").frames) == wanted


class TestEditLists:
    """Frames that an editor trimmed are still in the file but not shown."""

    @staticmethod
    def trimmed(path: Path, start: int, frames: int) -> Path:
        """Rewrite the edit list of an MP4 to show ``frames`` frames, beginning at ``start``."""
        data = bytearray(path.read_bytes())
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            tick = int(1 / (stream.average_rate * stream.time_base))
        at = data.index(b"elst") + 4
        version, entries = data[at], struct.unpack(">I", data[at + 4 : at + 8])[0]
        assert (version, entries) == (0, 1)
        duration, media_time = struct.unpack(">Ii", data[at + 8 : at + 16])
        entry = struct.pack(">Ii", duration * frames // FRAMES, media_time + start * tick)
        data[at + 8 : at + 16] = entry
        path.write_bytes(data)
        return path

    @pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
    @pytest.mark.parametrize("start", [1, 7, 12, 30])
    def test_a_trimmed_start_is_not_shown(self, tmp_path, codec, start):
        film = Film(".mp4", codec, {"bf": "2"})
        path = self.trimmed(film.make(tmp_path / "x.mp4", FRAMES), start, FRAMES - start)
        decoded = decode_video(path, 8)
        shown = range(start, FRAMES)
        assert numbers_in(decoded.frames) == [shown[i] for i in spread(len(shown), 8)]

    def test_a_trimmed_end_is_not_shown(self, tmp_path):
        path = self.trimmed(FILMS["mp4 h264"].make(tmp_path / "x.mp4", FRAMES), 10, 30)
        numbers = numbers_in(decode_video(path, 100).frames)
        assert numbers == list(range(10, 10 + len(numbers)))
        assert len(numbers) in (30, 31, 32, 33)  # B-frames after the cut are included


class TestOddities:
    @pytest.mark.parametrize("name", ["mp4 h264", "mkv h264", "webm vp9", "avi mpeg-4", "wmv"])
    def test_a_video_with_one_frame(self, tmp_path, name):
        path = FILMS[name].make(tmp_path / f"x{FILMS[name].suffix}", 1)
        assert numbers_in(decode_video(path, 8).frames) == [0]

    @pytest.mark.parametrize("name", ["mp4 h264", "mkv h264", "wmv", "webm vp9"])
    def test_a_variable_frame_rate(self, tmp_path, name):
        times = [0, 1, 2, 50, 51, 52, 53, 400, 401, 402, 600, 601]
        path = FILMS[name].make(tmp_path / f"x{FILMS[name].suffix}", len(times), times)
        assert numbers_in(decode_video(path, 100).frames) == list(range(len(times)))
        assert numbers_in(decode_video(path, 4).frames) == spread(len(times), 4)

    def test_a_wrong_number_of_frames_in_the_header(self, tmp_path):
        path = FILMS["avi mpeg-4"].make(tmp_path / "x.avi", FRAMES)
        whole = path.read_bytes()
        for wrong in (0, 1, 20, 10_000):
            data = bytearray(whole)
            for tag, offset in ((b"avih", 24), (b"strh", 40)):
                at = data.index(tag) + offset
                assert int.from_bytes(data[at : at + 4], "little") == FRAMES
                data[at : at + 4] = wrong.to_bytes(4, "little")
            path.write_bytes(data)
            assert numbers_in(decode_video(path, 8).frames) == spread(FRAMES, 8), wrong

    @pytest.mark.parametrize("turn", [90, 180, 270])
    @pytest.mark.parametrize("decoder", [pytest.param("decord", marks=needs_decord), "pyav"])
    def test_a_rotated_video(self, tmp_path, turn, decoder):
        path = FILMS["mp4 h264"].make(tmp_path / "x.mp4", 4)
        data = bytearray(path.read_bytes())
        matrix = data.index(b"tkhd") + 44  # of the track's header
        cos, sin = round(math.cos(math.radians(turn))), round(math.sin(math.radians(turn)))
        turned = (cos, -sin, 0, sin, cos, 0, 0, 0)
        data[matrix : matrix + 32] = struct.pack(">8i", *(value << 16 for value in turned))
        path.write_bytes(data)
        with av.open(str(path)) as container:
            assert (next(container.decode(video=0)).rotation - turn) % 360 == 0
        for number, jpeg in enumerate(decode_video(path, 8, decoder).frames):
            seen = Image.open(BytesIO(jpeg))
            assert seen.size == (SIZE if turn == 180 else SIZE[::-1])
            buffer = BytesIO()
            seen.rotate(-turn, expand=True).save(buffer, "PNG")
            assert number_in(buffer.getvalue()) == number

    def test_a_title_that_is_not_utf_8(self, tmp_path):
        path = FILMS["avi mpeg-4"].make(tmp_path / "x.avi", 5)
        data = path.read_bytes()
        at = data.index(b"Lavf")
        path.write_bytes(data[:at] + b"\xe9\xff\xfe\xe8" + data[at + 4 :])
        assert numbers_in(decode_video(path, 8).frames) == list(range(5))

    def test_a_name_that_looks_like_an_address(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        for name in ("concat:a.mp4", "x%03d.mp4", "-i.mp4", "http:x.mp4", "é 🎬.mp4"):
            FILMS["mp4 h264"].make(tmp_path / "made.mp4", 5).rename(tmp_path / name)
            assert numbers_in(decode_video(Path(name), 8).frames) == list(range(5))


class TestCutShort:
    """A truncated file is never read silently, if its container makes truncation detectable."""

    @pytest.mark.parametrize(
        "name", ["mp4 h264", "mp4 h264 fragmented", "mkv h264", "webm vp9", "avi mpeg-4", "wmv"]
    )
    @pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
    def test_a_truncated_file_is_refused(self, tmp_path, name, share):
        path = FILMS[name].make(tmp_path / f"x{FILMS[name].suffix}", FRAMES)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])
        assert "truncated" in refused(path)

    def test_a_truncated_mp4_with_its_index_at_the_front_is_refused(self, tmp_path):
        film = Film(".mp4", "libx264", X264, {"movflags": "faststart"})
        path = film.make(tmp_path / "x.mp4", FRAMES)
        path.write_bytes(path.read_bytes()[:-10])
        assert refused(path) == "the file is truncated: at least 10 bytes are missing"

    def test_a_truncated_transport_stream_gives_the_frames_it_has(self, tmp_path):
        path = FILMS["ts h264"].make(tmp_path / "x.ts", FRAMES)
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
        decoded = decode_video(path, 100)
        assert len(decoded.frames) == len(decoded.places) > 20
        numbers = numbers_in(decoded.frames)
        assert numbers == sorted(set(numbers))

    @pytest.mark.parametrize("name", ["ts hevc", "ts h264", "ts mpeg-2"])
    @pytest.mark.parametrize("max_frames", [4, 100])
    def test_a_recording_that_begins_anywhere_begins_with_its_first_keyframe(
        self, tmp_path, name, max_frames
    ):
        def stamps(keyframes=False):
            with av.open(str(path)) as container:
                return sorted(
                    packet.pts
                    for packet in container.demux(video=0)
                    if packet.size and (packet.is_keyframe or not keyframes)
                )

        path = FILMS[name].make(tmp_path / "x.ts", FRAMES)
        before = stamps()
        packets = [path.read_bytes()[at : at + 188] for at in range(0, path.stat().st_size, 188)]
        # The tables of the stream, which broadcasts repeat, and what comes after a third of it.
        path.write_bytes(b"".join(packets[:3] + packets[len(packets) // 3 :]))
        numbers = numbers_in(decode_video(path, max_frames).frames)
        first, keyframe = numbers[0], before.index(stamps(keyframes=True)[0])
        assert keyframe - 2 <= first <= keyframe  # its leading B-frames may be complete
        assert numbers == [first + place for place in spread(FRAMES - first, max_frames)]

    @pytest.mark.parametrize("name", ["ts hevc", "ts h264", "ts mpeg-2"])
    @pytest.mark.parametrize("max_frames", [8, 100])
    def test_a_lost_packet_of_a_broadcast_never_gives_a_broken_frame(
        self, tmp_path, name, max_frames
    ):
        path = FILMS[name].make(tmp_path / "x.ts", FRAMES)
        packets = [path.read_bytes()[at : at + 188] for at in range(0, path.stat().st_size, 188)]
        refusals = 0
        for lost in range(7, len(packets), len(packets) // 15):
            path.write_bytes(b"".join(packets[:lost] + packets[lost + 1 :]))
            try:
                numbers = numbers_in(decode_video(path, max_frames).frames)
            except MediaError as error:
                refusals += "damaged" in str(error)
            else:
                assert numbers == sorted(set(numbers))
        assert refusals

    @pytest.mark.parametrize("max_frames", [8, 100])
    def test_a_frame_that_refers_to_a_damaged_one_is_refused(self, tmp_path, max_frames):
        source = FILMS["mp4 h264"].make(tmp_path / "x.mp4", FRAMES)
        with av.open(str(source)) as container:
            places = [(packet.pos, packet.size) for packet in container.demux(video=0)]
        refusals = 0
        for position, size in places[1:FRAMES:3]:
            data = bytearray(source.read_bytes())
            data[position + size // 2 : position + size] = (bytes(range(255, 0, -1)) * 9)[
                : size - size // 2
            ]
            path = tmp_path / "damaged.mp4"
            path.write_bytes(data[: source.stat().st_size])
            try:
                numbers = numbers_in(decode_video(path, max_frames, "pyav").frames)
            except MediaError as error:
                refusals += "damaged" in str(error)
            else:
                assert numbers == spread(FRAMES, max_frames)
        assert refusals

    @pytest.mark.parametrize("name", ["mp4 h264", "wmv"])
    def test_a_file_with_a_gap_is_refused(self, tmp_path, name):
        path = FILMS[name].make(tmp_path / f"x{FILMS[name].suffix}", FRAMES)
        data = bytearray(path.read_bytes())
        middle = len(data) // 2
        data[middle : middle + 900] = bytes(900)
        path.write_bytes(data)
        assert "damaged" in refused(path, 100)

"""Media files that would take too much, are no media, or are wanted by several at once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PIL import Image

from instit_bench.media import MediaError, limits, load_image, video, video_frames
from instit_bench.media.cache import FileCache
from instit_bench.media.names import IMAGE_SUFFIXES, names_image, names_video
from instit_bench.media.video import decode_video
from instit_bench.types import ImagePart, VideoPart
from tests.command_line import cli_environment
from tests.field.numbered import SIZE, Film, refused

FILM = Film(".mp4", "libx264", {"bf": "3", "b_strategy": "0"})


class TestLimits:
    @pytest.mark.skipif(sys.platform == "win32", reason="needs named pipes")
    @pytest.mark.parametrize("name", ["x.jpg", "x.mp4"])
    @pytest.mark.parametrize("kind", ["pipe", "device", "link to a device"])
    def test_devices_and_pipes_are_refused_at_once(self, tmp_path, name, kind):
        path = tmp_path / name
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "device":
            path = Path("/dev/zero")
        else:
            path.symlink_to("/dev/zero")
        part = VideoPart(path) if name == "x.mp4" else ImagePart(path=path)
        with pytest.raises(MediaError, match=r"is not a regular file \(a pipe, socket or device\)"):
            video_frames(part, 8) if isinstance(part, VideoPart) else load_image(part)

    def test_an_image_file_of_terabytes_is_refused_unread(self, tmp_path):
        path = tmp_path / "x.png"
        path.touch()
        os.truncate(path, 2**40)
        with pytest.raises(MediaError, match=r"x\.png: is larger than 256 MiB"):
            load_image(ImagePart(path=path))

    def test_image_bytes_of_excessive_size_are_refused(self, monkeypatch):
        monkeypatch.setattr(limits, "MOST_BYTES", 1000)
        with pytest.raises(MediaError, match="image in the dataset: is larger than"):
            load_image(ImagePart(data=bytes(1001)))

    def test_an_image_with_too_many_pixels_is_refused_undecoded(self, tmp_path):
        path = tmp_path / "x.png"
        Image.new("1", (13_000, 13_000)).save(path)
        with pytest.raises(MediaError, match=r"x\.png: is 13000 x 13000 pixels; the limit is"):
            load_image(ImagePart(path=path))

    def test_a_video_with_too_many_pixels_is_refused_undecoded(self, tmp_path, monkeypatch):
        path = FILM.make(tmp_path / "x.mp4", 3)
        monkeypatch.setattr(limits, "MOST_PIXELS", SIZE[0] * SIZE[1] - 1)
        assert "a frame: is 96 x 64 pixels; the limit is" in refused(path)

    def test_decoding_a_video_has_a_time_limit(self, tmp_path, monkeypatch):
        path = FILM.make(tmp_path / "x.mp4", 3)
        monkeypatch.setattr(limits, "MOST_SECONDS", -1.0)
        assert "takes longer than" in refused(path)

    @pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
    def test_an_8k_video_is_decoded_frame_by_frame(self, tmp_path):
        film = Film(".mp4", "libx264", {"preset": "ultrafast"}, size=(7680, 4096))
        path = film.make(tmp_path / "x.mp4", 16)  # 96 MiB each
        program = (
            "import sys; from pathlib import Path\n"
            "from instit_bench.media.video import decode_video\n"
            "video = decode_video(Path(sys.argv[1]), 16)\n"
            "status = Path('/proc/self/status').read_text()\n"
            "print(len(video.frames), status.split('VmHWM:')[1].split()[0])\n"
        )
        command = [sys.executable, "-c", program, str(path)]
        done = subprocess.run(
            command, env=cli_environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        frames, peak_kib = map(int, done.stdout.split())
        assert frames == 16
        assert peak_kib < 2**20  # all frames at once are 1.5 GiB

    def test_texts_and_playlists_are_not_videos(self, tmp_path):
        FILM.make(tmp_path / "secret.mp4", 3)
        for name, text in {
            "list.mp4": f"ffconcat version 1.0\nfile {tmp_path}/secret.mp4\n",
            "play.mp4": f"#EXTM3U\n#EXTINF:1,\n{tmp_path}/secret.mp4\n#EXT-X-ENDLIST\n",
            "text.txt": "words " * 500,
        }.items():
            (tmp_path / name).write_text(text)
            assert "cannot be decoded" in refused(tmp_path / name)


class TestAtOnce:
    def test_a_file_is_decoded_once_and_does_not_block_others(self, tmp_path, monkeypatch):
        slow = FILM.make(tmp_path / "slow.mp4", 5)
        quick = FILM.make(tmp_path / "quick.mp4", 7)
        entered, go_on, started = threading.Event(), threading.Event(), []
        real = video.read_index

        def watched(path, deadline):
            started.append(path.name)
            if path == slow:
                entered.set()
                assert go_on.wait(60)
            return real(path, deadline)

        monkeypatch.setattr(video, "read_index", watched)
        monkeypatch.setattr(video, "_decoded", FileCache(lambda _: 1, 100, at_once=2))
        found: list[int] = []
        threads = [
            threading.Thread(target=lambda: found.append(len(decode_video(slow, 8).frames)))
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        assert entered.wait(60)
        assert len(decode_video(quick, 8).frames) == 7  # while the slow one is at work
        go_on.set()
        for thread in threads:
            thread.join()
        assert found == [5, 5, 5]
        assert sorted(started) == ["quick.mp4", "slow.mp4"]


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES))
def test_a_path_with_an_image_suffix_is_an_image(tmp_path, suffix):
    assert names_image(tmp_path / f"a{suffix.upper()}")
    assert not names_video(tmp_path / f"a{suffix}")
    folder = tmp_path / "frames"
    folder.mkdir()
    (folder / f"1{suffix}").touch()
    assert len(video_frames(VideoPart(folder), 8)) == 1

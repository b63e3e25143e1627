"""Measure how long it takes to extract frames from a long video, with PyAV and with decord.

``python -m benchmarks.video_decoding [VIDEO]`` uses a generated clip with moving content by
default. For each number of frames it prints the best of several passes, and whether both readers
give the same pixels. Every pass opens the file again and includes checking the timestamps and
encoding as JPEG. The last two times are decord's own ``get_batch`` without checks, and demuxing
alone.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np

from instit_bench.media.decord_reader import UnfitForDecordError, decode_with_decord
from instit_bench.media.frames import spread
from instit_bench.media.limits import Deadline
from instit_bench.media.pyav_reader import decode, read_index
from instit_bench.media.video import encode_jpeg

RATE = 30
SIZE = (1280, 720)


def make_clip(path: Path, seconds: int) -> None:
    """Write an H.264 clip of a camera that moves over a large, detailed image."""
    width, height = SIZE
    noise = np.random.default_rng(0).integers(0, 256, (90, 160, 3), np.uint8)
    scene = np.kron(noise, np.ones((16, 16, 1), np.uint8))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(seconds * RATE):
            x = int((scene.shape[1] - width) * (0.5 + 0.5 * np.sin(number / 97)))
            y = int((scene.shape[0] - height) * (0.5 + 0.5 * np.cos(number / 61)))
            pixels = np.ascontiguousarray(scene[y : y + height, x : x + width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())


def best_of(passes: int, work: Callable[[], Any]) -> float:
    """Return the seconds of the fastest pass."""
    times = []
    for _ in range(passes):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def by_pyav(path: Path, count: int) -> dict[int, bytes]:
    """Extract the frames as a run does with PyAV."""
    deadline = Deadline()
    return decode(path, read_index(path, deadline), count, encode_jpeg, deadline)


def by_decord(path: Path, count: int) -> dict[int, bytes]:
    """Extract the frames as a run does with decord."""
    return decode_with_decord(path, read_index(path, Deadline()), count, encode_jpeg)


def bare_decord(path: Path, count: int) -> Any:
    """Extract the frames as other programs do: ``get_batch`` without checks or encoding."""
    import decord

    reader = decord.VideoReader(str(path), num_threads=1)
    return reader.get_batch(spread(len(reader), count)).asnumpy()


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "video", type=Path, nargs="?", help="a video file (default: a generated clip)"
    )
    parser.add_argument("--seconds", type=int, default=60, help="length of the generated clip")
    parser.add_argument("--passes", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        video = options.video or Path(folder, "clip.mp4")
        if options.video is None:
            make_clip(video, options.seconds)
        index = read_index(video, Deadline())
        print(
            f"{index.packets} frames, {len(index.keyframes)} keyframes, {index.codec}, "
            f"{video.stat().st_size:,} bytes; times in seconds, best of {options.passes}"
        )
        print("frames   PyAV  decord  get_batch alone  demux alone  same pixels")
        demux = best_of(options.passes, lambda: read_index(video, Deadline()))
        for count in (8, 16, 32):
            pyav = best_of(options.passes, lambda: by_pyav(video, count))  # noqa: B023
            try:
                checked = best_of(options.passes, lambda: by_decord(video, count))  # noqa: B023
                alone = best_of(options.passes, lambda: bare_decord(video, count))  # noqa: B023
                same = "yes" if by_pyav(video, count) == by_decord(video, count) else "NO"
                rest = f"{checked:7.2f}  {alone:15.2f}  {demux:11.3f}  {same}"
            except UnfitForDecordError as error:
                rest = f"      -                -  {demux:11.3f}  {error}"
            print(f"{count:6d}  {pyav:5.2f} {rest}")


if __name__ == "__main__":
    main()

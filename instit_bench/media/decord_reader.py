"""Frames of a video file by decord, if its seeking finds the right ones.

decord reports a time for each of its frames, but counts packets from a keyframe to get there and
does not report the times of what it decoded. So it is trusted only if its times equal those of
demuxing, if decode order and display order keep step, and if the container has an index, with
which seeking hits a keyframe exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from instit_bench.media.frames import spread
from instit_bench.media.pyav_reader import Encode, FrameIndex

# decord 0.6 bundles an FFmpeg of 2021 without AV1, and miscounts MPEG-4 with B-frames.
_CODECS = {"h264", "hevc", "vp8", "vp9", "mjpeg"}
_INDEXED = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"}
_MOST_PIXELS = 4096 * 2304  # it decodes several frames ahead and holds them as RGB
_TOLERANCE = 1e-3  # seconds, or relative: decord's times are single precision


class UnfitForDecordError(Exception):
    """decord cannot be trusted with this file; the message says why."""


def decode_with_decord(
    path: Path, index: FrameIndex, max_frames: int, encode: Encode
) -> dict[int, bytes]:
    """Return at most ``max_frames`` frames spread evenly over the video, by index from 0.

    They are decoded one at a time.

    Raises:
        UnfitForDecordError: decord is not installed, cannot read the file, or its frames do not
            pass the check of their timestamps.
    """
    if index.container not in _INDEXED:
        raise UnfitForDecordError(f"decord does not seek exactly in {index.container}")
    if index.times is None or not index.in_step:
        raise UnfitForDecordError("packets and frames are out of step")
    if index.codec not in _CODECS:
        raise UnfitForDecordError(f"decord cannot read the codec {index.codec}")
    if index.pixels > _MOST_PIXELS:
        raise UnfitForDecordError("decord would hold too many frames of this size in memory")
    wanted = spread(len(index.times), max_frames)
    times = [index.seconds(index.times[place]) for place in wanted]
    try:
        reader = _reader(path)
        begins = [float(begin) for begin, _ in reader.get_frame_timestamp(wanted)]
        if len(reader) == len(index.times) and _agree(begins, times):
            return {place: encode(Image.fromarray(reader[place].asnumpy())) for place in wanted}
    except Exception as error:  # decord's exceptions share no base class
        raise UnfitForDecordError(f"decord cannot read it: {error}") from error
    raise UnfitForDecordError("decord's frames fail the timestamp check")


def _reader(path: Path) -> Any:
    import decord

    decord.logging.set_level(decord.logging.QUIET)  # errors arrive as exceptions
    return decord.VideoReader(str(path.absolute()), num_threads=1)


def _agree(begins: Sequence[float], times: Sequence[float]) -> bool:
    pairs = zip(begins, times, strict=True)
    return all(abs(begin - time) <= _TOLERANCE * max(1.0, time) for begin, time in pairs)

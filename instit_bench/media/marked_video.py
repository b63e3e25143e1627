"""Write a video file again with marks on its frames: the same frames at the same times, as MP4."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from instit_bench.media.errors import MediaError
from instit_bench.media.limits import Deadline
from instit_bench.media.marks import Drawing, draw_marks
from instit_bench.media.pyav_reader import image_of, opened
from instit_bench.media.whole import check_whole
from instit_bench.types import Marks

_USUAL_RATE = Fraction(25)
_QUALITY = {"crf": "12", "preset": "veryfast", "threads": "1"}


def write_video(path: Path, marks: Mapping[int, Marks], drawing: Drawing, target: Path) -> None:
    """Write the marked video; ``marks`` has the masks by the frame's place, from 0.

    Raises:
        MediaError: The video or a mask is broken, or there are masks of frames it does not have.
        OSError: The marked one cannot be written.
    """
    import av
    import numpy as np

    deadline = Deadline()
    try:
        check_whole(path)
        with opened(path) as (source, stream), av.open(str(target), "w", format="mp4") as output:
            written: Any = None
            place = -1
            for place, frame in enumerate(source.decode(stream)):
                deadline.check()
                if frame.is_corrupt:
                    raise MediaError(f"frame {place + 1} is damaged")
                image = image_of(frame)
                where = f"{path}: frame {place + 1}"
                drawn = draw_marks(image, marks.get(place, {}), drawing, where)
                if written is None:
                    written = _stream(output, stream, drawn.size)
                marked = av.VideoFrame.from_ndarray(np.asarray(drawn), format="rgb24")
                marked.pts, marked.time_base = frame.pts, frame.time_base
                output.mux(written.encode(marked))
            if written is not None:
                output.mux(written.encode())
    except av.FFmpegError as error:
        if error.filename == str(target):
            raise OSError(error.errno, error.strerror) from error
        raise MediaError(f"{path}: cannot be decoded: {error}") from error
    if lost := [number for number in marks if number > place]:
        raise MediaError(
            f"{path}: has {place + 1} frames, but there are masks of frame {max(lost) + 1}"
        )


def _stream(output: Any, source: Any, size: tuple[int, int]) -> Any:
    stream = output.add_stream("libx264", rate=source.average_rate or _USUAL_RATE)
    stream.width, stream.height = size
    # The usual format stores colours for two by two pixels.
    stream.pix_fmt = "yuv444p" if size[0] % 2 or size[1] % 2 else "yuv420p"
    stream.codec_context.time_base = source.time_base
    stream.options = dict(_QUALITY)
    return stream

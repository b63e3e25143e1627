"""Video files whose frames contain their own number, drawn so that it survives compression."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from instit_bench.media import MediaError
from instit_bench.media.video import decode_video, encode_jpeg

BLOCK = 16  # pixels
BITS = 12  # in rows of four; the last four are a check
SIZE = (96, 64)  # width, height


def picture(number: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Return an RGB array whose blocks encode ``number`` (0 to 255) and a checksum."""
    width, height = size
    pixels = np.full((height, width, 3), 128, np.uint8)
    pixels[:, :, 0] = 100 + number % 50  # frames differ outside the code too
    scale_x, scale_y = width // SIZE[0] * BLOCK, height // SIZE[1] * BLOCK
    code = number | (number * 7 % 16) << 8
    for bit in range(BITS):
        row, column = divmod(bit, 4)
        value = 235 if code >> bit & 1 else 20
        pixels[row * scale_y : (row + 1) * scale_y, column * scale_x : (column + 1) * scale_x] = (
            value
        )
    return pixels


def number_in(jpeg: bytes) -> int:
    """Return the number drawn in a frame."""
    image = Image.open(BytesIO(jpeg)).convert("L")
    block_x, block_y = image.width // SIZE[0] * BLOCK, image.height // SIZE[1] * BLOCK
    code = 0
    for bit in range(BITS):
        row, column = divmod(bit, 4)
        point = (column * block_x + block_x // 2, row * block_y + block_y // 2)
        code |= (image.getpixel(point) > 128) << bit
    number, check = code & 255, code >> 8
    assert check == number * 7 % 16, f"the frame's code {code:012b} is not legible"
    return number


def numbers_in(jpegs: Iterable[bytes]) -> list[int]:
    """Return the numbers drawn in frames."""
    return [number_in(jpeg) for jpeg in jpegs]


def numbers_stored_in(path: Path) -> list[int]:
    """The numbers of the frames that a video file holds, from a plain decode of the whole file.

    FFmpeg's encoder of MPEG-4 drops a frame before the last in some combinations of settings.
    """
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = sum(packet.size > 0 for packet in container.demux(stream))
    with av.open(str(path)) as container:
        jpegs = [encode_jpeg(frame.to_image()) for frame in container.decode(video=0)]
    assert len(jpegs) == packets
    return numbers_in(jpegs)


@dataclass(frozen=True)
class Film:
    """A kind of video file: container, codec and encoder settings."""

    suffix: str
    codec: str
    options: dict[str, str] = field(default_factory=dict)
    container: dict[str, str] = field(default_factory=dict)
    muxer: str | None = None
    gop: int = 12
    rate: int = 25
    bit_rate: int = 4_000_000  # 0 means that the options set the quality
    pixel_format: str = "yuv420p"
    size: tuple[int, int] = SIZE

    def make(self, path: Path, frames: int = 60, times: Sequence[int] | None = None) -> Path:
        """Write the video; ``times`` are the frames' timestamps in units of 1/rate s."""
        if self.codec not in av.codecs_available:
            pytest.skip(f"this build of PyAV has no encoder {self.codec}")
        with av.open(str(path), "w", format=self.muxer, options=self.container) as container:
            stream = container.add_stream(self.codec, rate=self.rate, options=self.options)
            stream.width, stream.height = self.size
            stream.pix_fmt = self.pixel_format
            stream.codec_context.gop_size = self.gop
            stream.bit_rate = self.bit_rate
            stream.codec_context.thread_count = 1
            for number in range(frames):
                frame = av.VideoFrame.from_ndarray(picture(number, self.size), format="rgb24")
                frame.pts = number if times is None else times[number]
                frame.time_base = Fraction(1, self.rate)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path


def refused(path: Path, max_frames: int = 8, decoder: str = "auto") -> str:
    with pytest.raises(MediaError) as caught:
        decode_video(path, max_frames, decoder)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")

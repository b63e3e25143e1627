"""Frames of a video file by PyAV: found by their exact timestamps, else by counting.

A file is first demuxed without decoding, for the timestamps and keyframes of its video stream.
Frames are then decoded from the keyframe before them, and a frame counts only if it has exactly the
requested timestamp. If timestamps are missing, duplicated or not found (AVI with B-frames,
interlaced streams), every frame is decoded and counted.
"""

from __future__ import annotations

import os
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, groupby, pairwise
from pathlib import Path
from typing import Any

from PIL import Image

from instit_bench.media.errors import MediaError
from instit_bench.media.frames import spread
from instit_bench.media.limits import Deadline, check_pixels
from instit_bench.media.restarts import Beginning, Restart, restart_at

# Allowed inputs: no playlists that name other files, no texts or images drawn as frames.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,avi,matroska,webm,mpeg,mpegts,mpegvideo,m4v,h264,hevc,av1,obu,ivf,"
    "asf,flv,ogg,mxf,nut,rm,vc1,dv,gif,apng,wtv,swf,nsv,roq,amv"
)
_OPTIONS = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}
# Containers that store presentation times; others store decoding times, which differ if
# frames are reordered.
_TELL_TIMES = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "mpegts", "mpeg", "flv"}
# Containers whose header stores the duration; for others it is guessed.
_TELL_THEIR_LENGTH = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "asf", "flv"}
# Codecs of which each packet is one frame: not half a frame, and none that is not shown.
_FRAME_PER_PACKET = {"hevc"}
# Where data are lost, FFmpeg flags the packet before, or the one before that.
_FLAGGED_EARLY = 2
_THREADS = 4

_TURNS = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)

Encode = Callable[[Image.Image], bytes]  # of one frame, in RGB


@dataclass(frozen=True, slots=True)
class FrameIndex:
    """What demuxing reports about a video stream, in the stream's time base.

    ``times`` are the timestamps of the visible frames, ascending; ``None`` if some are missing or
    duplicated, or are not presentation times. Packets at the beginning that refer to frames before
    it do not count. ``ranks`` are the frames' places in decode order, in the order of ``times``.
    ``keyframes`` are the timestamps of the frames that decoding can start from, ``decoding`` their
    decoding times, ``damaged`` the ranks of packets that lack data according to the container.
    ``in_step`` says that counting packets from any keyframe finds frames: each keyframe is clean,
    has as many frames before it in decode order as in display order, and nothing is hidden or
    damaged.
    """

    container: str
    codec: str
    pixels: int
    packets: int
    times: tuple[int, ...] | None
    ranks: tuple[int, ...]
    keyframes: tuple[int, ...]
    decoding: tuple[int, ...]
    damaged: tuple[int, ...]
    start: int
    seconds_per_tick: float
    in_step: bool

    def seconds(self, time: int) -> float:
        """Return a timestamp in seconds from the stream's start."""
        return (time - self.start) * self.seconds_per_tick

    def keyframe_before(self, time: int) -> int:
        """Return how many keyframes are not later than a frame."""
        return bisect_right(self.keyframes, time)

    def place(self, time: int) -> int:
        """Return the index of the frame with this timestamp, one of ``times``."""
        return bisect_left(self.times or (), time)

    def decoded_from(self, time: int) -> range:
        """Return the ranks of all packets that a frame may depend on: from its keyframe to it."""
        number = self.keyframe_before(time)
        start = self.ranks[self.place(self.keyframes[number - 1])] if number else 0
        return range(start, self.ranks[self.place(time)] + 1)

    def is_whole(self, time: int) -> bool:
        """Whether nothing that a frame may depend on is damaged."""
        needed = self.decoded_from(time)
        return not any(rank in needed for rank in self.damaged)

    def shown_until(self, time: int) -> int:
        """Return the timestamp of the last shown of the frames that this one may depend on."""
        needed = self.decoded_from(time)
        following = self.keyframes[self.keyframe_before(time) :][:1]  # a leading frame refers to it
        place = self.place(time)
        end = self.place(following[0]) + 1 if following else len(self.ranks)
        last = max(p for p in range(place, end) if self.ranks[p] in needed)
        return (self.times or ())[last]


def read_index(path: Path, deadline: Deadline) -> FrameIndex:
    """Demux the file once, without decoding.

    Raises:
        MediaError: It contains no video, its frames are too large, or it is truncated.
    """
    ends = 0.0
    with opened(path) as (container, stream):
        packets = _Packets(stream.codec_context.name)
        for packet in container.demux():
            deadline.check()
            if packet.size == 0:
                continue
            if packet.pts is not None:
                ends = max(ends, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            if packet.stream_index == stream.index:
                packets.add(packet)
        tick = float(stream.time_base or 0)
        _check_end(container, ends, tick * max(_gaps(sorted(packets.times)), default=0))
        return packets.index(container, stream, tick)


class _Packets:
    """The packets of a video stream, in decoding order."""

    def __init__(self, codec: str) -> None:
        self.times: list[int] = []
        self._codec = codec
        self._beginning = Beginning(codec)
        self._keys: list[tuple[int, int]] = []  # presentation and decoding time
        self._ranks: list[int] = []
        self._damaged: list[int] = []
        self._all_clean = True
        self._without_time = self._hidden = self._headless = 0

    def add(self, packet: Any) -> None:
        """Add the next packet, which is not empty."""
        lacks = self._beginning.lacks(packet)  # hidden packets may be what others refer to
        if packet.is_discard:
            self._hidden += 1
        elif packet.pts is None:
            self._without_time += 1
        elif lacks:
            self._headless += 1
        else:
            if packet.is_corrupt:
                self._damaged.extend(len(self.times) + late for late in range(_FLAGGED_EARLY + 1))
            if packet.is_keyframe:
                self._add_keyframe(packet)
            self.times.append(packet.pts)

    def _add_keyframe(self, packet: Any) -> None:
        restart = restart_at(self._codec, bytes(packet))
        self._all_clean = self._all_clean and restart is Restart.CLEAN
        if restart is not Restart.NONE or not self.times:
            self._keys.append((packet.pts, packet.pts if packet.dts is None else packet.dts))
            self._ranks.append(len(self.times))

    def index(self, container: Any, stream: Any, tick: float) -> FrameIndex:
        """Return what they say about the stream."""
        ordered = sorted(self.times)
        distinct = all(gap > 0 for gap in _gaps(ordered))
        real = container.format.name in _TELL_TIMES or not stream.codec_context.has_b_frames
        known = real and distinct and not self._without_time and bool(ordered)
        keys = [time for time, _ in self._keys]
        return FrameIndex(
            container=container.format.name,
            codec=stream.codec_context.codec.name,
            pixels=stream.codec_context.width * stream.codec_context.height,
            packets=(len(ordered) or self._headless) + self._without_time,
            times=tuple(ordered) if known else None,
            ranks=tuple(sorted(range(len(ordered)), key=self.times.__getitem__)) if known else (),
            keyframes=tuple(sorted(keys)),
            decoding=tuple(decoding for _, decoding in sorted(self._keys)),
            damaged=tuple(self._damaged),
            start=stream.start_time or 0,
            seconds_per_tick=tick,
            in_step=known
            and self._all_clean
            and not (self._hidden or self._damaged or self._headless)
            and self._ranks[:1] == [0]
            and [ordered[rank] for rank in self._ranks] == keys,
        )


def _gaps(times: Sequence[int]) -> Iterator[int]:
    return (after - before for before, after in pairwise(times))


def _check_end(container: Any, ends: float, longest_gap: float) -> None:
    """Refuse a file whose packets end well before the duration in its header."""
    if container.format.name not in _TELL_THEIR_LENGTH or not container.duration:
        return
    told = container.duration / 1e6
    found = ends - (container.start_time or 0) / 1e6
    if told - found > max(1.0, 0.05 * told, 2 * longest_gap):
        raise MediaError(
            f"the file is truncated or damaged: it should last {told:.1f} s and ends after "
            f"{max(found, 0):.1f} s"
        )


def decode(
    path: Path, index: FrameIndex, max_frames: int, encode: Encode, deadline: Deadline
) -> dict[int, bytes]:
    """Return at most ``max_frames`` frames spread evenly over the video, by index from 0.

    They are decoded one at a time.

    Raises:
        MediaError: A frame is damaged or cannot be decoded.
    """
    if index.times is not None:
        places = spread(len(index.times), max_frames)
        times = [index.times[place] for place in places]
        for place, time in zip(places, times, strict=True):
            if not index.is_whole(time):
                raise MediaError(f"frame {place + 1} is damaged")
        frames = _decode_at(path, index, times, encode, deadline)
        if frames is not None:
            return dict(zip(places, frames, strict=True))
    count = index.packets
    while True:  # a packet may contain two frames, or half of one
        places = spread(count, max_frames)
        frames, found = _decode_counting(path, index, places, encode, deadline)
        if index.codec in _FRAME_PER_PACKET and found < index.packets:
            lost = index.packets - found
            raise MediaError(f"{lost} of its frames cannot be decoded: the file is damaged")
        if found == count:
            return dict(zip(places, frames, strict=True))
        count = found


def _decode_at(
    path: Path, index: FrameIndex, wanted: Sequence[int], encode: Encode, deadline: Deadline
) -> list[bytes] | None:
    """Return the frames with exactly these timestamps; ``None`` if one is missing.

    Raises:
        MediaError: One of them is damaged, or may depend on one that is.
    """
    from av import FFmpegError

    found: list[bytes] = []
    try:
        with opened(path) as (container, stream):
            for number, group in groupby(wanted, index.keyframe_before):
                times = list(group)
                packets = _packets_from(container, stream, index, number, deadline)
                until = max(map(index.shown_until, times))
                damaged: set[int] = set()
                left = iter(times)
                time = next(left, None)
                for frame in _frames(packets, stream, times, until, deadline):
                    if frame.is_corrupt:
                        damaged.add(frame.pts)
                    if time is None or frame.pts < time:
                        continue
                    if frame.pts != time:
                        return None
                    found.append(encode(image_of(frame)))
                    time = next(left, None)
                _check_undamaged(index, times, damaged)
    except FFmpegError:
        return None
    return found if len(found) == len(wanted) else None


def _check_undamaged(index: FrameIndex, times: Sequence[int], damaged: set[int]) -> None:
    ranks = [index.ranks[index.place(time)] for time in damaged if time in (index.times or ())]
    for time in times:
        needed = index.decoded_from(time)
        if any(rank in needed for rank in ranks):
            raise MediaError(f"frame {index.place(time) + 1} is damaged")


def _packets_from(
    container: Any, stream: Any, index: FrameIndex, number: int, deadline: Deadline
) -> Iterator[Any]:
    """Yield the packets from the keyframe with this number (from 1) on; none if it is not found.

    FFmpeg may seek by decoding times (in MPEG-TS), and then ends up behind the keyframe. A decoder
    that starts there invents what it lacks: that of HEVC in FFmpeg 7 reports nothing.
    """
    if number <= 1:
        yield from container.demux(stream)
        return
    keyframe = index.keyframes[number - 1]
    for target in (keyframe, index.decoding[number - 1]):
        container.seek(target, stream=stream)
        packets = container.demux(stream)
        for packet in packets:
            deadline.check()
            if packet.pts == keyframe:
                yield from chain([packet], packets)
                return
            if packet.is_keyframe and (packet.pts or 0) > keyframe:
                break


def _frames(
    packets: Iterator[Any], stream: Any, times: Sequence[int], until: int, deadline: Deadline
) -> Iterator[Any]:
    """Yield the decoded frames up to a timestamp; those that nothing needs may be left out."""
    needed = set(times)
    for packet in packets:
        deadline.check()
        # Frames that no other frame refers to need not be decoded.
        unneeded = packet.pts is not None and packet.pts not in needed
        stream.codec_context.skip_frame = "NONREF" if unneeded else "DEFAULT"
        for frame in packet.decode():
            if frame.pts is None:
                continue
            yield frame
            if frame.pts >= until:
                return


def _decode_counting(
    path: Path, index: FrameIndex, wanted: Sequence[int], encode: Encode, deadline: Deadline
) -> tuple[list[bytes], int]:
    """Decode everything; return the frames at these positions, and the number of frames."""
    from av import FFmpegError

    found: list[bytes] = []
    count = failed = 0
    used: int | None = None  # the last wanted frame since the last keyframe, if any
    damaged = False  # a frame since then
    needed = set(wanted)
    beginning = Beginning(index.codec)
    with opened(path) as (container, stream):
        for packet in container.demux(stream):
            deadline.check()
            if index.keyframes and beginning.lacks(packet):
                continue
            try:
                frames = packet.decode()
            except FFmpegError:
                failed += 1
                continue
            for frame in frames:
                if frame.key_frame:
                    used, damaged = None, False
                damaged = damaged or frame.is_corrupt
                used = count if count in needed else used
                if damaged and used is not None:
                    raise MediaError(f"frame {used + 1} is damaged")
                if count in needed:
                    found.append(encode(image_of(frame)))
                count += 1
    if failed:
        raise MediaError(f"{failed} of its packets cannot be decoded: the file is damaged")
    return found, count


def image_of(frame: Any) -> Image.Image:
    """Return a frame as displayed: phones store upright videos on their side."""
    check_pixels(frame.width, frame.height, "a frame")
    image: Image.Image = frame.to_image()  # numpy would take longer to import than a short video
    quarter_turns = round(frame.rotation / 90) % 4
    return image.transpose(_TURNS[quarter_turns - 1]) if quarter_turns else image


@contextmanager
def opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """Open the file; yield it and its main video stream."""
    import av

    # An absolute path has no prefix that FFmpeg could take for a protocol.
    with av.open(
        str(path.absolute()), container_options=_OPTIONS, metadata_errors="replace"
    ) as container:
        stream: Any = container.streams.best("video")
        if stream is None:
            raise MediaError("contains no video")
        check_pixels(stream.codec_context.width, stream.codec_context.height, "a frame")
        stream.codec_context.thread_type = "AUTO"
        stream.codec_context.thread_count = min(_THREADS, os.cpu_count() or 1)
        yield container, stream

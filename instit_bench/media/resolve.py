"""Resolve the media that a request names into images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from zlib import crc32

from instit_bench.media.errors import MediaError
from instit_bench.media.fingerprint import crc_of
from instit_bench.media.frames import frame_files, ordered, spread
from instit_bench.media.images import check_image
from instit_bench.media.video import decode_video
from instit_bench.types import ImagePart, Part, Request, VideoDecoder, VideoPart

__all__ = ["MediaError", "resolve_media", "shown_places", "video_frames"]


def resolve_media(
    request: Request,
    max_frames: int,
    video_as: str = "frames",
    decoder: VideoDecoder = "auto",
) -> Request:
    """Replace every video by its frames, and check that every image can be read.

    With ``video_as="video"`` a video stays a video, for a backend that sends it whole. ``shown`` of
    the request has an entry per image, frame or video: its size and the CRC-32 of its content.

    Raises:
        MediaError: An image or video is missing or broken.
    """
    shown: list[str] = []
    messages = tuple(
        replace(
            message,
            parts=tuple(
                found
                for part in message.parts
                for found in _resolve(part, max_frames, video_as, decoder, shown)
            ),
        )
        for message in request.messages
    )
    return replace(request, messages=messages, shown=tuple(shown))


def _resolve(
    part: Part, max_frames: int, video_as: str, decoder: VideoDecoder, shown: list[str]
) -> tuple[Part, ...]:
    """Return what a part becomes, and append what is shown of it."""
    if isinstance(part, ImagePart):
        shown.append(_content(part))
        return (part,)
    if isinstance(part, VideoPart):
        if video_as == "video" and part.order is not None:
            raise MediaError(f"{part.path}: frames in another order cannot be sent as a video")
        if video_as == "video" and part.path.is_file():
            shown.append(f"video {crc_of(part.path):08x}")
            return (part,)
        frames = video_frames(part, max_frames, decoder)
        contents = [_content(frame) for frame in frames]
        if video_as == "video":
            shown.append(f"video of {len(frames)} frames {crc32(' '.join(contents).encode()):08x}")
            return (part,)
        shown += contents
        return frames
    return (part,)


def _content(image: ImagePart) -> str:
    checked = check_image(image)
    return f"{checked.width}x{checked.height} {checked.crc32:08x}"


def video_frames(
    part: VideoPart, max_frames: int, decoder: VideoDecoder = "auto"
) -> tuple[ImagePart, ...]:
    """Return a video's frames, spread evenly if there are more than ``max_frames``; not yet opened.

    They come in the order that the part asks for.

    Raises:
        MediaError: The video is missing or broken.
    """
    if _is_folder(part.path):
        files = frame_files(part.path, part.frames)
        frames = [ImagePart(path=files[i]) for i in spread(len(files), max_frames)]
    else:
        video = decode_video(part.path, max_frames, decoder)
        frames = [
            ImagePart(data=frame, origin=f"{part.path.name} frame {place + 1} by {video.decoder}")
            for place, frame in zip(video.places, video.frames, strict=True)
        ]
    return tuple(frames[i] for i in ordered(len(frames), part.order, part.seed))


def shown_places(part: VideoPart, max_frames: int, decoder: VideoDecoder = "auto") -> list[int]:
    """Return which frames of a video are shown, from 0, in the order in time.

    Raises:
        MediaError: The video is missing or broken.
    """
    if _is_folder(part.path):
        return spread(len(frame_files(part.path, part.frames)), max_frames)
    return list(decode_video(part.path, max_frames, decoder).places)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError as error:  # a name too long, or no permission
        raise MediaError(f"{path}: {error.strerror or error}") from error

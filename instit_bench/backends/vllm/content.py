"""Media for an engine on the same machine: by path if it may read the file, else inline."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

from instit_bench.backends.openai import plain_content
from instit_bench.backends.vllm.known import NamedImage, NamedVideo
from instit_bench.media import check_image, load_image, video_frames
from instit_bench.types import ImagePart, Part, VideoPart


def content(part: Part, readable: Path | None, max_frames: int) -> dict[str, Any]:
    """Return a part in the protocol's form, always in its original bytes if it has any.

    ``readable`` is the folder from which the engine may read. Named media carry their name, and
    nothing else if the engine has them.
    """
    if isinstance(part, NamedImage | NamedVideo):
        kind = "image_url" if isinstance(part, NamedImage) else "video_url"
        sent = {"type": kind, kind: None} if part.known else _sent(part, readable, max_frames)
        return sent | {"uuid": part.name}
    return _sent(part, readable, max_frames)


def _sent(part: Part, readable: Path | None, max_frames: int) -> dict[str, Any]:
    if isinstance(part, VideoPart):
        return {"type": "video_url", "video_url": {"url": _video_url(part, readable, max_frames)}}
    if isinstance(part, ImagePart) and part.path is not None:
        address = _address(part.path, readable)
        # An image that is not plain RGB was converted, so the file's bytes would differ.
        if address is not None and check_image(part).original:
            return {"type": "image_url", "image_url": {"url": address}}
    return plain_content(part)


def _video_url(part: VideoPart, readable: Path | None, max_frames: int) -> str | bytes:
    if part.path.is_dir():
        frames = (load_image(frame).data for frame in video_frames(part, max_frames))
        # The engine reads this form as one video of these frames.
        return b"data:video/jpeg;base64," + b",".join(map(b64encode, frames))
    address = _address(part.path, readable)
    return address or b"data:video/mp4;base64," + b64encode(part.path.read_bytes())


def _address(path: Path, readable: Path | None) -> str | None:
    """Return the file's URL if it is (links followed) in the folder that the engine may read."""
    if readable is None:
        return None
    real = path.resolve()
    return real.as_uri() if readable in real.parents else None

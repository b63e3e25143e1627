"""From lmms-eval's chat messages to requests of ours, media in their original bytes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from instit_bench.errors import InputError
from instit_bench.types import (
    GenerationParams,
    ImagePart,
    Message,
    Part,
    Request,
    Sample,
    TextPart,
    VideoPart,
)


def request_of(
    messages: Sequence[Mapping[str, Any]], settings: Mapping[str, Any], where: tuple[str, int]
) -> Request:
    """A request from what a task's ``doc_to_messages`` gives, for the record ``(task, number)``.

    Raises:
        InputError: A message holds something that no backend of ours can send.
    """
    task, number = where
    name = f"{task} {number}"
    turns = tuple(
        Message(turn["role"], tuple(p for entry in turn["content"] for p in _parts(entry, name)))
        for turn in messages
    )
    sample = Sample(task=task, id=str(number), doc={}, target="", cluster=name)
    return Request(sample, turns, params_of(settings))


def params_of(settings: Mapping[str, Any]) -> GenerationParams:
    """Sampling settings from ``generation_kwargs``; without ``do_sample`` it is greedy."""
    temperature = float(settings.get("temperature") or 0.0)
    until = settings.get("until") or ()
    return GenerationParams(
        max_tokens=int(settings.get("max_new_tokens", 1024)),
        temperature=temperature if settings.get("do_sample", True) else 0.0,
        top_p=settings.get("top_p"),
        top_k=settings.get("top_k"),
        stop=(until,) if isinstance(until, str) else tuple(until),
    )


def _parts(entry: Mapping[str, Any], where: str) -> tuple[Part, ...]:
    match entry["type"]:
        case "text":
            return (TextPart(entry["text"]),)
        case "image":
            return (image_part(entry["url"], where),)
        case "video" if isinstance(entry["url"], list | tuple):
            return tuple(image_part(frame, where) for frame in entry["url"])
        case "video":
            return (VideoPart(_local(entry["url"], where)),)
    raise InputError(f"{where}: a message holds {entry['type']!r}, which no backend here can send")


def image_part(picture: Any, where: str) -> ImagePart:
    """A picture by the file it came from, or by its bytes.

    A PIL picture is encoded, as PNG, only where it is not, pixel by pixel, what its file holds.
    """
    if isinstance(picture, Mapping):  # as in a parquet file
        picture = picture.get("bytes") or picture.get("path")
    if isinstance(picture, bytes):
        return ImagePart(data=picture)
    if isinstance(picture, str) and picture.startswith("data:"):
        try:
            return ImagePart(data=base64.b64decode(picture.partition(",")[2], validate=True))
        except binascii.Error as error:
            raise InputError(f"{where}: a picture's data address is broken: {error}") from error
    if isinstance(picture, Image.Image):
        file = _file_of(picture)
        return ImagePart(path=file) if file else ImagePart(data=_png(picture))
    return ImagePart(path=_local(picture, where))


def _file_of(picture: Image.Image) -> Path | None:
    """The file that a PIL picture was opened from, where it has not been changed since."""
    name = getattr(picture, "filename", "")
    if not name or not Path(name).is_file():
        return None
    with Image.open(name) as file:
        same = file.size == picture.size
        same = same and file.convert("RGB").tobytes() == picture.convert("RGB").tobytes()
    return Path(name).absolute() if same else None


def _png(picture: Image.Image) -> bytes:
    buffer = BytesIO()
    picture.convert("RGB").save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()


def _local(address: Any, where: str) -> Path:
    if not isinstance(address, str | Path):
        raise InputError(f"{where}: cannot send a {type(address).__name__} as a picture or video")
    if str(address).startswith(("http://", "https://")):
        raise InputError(f"{where}: {address} is no local file: download it first")
    return Path(str(address).removeprefix("file://")).absolute()

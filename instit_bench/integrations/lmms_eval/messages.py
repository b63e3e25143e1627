"""Convert lmms-eval's chat messages to our requests, with media in their original bytes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from instit_bench.errors import InputError
from instit_bench.media.errors import MediaError
from instit_bench.media.images import opened_rgb
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
    messages: Sequence[Mapping[str, Any]], settings: Mapping[str, Any], source: tuple[str, int]
) -> Request:
    """Return a request from the messages of ``doc_to_messages``, for the record ``(task, number)``.

    Raises:
        InputError: A message contains something that our backends cannot send.
    """
    task, number = source
    name = f"{task} {number}"
    try:
        turns = tuple(
            Message(
                turn["role"], tuple(part for entry in turn["content"] for part in _parts(entry))
            )
            for turn in messages
        )
    except (ValueError, MediaError) as error:
        raise InputError(f"{name}: {error}") from error
    sample = Sample(task=task, id=str(number), doc={}, target="", cluster=name)
    return Request(sample, turns, params_of(settings))


def params_of(settings: Mapping[str, Any]) -> GenerationParams:
    """Return sampling settings from ``generation_kwargs``; without ``do_sample`` it is greedy."""
    temperature = float(settings.get("temperature") or 0.0)
    until = settings.get("until") or ()
    return GenerationParams(
        max_tokens=int(settings.get("max_new_tokens", 1024)),
        temperature=temperature if settings.get("do_sample", True) else 0.0,
        top_p=settings.get("top_p"),
        top_k=settings.get("top_k"),
        stop=(until,) if isinstance(until, str) else tuple(until),
    )


def _parts(entry: Mapping[str, Any]) -> tuple[Part, ...]:
    match entry["type"]:
        case "text":
            return (TextPart(entry["text"]),)
        case "image":
            return (image_part(entry["url"]),)
        case "video" if isinstance(entry["url"], list | tuple):
            return tuple(image_part(frame) for frame in entry["url"])
        case "video":
            return (VideoPart(_local(entry["url"])),)
    raise ValueError(f"a message contains {entry['type']!r}, which no backend here can send")


def image_part(image: Any) -> ImagePart:
    """Return an image by its file, or by its bytes.

    A PIL image is only encoded, as PNG, if its pixels differ from those of its file.

    Raises:
        ValueError: It is neither, or cannot be sent.
        MediaError: A PIL image cannot be decoded.
    """
    if isinstance(image, Mapping):  # as in a parquet file
        image = image.get("bytes") or image.get("path")
    if isinstance(image, bytes):
        return ImagePart(data=image)
    if isinstance(image, str) and image.startswith("data:"):
        try:
            return ImagePart(data=base64.b64decode(image.partition(",")[2], validate=True))
        except binascii.Error as error:
            raise ValueError(f"an image's data URL is broken: {error}") from error
    if isinstance(image, Image.Image):
        file = _file_of(image)
        return ImagePart(path=file) if file else ImagePart(data=_png(image))
    return ImagePart(path=_local(image))


def _file_of(image: Image.Image) -> Path | None:
    """Return the file that a PIL image was opened from, if it has not been changed since."""
    name = getattr(image, "filename", "")
    if not name or not Path(name).is_file():
        return None
    with Image.open(name) as file:
        stored, given = opened_rgb(file), opened_rgb(image)
        same = stored.size == given.size and stored.tobytes() == given.tobytes()
    return Path(name).absolute() if same else None


def _png(image: Image.Image) -> bytes:
    buffer = BytesIO()
    opened_rgb(image).save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()


def _local(address: Any) -> Path:
    if not isinstance(address, str | Path):
        raise ValueError(  # noqa: TRY004 - one kind of error for whatever cannot be sent
            f"cannot send a {type(address).__name__} as an image or video"
        )
    if str(address).startswith(("http://", "https://")):
        raise ValueError(f"{address} is not a local file; download it first")
    return Path(str(address).removeprefix("file://")).absolute()

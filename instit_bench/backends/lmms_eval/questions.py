"""Convert a request's settings and media to the form that lmms-eval's models take."""

from __future__ import annotations

from typing import Any

from instit_bench.media import video_frames
from instit_bench.types import GenerationParams, Message, Part, TextPart, VideoPart

# lmms-eval's models need a number, and some accept none above this one.
NO_LIMIT = 4096


def limit_of(params: GenerationParams) -> int:
    """Return the maximum of new tokens; a number even if the task sets no limit."""
    return NO_LIMIT if params.max_tokens is None else params.max_tokens


def settings_of(params: GenerationParams) -> dict[str, Any]:
    """Return sampling settings as a task's ``generation_kwargs``; the process sets the seed."""
    settings: dict[str, Any] = {
        "max_new_tokens": limit_of(params),
        "do_sample": bool(params.temperature),
        "until": list(params.stop),
    }
    for name in ("temperature", "top_p", "top_k"):
        if getattr(params, name) is not None:
            settings[name] = getattr(params, name)
    return settings


def with_images(messages: tuple[Message, ...], max_frames: int) -> tuple[tuple[Message, ...], int]:
    """Replace folders of frames by images, as our tasks do inside lmms-eval.

    The number is the count of images if they are one video and nothing else is there, else 0.
    """
    seen = tuple(
        Message(
            message.role,
            tuple(image for part in message.parts for image in _images(part, max_frames)),
        )
        for message in messages
    )
    media = _media(messages)
    is_one_folder = len(media) == 1 and _is_folder(media[0])
    return seen, len(_media(seen)) if is_one_folder else 0


def _media(messages: tuple[Message, ...]) -> list[Part]:
    return [p for message in messages for p in message.parts if not isinstance(p, TextPart)]


def _images(part: Part, max_frames: int) -> tuple[Part, ...]:
    if isinstance(part, VideoPart) and _is_folder(part):
        return video_frames(part, max_frames)
    return (part,)


def _is_folder(part: Part) -> bool:
    return isinstance(part, VideoPart) and part.path.is_dir()

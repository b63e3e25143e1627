"""Show less than the question is about: no media, or one frame of a video."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from instit_bench.interventions.base import Intervention
from instit_bench.tasks.task import Task
from instit_bench.types import FrameOrder, Part, Request, TextPart, VideoPart


def without_media(request: Request) -> Request:
    """Return the request's texts alone."""
    return _parts(request, lambda part: [part] if isinstance(part, TextPart) else [])


def in_order(order: FrameOrder) -> Callable[[Request], Request]:
    """Return a function that has the frames of videos shown in another order."""

    def altered(request: Request) -> Request:
        def shown(part: Part) -> list[Part]:
            if isinstance(part, VideoPart):  # its name stays the seed if marks are drawn
                return [replace(part, order=order, seed=part.path.name)]
            return [part]

        return _parts(request, shown)

    return altered


def _parts(request: Request, of: Callable[[Part], list[Part]]) -> Request:
    messages = tuple(
        replace(message, parts=tuple(found for part in message.parts for found in of(part)))
        for message in request.messages
    )
    return replace(request, messages=messages)


def has_no_media(task: Task) -> str | None:
    """Say that a task shows nothing."""
    return "it shows no image or video" if task.config.metadata.media == "none" else None


def has_no_video(task: Task) -> str | None:
    """Say that a task shows no videos."""
    return None if task.config.metadata.media == "video" else "it shows no video"


BLIND = Intervention(
    "blind", "no image or video is sent", why_not=has_no_media, request=without_media
)
ONE_FRAME = Intervention(
    "one-frame",
    "only the middle frame of each video is sent",
    why_not=has_no_video,
    request=in_order("middle"),
    needs_frames=True,
)

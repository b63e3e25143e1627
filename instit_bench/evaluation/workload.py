"""The workload of a run for a backend: the maximum of images, the longest request."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from instit_bench.backends.base import Workload
from instit_bench.evaluation.plan import RunPlan
from instit_bench.media import MediaError, load_image, video_frames
from instit_bench.types import ImagePart, Request, TextPart, VideoPart


def workload_of(plan: RunPlan) -> Workload:
    """Examine every selected request; of the media only one image is read."""
    requests = (task.request(sample) for task in plan.tasks for sample in task.selected)
    roots = {
        task.dataset.media_root for task in plan.tasks if task.task.config.metadata.media != "none"
    }
    return workload(requests, roots, plan.config.max_frames)


def workload(requests: Iterable[Request], folders: Iterable[Path], max_frames: int) -> Workload:
    """Return the needs of these requests, whose media are in these folders."""
    images = videos = 0
    heaviest: tuple[tuple[int, int, int], Request] | None = None
    for request in requests:
        weight = _weight(request)
        videos, images = max(videos, weight[0]), max(images, weight[1])
        if heaviest is None or weight > heaviest[0]:
            heaviest = weight, request
    return Workload(
        images=images,
        videos=videos,
        max_frames=max_frames,
        media_folders=tuple(sorted(folders)),
        heaviest=heaviest[1] if heaviest else None,
        pixels=_pixels(heaviest[1]) if heaviest else 0,
    )


def _pixels(request: Request) -> int:
    """Return the pixels of a request's first image or frame."""
    parts = (part for message in request.messages for part in message.parts)
    part = next((part for part in parts if not isinstance(part, TextPart)), None)
    try:
        if isinstance(part, VideoPart) and part.path.is_dir():
            part = video_frames(part, 1)[0]
        if not isinstance(part, ImagePart):
            return 0
        image = load_image(part)
    except MediaError:
        return 0  # reported when its sample's turn comes
    return image.width * image.height


def _weight(request: Request) -> tuple[int, int, int]:
    """Return videos, images, characters: the length of a request, in this order of weight."""
    parts = [part for message in request.messages for part in message.parts]
    return (
        sum(isinstance(part, VideoPart) for part in parts),
        sum(isinstance(part, ImagePart) for part in parts),
        sum(len(message.text) for message in request.messages),
    )

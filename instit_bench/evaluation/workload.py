"""The workload of a run for a backend: the maximum of images, the longest request."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from instit_bench.backends.base import Workload
from instit_bench.datasets.hub_archive import HubArchive
from instit_bench.evaluation.plan import RunPlan
from instit_bench.evaluation.weight import Weight
from instit_bench.media import MediaError, load_image, video_frames
from instit_bench.types import ImagePart, Request, TextPart, VideoPart


def workload_of(plan: RunPlan) -> Workload:
    """Return the needs of the selected requests; of the media only one image is read."""
    total = Weight()
    for task in plan.tasks:
        total.include(task.weight)
    roots = {task.media_folder for task in plan.tasks if task.shows_files}
    return _workload(total, roots, plan.config.max_frames)


def hub_archives(plan: RunPlan) -> tuple[HubArchive, ...]:
    """Return what the media folders of the workload were unpacked from, if it is the hub's."""
    found = {task.media_archive: None for task in plan.tasks if task.shows_files}
    return tuple(archive for archive in found if archive)


def workload(requests: Iterable[Request], folders: Iterable[Path], max_frames: int) -> Workload:
    """Return the needs of these requests, whose media are in these folders."""
    total = Weight()
    for request in requests:
        total.add(request)
    return _workload(total, folders, max_frames)


def _workload(total: Weight, folders: Iterable[Path], max_frames: int) -> Workload:
    return Workload(
        images=total.images,
        videos=total.videos,
        max_frames=max_frames,
        media_folders=tuple(sorted(folders)),
        heaviest=total.heaviest,
        pixels=_pixels(total.heaviest) if total.heaviest else 0,
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

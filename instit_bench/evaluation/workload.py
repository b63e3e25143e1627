"""The workload of a run for a backend: the maximum of images, the longest request."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from instit_bench.backends.base import Workload
from instit_bench.evaluation.plan import RunPlan
from instit_bench.types import ImagePart, Request, VideoPart


def workload_of(plan: RunPlan) -> Workload:
    """Examine every selected request, without opening any media."""
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
    )


def _weight(request: Request) -> tuple[int, int, int]:
    """Return videos, images, characters: the length of a request, in this order of weight."""
    parts = [part for message in request.messages for part in message.parts]
    return (
        sum(isinstance(part, VideoPart) for part in parts),
        sum(isinstance(part, ImagePart) for part in parts),
        sum(len(message.text) for message in request.messages),
    )

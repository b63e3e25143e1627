"""A task whose samples and requests are altered by an intervention."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from instit_bench.interventions.base import Doc, Intervention, ShownVideo
from instit_bench.media import MediaError
from instit_bench.media.resolve import shown_places
from instit_bench.tasks.task import Task
from instit_bench.types import GenerationParams, Request, Sample, VideoDecoder, VideoPart


@dataclass(frozen=True, kw_only=True)
class AlteredTask(Task):
    """A task under an intervention; its records stay those of the dataset.

    ``media_root``, ``max_frames`` and ``video_decoder`` say which frames are shown,
    ``renamed_marks`` which marks the image shows under other numbers.
    """

    intervention: Intervention
    media_root: Path
    max_frames: int
    video_decoder: VideoDecoder
    renamed_marks: Mapping[str, str]

    @property
    def task(self) -> Task:
        """The task as it is."""
        return self

    def sample(self, doc: Mapping[str, Any], number: int) -> Sample:
        """Return the sample of an altered record.

        Raises:
            InputError: The record lacks a field that the task names.
        """
        super().sample(doc, number)  # what the record lacks is told before it is altered
        return super().sample(self.intervention.record(doc, self), number)

    def request(
        self, sample: Sample, params: GenerationParams, style: str, media_root: Path
    ) -> Request:
        """Build the altered request for a sample of this task."""
        return self.intervention.request(super().request(sample, params, style, media_root))

    def video(self, doc: Doc) -> ShownVideo | None:
        """The one video of a record, if it can be read."""
        parts = [part for message in self._messages(doc, self.media_root) for part in message.parts]
        videos = [part for part in parts if isinstance(part, VideoPart)]
        if len(videos) != 1:
            return None
        try:
            places = shown_places(videos[0], self.max_frames, self.video_decoder)
        except MediaError:  # the request fails for the same reason, and says so
            return None
        return ShownVideo(videos[0].path.name, places)


def altered(
    task: Task,
    intervention: Intervention,
    *,
    media_root: Path,
    max_frames: int,
    video_decoder: VideoDecoder,
    renamed_marks: Mapping[str, str],
) -> AlteredTask:
    """Return the task under an intervention."""
    own = {entry.name: getattr(task, entry.name) for entry in fields(Task)}
    return AlteredTask(
        **own,
        intervention=intervention,
        media_root=media_root,
        max_frames=max_frames,
        video_decoder=video_decoder,
        renamed_marks=renamed_marks,
    )

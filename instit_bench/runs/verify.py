"""Checking data as a run would use them: every record read, every picture decoded."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

from PIL import Image

from instit_bench.datasets.source import DataSource
from instit_bench.errors import InputError
from instit_bench.media import MediaError, load_image, resolve_media
from instit_bench.runs.plan import load_dataset
from instit_bench.tasks.registry import load_registry
from instit_bench.tasks.task import Task
from instit_bench.types import GenerationParams, ImagePart, Request

_BUILT_IN = ("inst_it_bench", "gpt4tools")
_ALL_FRAMES = 10**6


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was found for one task. ``media`` counts images or videos, ``pictures`` frames too."""

    task: str
    records: int
    media: int
    pictures: int
    digest: str
    problems: tuple[str, ...]


def verify(source: DataSource) -> list[VerifyReport]:
    """Check what the source holds of each built-in task.

    Raises:
        InputError: It holds nothing at all.
    """
    reports = [_verify(task, source) for task in load_registry().resolve(_BUILT_IN)]
    if not any(report.records for report in reports):
        raise InputError(reports[0].problems[0])
    return reports


def _verify(task: Task, source: DataSource) -> VerifyReport:
    try:
        dataset = load_dataset(task, source)
        samples = list(task.samples(dataset.docs))
    except InputError as error:
        return VerifyReport(task.name, 0, 0, 0, "", (str(error),))
    problems: dict[str, None] = {}
    pictures = media = 0
    if task.config.metadata.media != "none":
        one_of_each = {sample.cluster: sample for sample in samples}
        media = len(one_of_each)
        for sample in one_of_each.values():
            request = task.request(sample, GenerationParams(), "chat", dataset.media_root)
            try:
                pictures += _decode_all(resolve_media(request, _ALL_FRAMES))
            except MediaError as error:
                problems[str(error)] = None
    return VerifyReport(task.name, len(samples), media, pictures, dataset.digest, tuple(problems))


def _decode_all(request: Request) -> int:
    """Decode every pixel, which a run leaves to the model's side; return how many pictures."""
    count = 0
    for message in request.messages:
        for part in message.parts:
            if isinstance(part, ImagePart):
                count += 1
                _decode(part)
    return count


def _decode(part: ImagePart) -> None:
    image = load_image(part)
    try:
        with Image.open(BytesIO(image.data)) as opened:
            opened.load()
    except Exception as error:
        where = part.path or "picture in the dataset"
        raise MediaError(f"{where}: cannot be decoded: {error}") from error

"""Check data the way a run uses them: read every record, decode every image."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

from PIL import Image

from instit_bench.datasets.source import DataSource
from instit_bench.errors import InputError, MissingDataError
from instit_bench.media import MediaError, load_image, video_frames
from instit_bench.media.frames import numbering_problems
from instit_bench.tasks.data import load_dataset
from instit_bench.tasks.registry import load_registry
from instit_bench.tasks.task import Task
from instit_bench.types import GenerationParams, ImagePart, Sample, TextPart, VideoPart

_BUILT_IN = ("inst_it_bench", "gpt4tools")
# These show every frame, video and image of the training data, which a source may lack.
_TRAINING = ("inst_it_dataset_captions", "inst_it_dataset_image_captions")
_ALL_FRAMES = 10**6


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """The findings for one task. ``media`` counts images or videos, ``images`` includes frames.

    ``lacking`` says that the source does not have the task's data.
    """

    task: str
    records: int
    media: int
    images: int
    digest: str
    problems: tuple[str, ...]
    lacking: bool = False


def verify(source: DataSource) -> list[VerifyReport]:
    """Check what the source contains of each built-in task, and of the training data.

    Raises:
        InputError: It contains nothing.
    """
    registry = load_registry()
    reports = [_verify(task, source) for task in registry.resolve(_BUILT_IN)]
    for task in registry.resolve(_TRAINING):
        report = _verify(task, source)
        reports += [] if report.lacking else [report]
    if not any(report.records for report in reports):
        raise InputError(reports[0].problems[0])
    return reports


def _verify(task: Task, source: DataSource) -> VerifyReport:
    try:
        dataset = load_dataset(task, source)
        samples = list(task.samples(dataset.docs))
    except InputError as error:
        lacking = isinstance(error, MissingDataError)
        return VerifyReport(task.name, 0, 0, 0, "", (str(error),), lacking)
    if dataset.missing_media:
        problem = (dataset.missing_media,)
        return VerifyReport(task.name, len(samples), 0, 0, dataset.digest, problem)
    media: dict[ImagePart | VideoPart, Sample] = {}
    for sample in samples:
        request = task.request(sample, GenerationParams(), "chat", dataset.media_root)
        for message in request.messages:
            for part in message.parts:
                if not isinstance(part, TextPart):
                    media.setdefault(part, sample)
    images = 0
    problems: list[str] = []
    for part, sample in media.items():
        found, wrong = _check(part)
        images += found
        # An image from a dataset's row has no name of its own.
        problems += [f"{sample.id}: {p}" if part.path is None else p for p in wrong]
    return VerifyReport(
        task.name, len(samples), len(media), images, dataset.digest, tuple(problems)
    )


def _check(part: ImagePart | VideoPart) -> tuple[int, list[str]]:
    """Return how many of the images can be decoded, and every problem with them."""
    problems: list[str] = []
    frames: tuple[ImagePart, ...] = (part,) if isinstance(part, ImagePart) else ()
    if isinstance(part, VideoPart):
        try:
            frames = video_frames(part, _ALL_FRAMES)
        except MediaError as error:
            return 0, [str(error)]
        names = [frame.path for frame in frames if frame.path is not None]
        problems = [f"{part.path}: {problem}" for problem in numbering_problems(names)]
    broken = [problem for frame in frames if (problem := _decode(frame))]
    return len(frames) - len(broken), problems + broken


def _decode(part: ImagePart) -> str | None:
    """Decode every pixel, which a run leaves to the model's side; return the problem, if any."""
    try:
        with Image.open(BytesIO(load_image(part).data)) as opened:
            opened.load()
    except MediaError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - Pillow's decoders raise many kinds
        return f"{part.path or 'image in the dataset'}: cannot be decoded: {error}"
    return None

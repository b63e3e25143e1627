"""One annotated video or image, checked, with the dataset's quirks put right.

- Marks are the keys of ``instance_level``. They have gaps, an object that is too small in a frame
  is absent, and a key such as ``1,2`` describes several objects at once.
- A caption may or may not begin with its own mark; here each one does.
- ``[01]`` is read as ``[1]``, and ``<0>`` as ``<1>``: marks and moments count from 1.
- Frames are ordered by the number in their name, and the moment ``<t>`` is a place in this order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from instit_bench.datasets.record import Doc, Record, shown

_MARKS = re.compile(r"\[([0-9]{1,4}(?:\s*,\s*[0-9]{1,4})*)\]")
_MOMENT = re.compile(r"<([0-9]{1,4})>")
_KEY = re.compile(r"\s*\[?([0-9]{1,4}(?:\s*,\s*[0-9]{1,4})*)\]?\s*")


@dataclass(frozen=True, slots=True)
class Instance:
    """The caption of one object, or of several that share it; it begins with their marks."""

    marks: tuple[int, ...]
    caption: str


@dataclass(frozen=True, slots=True)
class Scene:
    """A frame or an image: its instances in the order of their marks, and what they are part of.

    ``path`` is the frame's name in its video's folder, or the image's path. ``change`` says what
    is different from the frame before. A text that the dataset lacks is empty.
    """

    path: str
    instances: tuple[Instance, ...]
    caption: str
    change: str = ""

    @property
    def marks(self) -> frozenset[int]:
        """The marks of all objects in it."""
        return frozenset(mark for instance in self.instances for mark in instance.marks)


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A question about a video, and its answer."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class AnnotatedVideo:
    """A video: its frames in order, a caption, and questions in the order of the file."""

    id: str
    path: str
    frames: tuple[Scene, ...]
    caption: str
    questions: tuple[Dialogue, ...]

    @property
    def marks(self) -> frozenset[int]:
        """The marks of all objects in it."""
        return frozenset(mark for frame in self.frames for mark in frame.marks)


@dataclass(frozen=True, slots=True)
class AnnotatedImage:
    """An image with its captions."""

    id: str
    scene: Scene


def video_of(fields: Doc, place: str) -> AnnotatedVideo:
    """Return the video that a record describes; ``place`` names the record in errors.

    Raises:
        InputError: A field is missing or of another type.
    """
    record = Record(fields, place)
    name = str(record.identity("video_id"))
    record = record.known_as(f"video_id {name}")
    frames = [_frame(frame) for frame in _objects(record, "frame_level_caption")]
    return AnnotatedVideo(
        id=name,
        path=record.path("video_path"),
        frames=tuple(sorted(frames, key=lambda frame: _by_number(frame.path))),
        caption=_text(record, "video_level_caption"),
        questions=tuple(
            Dialogue(plain_references(pair.text("question")), plain_references(pair.text("answer")))
            for pair in _objects(record, "question_answer_pairs")
        ),
    )


def image_of(fields: Doc, place: str) -> AnnotatedImage:
    """Return the image that a record describes; ``place`` names the record in errors.

    Raises:
        InputError: A field is missing or of another type.
    """
    record = Record(fields, place)
    name = str(record.identity("image_id"))
    record = record.known_as(f"image_id {name}")
    instances = _instances(record, "instance_level_caption")
    caption = _text(record, "image_level_caption")
    return AnnotatedImage(name, Scene(record.path("image_path"), instances, caption))


def plain_references(text: str) -> str:
    """Write marks without leading zeros, and count moments from 1: ``[01]`` and ``<0>``."""
    text = _MARKS.sub(lambda found: f"[{', '.join(map(str, _numbers(found[1])))}]", text)
    return _MOMENT.sub(lambda found: f"<{max(int(found[1]), 1)}>", text)


def _frame(record: Record) -> Scene:
    return Scene(
        path=record.path("frame_name"),
        instances=_instances(record, "instance_level"),
        caption=_text(record, "image_level"),
        change=_text(record, "temporal_change"),
    )


def _instances(record: Record, name: str) -> tuple[Instance, ...]:
    captions = record.fields.get(name)
    if captions is None:
        return ()
    if not isinstance(captions, dict):
        raise record.field_error(name, f"must be an object of captions, found {shown(captions)}")
    inside = record.inside(name, captions)
    found = [_instance(inside, key) for key in captions]
    return tuple(sorted((each for each in found if each.caption), key=lambda each: each.marks))


def _instance(captions: Record, key: str) -> Instance:
    match = _KEY.fullmatch(key)
    if match is None:
        raise captions.field_error(key, "must be named by a mark such as 3, or several: 1,2")
    marks = tuple(dict.fromkeys(_numbers(match[1])))
    caption = _text(captions, key)
    tags = " ".join(f"[{mark}]" for mark in marks)
    joined = f"[{', '.join(map(str, marks))}]"
    if caption and not caption.startswith((tags, joined)):
        caption = f"{tags} {caption}"
    return Instance(marks, caption)


def _text(record: Record, name: str) -> str:
    """Return a text, which may be missing, on one line."""
    if record.fields.get(name) is None:
        return ""
    return plain_references(" ".join(record.text(name, may_be_empty=True).split()))


def _objects(record: Record, name: str) -> list[Record]:
    values = record.fields.get(name)
    if values is None:
        return []
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise record.field_error(name, f"must be a list of objects, found {shown(values)}")
    return [record.inside(f"{name}[{place}]", value) for place, value in enumerate(values)]


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def _by_number(name: str) -> tuple[bool, list[int], str]:
    """Order frames like the files of a video's folder: those without a number come last."""
    numbers = [int(digits) for digits in re.findall(r"[0-9]+", PurePosixPath(name).stem)]
    return not numbers, numbers, name

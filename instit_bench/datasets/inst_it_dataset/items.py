"""The questions of each task, made from the annotations of a video or an image.

An item has ``id``, ``media_id`` (the video or image), ``question``, ``answer``, and its media:
``image``, ``video_path``, or two ``frames``. ``frame_names`` has the names of a video's frames, one
per line. ``marks`` has the marks that are there to be seen, ``asked`` those that must be described,
both as ``1 2 5``.
Ids are made from the dataset's own and from places in it, so they never change.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from instit_bench.datasets.inst_it_dataset.annotations import (
    AnnotatedImage,
    AnnotatedVideo,
    Dialogue,
    Scene,
)

Item = dict[str, Any]
Kind = Literal["video", "image"]

N_OPTIONS = 4
_LETTERS = "ABCD"
_NOT_WORDS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Config:
    """One task's part of the dataset: which file it reads, and what it makes of a record."""

    kind: Kind
    items: Callable[[AnnotatedVideo | AnnotatedImage], Iterator[Item]]


def _of_videos(make: Callable[[AnnotatedVideo], Iterator[Item]]) -> Config:
    def items(annotated: AnnotatedVideo | AnnotatedImage) -> Iterator[Item]:
        assert isinstance(annotated, AnnotatedVideo)  # noqa: S101 - as the kind says
        return make(annotated)

    return Config("video", items)


def _of_images(make: Callable[[AnnotatedImage], Iterator[Item]]) -> Config:
    def items(annotated: AnnotatedVideo | AnnotatedImage) -> Iterator[Item]:
        assert isinstance(annotated, AnnotatedImage)  # noqa: S101 - as the kind says
        return make(annotated)

    return Config("image", items)


def _changes(video: AnnotatedVideo) -> Iterator[Item]:
    """Which marks come and go between neighbouring frames."""
    for item, before, after in _pairs(video):
        moments = item["moments"]
        yield item | {
            "question": f"Which marks appear and which disappear {moments}?",
            "answer": f"Appear: {_listed(after.marks - before.marks)}\n"
            f"Disappear: {_listed(before.marks - after.marks)}",
        }


def _temporal_change(video: AnnotatedVideo) -> Iterator[Item]:
    for item, before, after in _pairs(video):
        if after.change:
            yield item | {
                "question": f"What changes {item['moments']}?",
                "answer": after.change,
                "marks": _numbers(before.marks | after.marks),
            }


def _pairs(video: AnnotatedVideo) -> Iterator[tuple[Item, Scene, Scene]]:
    for moment, (before, after) in enumerate(pairwise(video.frames), start=1):
        item = {
            "id": f"{video.id}-f{moment}-f{moment + 1}",
            "media_id": video.id,
            "frames": [f"{video.path}/{frame.path}" for frame in (before, after)],
            "moments": f"from <{moment}> to <{moment + 1}>",
        }
        yield item, before, after


def _instance_captions(video: AnnotatedVideo) -> Iterator[Item]:
    for moment, frame in enumerate(video.frames, start=1):
        yield from _instances(frame, f"{video.id}-f{moment}", video.id, f"{video.path}/")


def _instances(scene: Scene, name: str, media_id: str, folder: str = "") -> Iterator[Item]:
    if scene.instances:
        yield {
            "id": name,
            "media_id": media_id,
            "image": f"{folder}{scene.path}",
            "question": "Describe every object that carries a mark.",
            "answer": "\n".join(instance.caption for instance in scene.instances),
            "marks": _numbers(scene.marks),
            "asked": _numbers(scene.marks),
        }


def _captions(video: AnnotatedVideo) -> Iterator[Item]:
    """Of each frame, then of the whole video."""
    for moment, frame in enumerate(video.frames, start=1):
        yield from _caption(frame, f"{video.id}-f{moment}", video.id, f"{video.path}/")
    if video.caption:
        yield {
            "id": video.id,
            "media_id": video.id,
            "video_path": video.path,
            "frame_names": _names(video),
            "question": "Describe the whole video.",
            "answer": video.caption,
            "marks": _numbers(video.marks),
        }


def _caption(scene: Scene, name: str, media_id: str, folder: str = "") -> Iterator[Item]:
    if scene.caption:
        yield {
            "id": name,
            "media_id": media_id,
            "image": f"{folder}{scene.path}",
            "question": "Describe the whole image.",
            "answer": scene.caption,
            "marks": _numbers(scene.marks),
        }


def _questions(video: AnnotatedVideo) -> Iterator[Item]:
    for place, pair in enumerate(video.questions, start=1):
        yield _asked(video, place, pair)


def _asked(video: AnnotatedVideo, place: int, pair: Dialogue) -> Item:
    return {
        "id": f"{video.id}-q{place}",
        "media_id": video.id,
        "video_path": video.path,
        "frame_names": _names(video),
        "question": pair.question,
        "answer": pair.answer,
        "marks": _numbers(video.marks),
    }


def _multi_choice(video: AnnotatedVideo) -> Iterator[Item]:
    """Each question with three other answers of the same video, where it has that many.

    Which ones, and in what order, depends on nothing but the texts and their places.
    """
    for place, pair in enumerate(video.questions, start=1):
        others = {_bare(other.answer): other.answer for other in reversed(video.questions)}
        others.pop(_bare(pair.answer), None)
        others.pop("", None)
        if len(others) < N_OPTIONS - 1:
            continue
        seed = f"{video.id}/{place}"
        options = sorted(others.values(), key=lambda text: _drawn(f"{seed}/{text}"))
        options = options[: N_OPTIONS - 1]
        right = _drawn(seed) % N_OPTIONS
        options.insert(right, pair.answer)
        fields = {
            f"choice_{letter.lower()}": text for letter, text in zip(_LETTERS, options, strict=True)
        }
        yield _asked(video, place, pair) | fields | {"answer": _LETTERS[right]}


CONFIGS: Mapping[str, Config] = {
    "changes": _of_videos(_changes),
    "instance_captions": _of_videos(_instance_captions),
    "temporal_change": _of_videos(_temporal_change),
    "captions": _of_videos(_captions),
    "questions": _of_videos(_questions),
    "multi_choice": _of_videos(_multi_choice),
    "image_instance_captions": _of_images(
        lambda image: _instances(image.scene, image.id, image.id)
    ),
    "image_captions": _of_images(lambda image: _caption(image.scene, image.id, image.id)),
}


def _listed(marks: Iterable[int]) -> str:
    return " ".join(f"[{mark}]" for mark in sorted(marks)) or "none"


def _names(video: AnnotatedVideo) -> str:
    return "\n".join(frame.path for frame in video.frames)


def _numbers(marks: Iterable[int]) -> str:
    return " ".join(map(str, sorted(marks)))


def _bare(text: str) -> str:
    """Return a text's words alone, to tell whether two answers are the same."""
    return _NOT_WORDS.sub(" ", text.casefold()).strip()


def _drawn(seed: str) -> int:
    """Return a large number that only depends on the seed, on every machine."""
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8])

"""The Inst-IT Dataset as conversations for training, in LLaVA's format.

The paper (arXiv 2412.03565, section 3.4) describes them and their authors announced the file: a
frame or an image gives two turns (all instances, then the whole scene), a pair of neighbouring
frames one turn (what changes), a video one turn (its caption), and its questions one dialogue.

Each conversation is one line: ``id``, ``image`` (a path or a list of them) or ``video``, and
``conversations`` of ``from`` (``human`` or ``gpt``) and ``value``. ``<image>`` stands for each
image and for a video, whose path is a folder of frames.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TextIO

from instit_bench.datasets.inst_it_dataset.annotations import (
    AnnotatedImage,
    AnnotatedVideo,
    Scene,
)
from instit_bench.datasets.inst_it_dataset.reader import Annotations
from instit_bench.errors import InputError, StorageError

MOST_FRAMES = 32
"""Frames of a video that a conversation about all of it may have, as in the paper."""

Conversation = dict[str, Any]
Turns = list[tuple[str, str]]

TOO_LONG = f"video conversations left out (more than {MOST_FRAMES} frames)"
_INSTANCES = "Describe every object that carries a mark."
_SCENE = "Describe the whole image."
_VIDEO = "Describe the whole video."


def write_llava(parts: Sequence[Annotations], output: Path) -> Counter[str]:
    """Write the conversations of these annotations; return how many there are of each kind.

    A name that ends in ``.json`` gives one JSON list, any other one object per line.

    Raises:
        InputError: A record is not valid, or there is no conversation at all.
        StorageError: The file cannot be written.
    """
    counts: Counter[str] = Counter()
    part = output.with_name(f".{output.name}.part")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8", newline="\n") as file:
            _write(_conversations(parts, counts), file, as_list=output.suffix == ".json")
        if not counts["turns"]:
            raise InputError(f"{parts[0].file}: has no captions and no questions")
        part.replace(output)
    except OSError as error:
        raise StorageError.of(output, error) from error
    finally:
        part.unlink(missing_ok=True)
    return counts


def _write(conversations: Iterable[Conversation], file: TextIO, *, as_list: bool) -> None:
    between = ",\n" if as_list else "\n"
    for place, conversation in enumerate(conversations):
        file.write(between if place else "[\n" if as_list else "")
        file.write(json.dumps(conversation, ensure_ascii=False))
    file.write("\n]\n" if as_list else "\n")


def _conversations(parts: Sequence[Annotations], counts: Counter[str]) -> Iterator[Conversation]:
    for part in parts:
        for annotated in part:
            made = (
                _of_video(annotated, counts)
                if isinstance(annotated, AnnotatedVideo)
                else _of_image(annotated)
            )
            for kind, conversation in made:
                counts[kind] += 1
                counts["turns"] += len(conversation["conversations"]) // 2
                yield conversation


def _of_image(image: AnnotatedImage) -> Iterator[tuple[str, Conversation]]:
    if turns := _described(image.scene):
        yield "images", _conversation(f"image-{image.id}", turns, image=image.scene.path)


def _of_video(video: AnnotatedVideo, counts: Counter[str]) -> Iterator[tuple[str, Conversation]]:
    name = f"video-{video.id}"
    for moment, frame in enumerate(video.frames, start=1):
        if turns := _described(frame):
            path = f"{video.path}/{frame.path}"
            yield "frames", _conversation(f"{name}-f{moment}", turns, image=path)
    for moment, pair in enumerate(pairwise(video.frames), start=1):
        if pair[1].change:
            question = f"What changes from <{moment}> to <{moment + 1}>?"
            paths = [f"{video.path}/{frame.path}" for frame in pair]
            turns = [(question, pair[1].change)]
            yield "pairs", _conversation(f"{name}-f{moment}-f{moment + 1}", turns, image=paths)
    whole = [
        ("videos", name, [(_VIDEO, video.caption)] if video.caption else []),
        ("dialogues", f"{name}-q", [(asked.question, asked.answer) for asked in video.questions]),
    ]
    for kind, label, turns in whole:
        if turns and len(video.frames) > MOST_FRAMES:
            counts[TOO_LONG] += 1
        elif turns:
            yield kind, _conversation(label, turns, video=video.path)


def _described(scene: Scene) -> Turns:
    instances = "\n".join(instance.caption for instance in scene.instances)
    turns = [(_INSTANCES, instances), (_SCENE, scene.caption)]
    return [turn for turn in turns if turn[1]]


def _conversation(name: str, turns: Turns, **media: str | list[str]) -> Conversation:
    [paths] = media.values()
    tokens = "<image>\n" * (len(paths) if isinstance(paths, list) else 1)
    said: list[dict[str, str]] = []
    for place, (question, answer) in enumerate(turns):
        said.append({"from": "human", "value": question if place else tokens + question})
        said.append({"from": "gpt", "value": answer})
    return {"id": name, **media, "conversations": said}

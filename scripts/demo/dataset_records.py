"""The demo data's records in the format of the Inst-IT Dataset, derived from the scenes.

Videos 2 and 3 and images 2 and 4 stand for the dataset. Its quirks are in them on purpose: a
caption that begins with its own mark, a mark with a leading zero, a moment that counts from 0, and
a key that describes two objects at once.
"""

from __future__ import annotations

from typing import Any

import questions as about
import video_questions as about_video
from drawing import Scene, Thing
from scenes import IMAGES, VIDEOS, Video

Record = dict[str, Any]

VIDEO_NUMBERS = (2, 3)
IMAGE_NUMBERS = (2, 4)


def video_path(number: int) -> str:
    """Return a video's folder within the dataset's: as there, by source and split."""
    return f"videos_vpt/demo/train/{number}"


def image_path(number: int) -> str:
    """Return an image's path within the dataset's folder."""
    return f"images_vpt/demo/{number}.jpg"


def records() -> dict[str, list[Record]]:
    """Return the two annotation files by their names."""
    return {
        "inst_it_dataset_video_21k.json": [_video(number) for number in VIDEO_NUMBERS],
        "inst_it_dataset_image_51k.json": [_image(number) for number in IMAGE_NUMBERS],
    }


def _video(number: int) -> Record:
    video = VIDEOS[number]
    return {
        "video_id": number,
        "video_path": video_path(number),
        "frame_level_caption": [_frame(video, moment) for moment in range(1, video.length + 1)],
        "question_answer_pairs": _questions(number, video),
        "video_level_caption": " ".join(
            [f"At <1>, {_scene(video.at(1))}"]
            + [
                f"From <{moment}> to <{moment + 1}>, {_events(video, moment)}."
                for moment in range(1, video.length)
                if about_video.events(video, moment, moment + 1)
            ]
        ),
    }


def _frame(video: Video, moment: int) -> Record:
    return {
        "timestamp": moment,
        "frame_name": f"{moment}.jpg",
        "instance_level": {
            str(thing.mark): _caption(thing, with_mark=moment == 1)
            for thing in video.at(moment).things
        },
        "image_level": _scene(video.at(moment)),
        "temporal_change": None
        if moment == 1
        else f"{_events(video, moment - 1) or 'Nothing changes'}.",
    }


def _questions(number: int, video: Video) -> list[Record]:
    if number == 2:
        asked = [
            about_video.direction(video, 2, 1, 5),
            about_video.first_seen(video, 4),
            about.colour(video.at(7), 1, moment=7),
        ]
    else:
        asked = [
            about_video.visible_count(video, 6),
            about_video.what_changes(video, 4, 5),
            about.relation(video.at(2), 1, 4, moment=2),
        ]
    pairs = [{"question": each.text, "answer": each.sentence.format(each.value)} for each in asked]
    first = video.at(1).things[0]
    quirk = {
        "question": f"What is [0{first.mark}] at <0>?",
        "answer": f"[0{first.mark}] is a {first.colour} {first.kind} at <0>.",
    }
    return [*pairs, quirk]


def _image(number: int) -> Record:
    scene = IMAGES[number]
    first, second, *others = scene.things
    both = f"A {first.colour} {first.kind} and a {second.colour} {second.kind}."
    return {
        "image_id": number,
        "image_path": image_path(number),
        "instance_level_caption": {f"{first.mark},{second.mark}": both}
        | {str(thing.mark): _caption(thing) for thing in others},
        "image_level_caption": _scene(scene),
    }


def _caption(thing: Thing, *, with_mark: bool = False) -> str:
    said = f"a {thing.colour} {thing.kind}."
    return f"{thing.tag} is {said}" if with_mark else said.capitalize()


def _scene(scene: Scene) -> str:
    things = ", ".join(f"{thing.tag} is a {thing.colour} {thing.kind}" for thing in scene.things)
    return f"{things}, on a {scene.backdrop}."


def _events(video: Video, moment: int) -> str:
    return " and ".join(about_video.events(video, moment, moment + 1))

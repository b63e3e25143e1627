"""The demo data's questions, as records in the format of Inst-IT Bench."""

from __future__ import annotations

import random
from typing import Any

import questions as about
import video_questions as about_video
from questions import Question
from scenes import IMAGES, VIDEOS

Record = dict[str, Any]

LETTERS = "ABCD"


def image_questions() -> dict[int, list[Question]]:
    """Return the questions about each image, by image number."""
    scene = IMAGES
    return {
        1: [about.colour(scene[1], 4), about.relation(scene[1], 1, 4)],
        2: [about.count(scene[2], "car"), about.naming(scene[2], 2)],
        3: [about.relation(scene[3], 2, 1), about.identity(scene[3], 3)],
        4: [about.identity(scene[4], 5), about.highest(scene[4])],
        5: [about.count(scene[5], "person"), about.naming(scene[5], 3)],
        6: [about.same_colour(scene[6], 1), about.rightmost(scene[6])],
        7: [about.nearest(scene[7], 3), about.colour(scene[7], 2)],
        8: [about.largest(scene[8], "ball"), about.relation(scene[8], 5, 1)],
    }


def video_questions() -> dict[int, list[Question]]:
    """Return the questions about each video, by video number.

    Questions about the video file refer to no frames by number, because readers choose how many
    frames they take from a file.
    """
    video = VIDEOS
    return {
        1: [
            about_video.who_appears(video[1], 5),
            about_video.what_changes(video[1], 9, 10),
            about_video.direction(video[1], 5, 1, 8),
            about_video.who_leaves(video[1], 11),
        ],
        2: [
            about_video.direction(video[2], 2, 1, 5),
            about_video.first_seen(video[2], 4),
            about.colour(video[2].at(7), 1, moment=7),
        ],
        3: [
            about_video.visible_count(video[3], 6),
            about_video.what_changes(video[3], 4, 5),
            about.relation(video[3].at(2), 1, 4, moment=2),
        ],
        4: [
            about_video.mover(video[4], 3, 7),
            about.relation(video[4].at(10), 4, 2, moment=10),
            about_video.who_leaves(video[4], 9),
        ],
        5: [
            about_video.newcomer(video[5]),
            about_video.direction(video[5], 3, 1, 16),
            about.colour(video[5].at(1), 2),
        ],
    }


def image_path(number: int, kind: str = "vpt") -> str:
    """Return an image's path within the benchmark's folder; of kind ``raw`` without marks."""
    return f"images_{kind}/{number:03d}.jpg"


def video_path(number: int, kind: str = "vpt") -> str:
    """Return a video's path within the benchmark's folder: a folder of frames or a file."""
    return f"videos_{kind}/{number}" + (".mp4" if VIDEOS[number].is_file else "")


def records() -> dict[str, list[Record]]:
    """Return the four lists of records, by file name."""
    files: dict[str, list[Record]] = {}
    for medium, plan, path in (
        ("image", image_questions(), image_path),
        ("video", video_questions(), video_path),
    ):
        asked = [
            (number, place, question)
            for number, questions in plan.items()
            for place, question in enumerate(questions, start=1)
        ]
        choices, open_ended = [], []
        letters = _balanced_letters(len(asked), random.Random(f"letters of {medium}"))
        for (number, place, question), letter in zip(asked, letters, strict=True):
            question_id = f"{number:03d}-{place:02d}"
            head = {
                f"{medium}_id": number,
                "question_id": question_id,
                f"{medium}_path": path(number),
                "question": question.text,
            }
            tail = {"meta_info": {"dataset": "demo", "split": "demo"}}
            options = _options(question, letter, random.Random(f"{medium} {question_id}"))
            choices.append({**head, "answer": letter, "options": options, **tail})
            open_ended.append({**head, "answer": question.answer, **tail})
        files[f"{medium}_multi_choices.json"] = choices
        files[f"{medium}_open_ended.json"] = open_ended
    return files


def _balanced_letters(number: int, rng: random.Random) -> list[str]:
    letters = [LETTERS[place % len(LETTERS)] for place in range(number)]
    rng.shuffle(letters)
    return letters


def _options(question: Question, answer: str, rng: random.Random) -> dict[str, str]:
    wrong = [question.option.format(other) for other in rng.sample(question.others, 3)]
    wrong.insert(LETTERS.index(answer), question.right_option)
    return dict(zip(LETTERS, wrong, strict=True))

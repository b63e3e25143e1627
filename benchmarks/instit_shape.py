"""Generate a scaled-down data set shaped like Inst-IT Bench's videos."""

from __future__ import annotations

import json
import random
from pathlib import Path

FULL_VIDEOS = 206
FULL_QUESTIONS = 1001  # in each of the two formats


def make_data(
    folder: Path, scale: float, frames: int, size: tuple[int, int], seed: int = 0
) -> Path:
    """Write folders of frames, with as many questions per video, on average, as the benchmark."""
    from PIL import Image, ImageDraw

    chance = random.Random(seed)
    videos = max(2, round(FULL_VIDEOS * scale))
    root = folder / "Inst-It-Bench"
    for video in range(1, videos + 1):
        place = root / "videos_vpt" / str(video)
        place.mkdir(parents=True, exist_ok=True)
        for frame in range(1, frames + 1):
            image = Image.effect_noise(size, 60).convert("RGB")
            ImageDraw.Draw(image).text((5, 5), f"{video}/{frame} {chance.random()}", "red")
            image.save(place / f"{frame}.jpg", quality=90)
    for name in ("video_multi_choices", "video_open_ended"):
        records = [
            _record(index % videos + 1, index // videos + 1, name)
            for index in range(round(FULL_QUESTIONS * scale))
        ]
        records.sort(key=lambda record: record["question_id"])
        (root / f"{name}.json").write_text(json.dumps(records))
    return folder


def _record(video: int, number: int, name: str) -> dict[str, object]:
    record: dict[str, object] = {
        "question_id": f"{video:03d}-{number:02d}",
        "video_path": f"videos_vpt/{video}",
        "question": f"What does [{number}] do at <{number}> beside [{number + 1}]?",
        "answer": "A" if name == "video_multi_choices" else f"[{number}] walks.",
    }
    if name == "video_multi_choices":
        record["options"] = {letter: f"It walks to [{letter}]." for letter in "ABCD"}
    return record

"""Two runs of 4,000 samples each, made by the real commands on generated images."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image, ImageDraw

from tests.command_line import REPOSITORY, cli_in

PICTURES, VIDEOS, FRAMES = 50, 25, 6
IMAGE_SAMPLES, VIDEO_SAMPLES, TOOL_SAMPLES = 1500, 1500, 1000
DEMO = REPOSITORY / "instit_bench/datasets/demo"


def run_cli(folder: Path, *args: object, allowed: tuple[int, ...] = (0,)) -> None:
    """Run ``instit-bench …`` in a folder; it must end with an allowed exit code."""
    done = cli_in(folder)(*args)
    assert done.returncode in allowed, done.stderr


def picture(path: Path, mark: int) -> None:
    """Draw a small image with a mark."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (120, 80), (40 * mark % 256, 90, 160))
    ImageDraw.Draw(image).text((10, 30), f"[{mark}]", fill="white")
    image.save(path)


def choice_records(count: int, media: int, **fields: str) -> list[dict[str, object]]:
    """Return multiple-choice records; ``{}`` in a field is the number of the image or video."""
    records = []
    for number in range(count):
        medium = number % media + 1
        moment = f" at <{number % FRAMES + 1}>" if "video_path" in fields else ""
        records.append(
            {
                "question_id": f"{medium:03}-{number:04}",
                "question": f"What does [{number % 7}] do{moment} in round {number}?",
                "options": {letter: f"it does {letter}" for letter in "ABCD"},
                "answer": "ABCD"[number % 4],
                **{name: value.format(medium) for name, value in fields.items()},
            }
        )
    return records


def write_data(folder: Path) -> None:
    """Write a data folder in the benchmarks' layout."""
    inst_it, tools = folder / "Inst-It-Bench", folder / "gpt4tools"
    for number in range(1, PICTURES + 1):
        picture(inst_it / f"images_vpt/{number}.png", number)
    for number in range(1, VIDEOS + 1):
        for frame in range(1, FRAMES + 1):
            picture(inst_it / f"videos_vpt/{number}/{frame}.png", 7 * number + frame)
    images = choice_records(IMAGE_SAMPLES, PICTURES, image_path="images_vpt/{}.png")
    videos = choice_records(VIDEO_SAMPLES, VIDEOS, video_path="videos_vpt/{}")
    (inst_it / "image_multi_choices.json").write_text(json.dumps(images))
    (inst_it / "video_multi_choices.json").write_text(json.dumps(videos))
    demo = json.loads((DEMO / "gpt4tools/gpt4tools_test_unseen.json").read_text())
    records = [{**demo[number % len(demo)], "id": number} for number in range(TOOL_SAMPLES)]
    tools.mkdir()
    (tools / "gpt4tools_test_unseen.json").write_text(json.dumps(records))


def make_runs(folder: Path, *, guesses: int = 0) -> list[str]:
    """Make ``results/guess`` and ``results/first`` in a folder, and more guesses; return them."""
    write_data(folder / "data")
    tasks = "inst_it_image_mc,inst_it_video_mc,gpt4tools_unseen"
    models = [("random", "guess", 0), ("first", "first", 0)]
    models += [("random", f"guess-{seed}", seed) for seed in range(1, guesses + 1)]
    for model, name, seed in models:
        command = ("run", "--backend", "baseline", "--model", model, "--name", name)
        run_cli(folder, *command, "--seed", seed, "--data", "data", "--tasks", tasks)
    return [f"results/{name}" for _, name, _ in models]

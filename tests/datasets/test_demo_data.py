"""The embedded demo data: its format, its agreement with the scenes, and that it is up to date."""

from __future__ import annotations

import importlib
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageFilter

from instit_bench.datasets.masks import read_masks
from instit_bench.media.masks import decode

REPOSITORY = Path(__file__).resolve().parents[2]
DEMO = REPOSITORY / "instit_bench" / "datasets" / "demo"
BENCH = DEMO / "Inst-It-Bench"
MEDIA = ("image", "video")
SPLITS = ("gpt4tools_val_seen.json", "gpt4tools_test_unseen.json")
NO_CALL = "Thought: Do I need to use a tool? No\nAI: "


def load(path: Path) -> list[dict[str, Any]]:
    rows = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(rows, list)
    return rows


def choices(medium: str) -> list[dict[str, Any]]:
    return load(BENCH / f"{medium}_multi_choices.json")


def open_ended(medium: str) -> list[dict[str, Any]]:
    return load(BENCH / f"{medium}_open_ended.json")


def tool_items(split: str) -> list[dict[str, Any]]:
    return load(DEMO / "gpt4tools" / split)


@pytest.fixture(scope="module")
def generator():
    """Import the scripts' modules, which import each other by bare names."""
    pytest.importorskip("av")
    pytest.importorskip("pycocotools")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(REPOSITORY / "scripts" / "demo"))
        names = ("scenes", "inst_it_items", "make_demo_data", "drawing")
        return SimpleNamespace(**{name: importlib.import_module(name) for name in names})


def asked(generator: Any, medium: str) -> dict[str, Any]:
    plan = getattr(generator.inst_it_items, f"{medium}_questions")()
    return {
        f"{number:03d}-{place:02d}": question
        for number, questions in plan.items()
        for place, question in enumerate(questions, start=1)
    }


def scenes_of(generator: Any, medium: str, number: int) -> list[Any]:
    if medium == "image":
        return [generator.scenes.IMAGES[number]]
    video = generator.scenes.VIDEOS[number]
    return [video.at(moment) for moment in range(1, video.length + 1)]


def is_regenerated(path: Path) -> bool:
    return path.is_file() and path.name != "README.md"


@pytest.fixture(scope="module")
def regenerated(generator, tmp_path_factory):
    output = tmp_path_factory.mktemp("demo")
    generator.make_demo_data.main(["--output", str(output)])
    return output


def test_data_is_small():
    assert sum(path.stat().st_size for path in DEMO.rglob("*") if path.is_file()) < 2_000_000


def test_regenerating_changes_nothing(regenerated):
    def files(root: Path) -> set[str]:
        return {str(path.relative_to(root)) for path in root.rglob("*") if is_regenerated(path)}

    assert files(regenerated) == files(DEMO)
    for name in files(DEMO):
        old, new = DEMO / name, regenerated / name
        if name.endswith(".json"):
            assert new.read_bytes() == old.read_bytes(), name
        elif name.endswith(".jpg"):
            with Image.open(old) as was, Image.open(new) as now:
                assert (was.size, was.format, was.mode) == (now.size, now.format, now.mode), name


@pytest.mark.parametrize("medium", MEDIA)
class TestInstIt:
    def test_records_have_the_benchmark_s_format(self, medium):
        head = [f"{medium}_id", "question_id", f"{medium}_path", "question", "answer"]
        for row in choices(medium):
            assert list(row) == [*head, "options", "meta_info"]
            assert list(row["options"]) == list("ABCD")
            assert len(set(row["options"].values())) == 4
            assert row["answer"] in row["options"]
        for row in open_ended(medium):
            assert list(row) == [*head, "meta_info"]
            assert row["answer"][0].isupper() or row["answer"][0] == "["
            assert row["answer"].endswith(".")
        for row in [*choices(medium), *open_ended(medium)]:
            assert row["meta_info"] == {"dataset": "demo", "split": "demo"}
            assert re.fullmatch(rf"{row[f'{medium}_id']:03d}-\d\d", row["question_id"])

    def test_both_formats_ask_the_same_questions(self, medium):
        keys = ("question_id", f"{medium}_id", f"{medium}_path", "question")
        shared = [[row[key] for key in keys] for row in choices(medium)]
        assert shared == [[row[key] for key in keys] for row in open_ended(medium)]
        assert len({row[0] for row in shared}) == len(shared) == 16

    def test_letters_are_balanced(self, medium):
        assert Counter(row["answer"] for row in choices(medium)) == dict.fromkeys("ABCD", 4)

    def test_right_option_and_answer_agree(self, generator, medium):
        questions = asked(generator, medium)
        for choice, reply in zip(choices(medium), open_ended(medium), strict=True):
            question = questions[choice["question_id"]]
            right = choice["options"][choice["answer"]]
            wrong = set(choice["options"].values()) - {right}
            assert right == question.option.format(question.value)
            assert reply["answer"] == question.sentence.format(question.value)
            assert wrong <= {question.option.format(other) for other in question.others}
            assert right.rstrip(".").removeprefix("a ") in reply["answer"]

    def test_marks_and_moments_exist(self, generator, medium):
        for choice, reply in zip(choices(medium), open_ended(medium), strict=True):
            scenes = scenes_of(generator, medium, choice[f"{medium}_id"])
            marks = {thing.mark for scene in scenes for thing in scene.things}
            words = " ".join([choice["question"], reply["answer"], *choice["options"].values()])
            assert {int(mark) for mark in re.findall(r"\[(\d+)\]", words)} <= marks
            moments = {int(moment) for moment in re.findall(r"<(\d+)>", words)}
            assert moments <= (set(range(1, len(scenes) + 1)) if medium == "video" else set())

    def test_media_exist_and_all_are_used(self, medium):
        used = {row[f"{medium}_path"] for row in choices(medium)}
        assert all((BENCH / path).exists() for path in used)
        for kind in ("vpt", "raw"):
            stored = {path.name for path in (BENCH / f"{medium}s_{kind}").iterdir()}
            assert {f"{medium}s_vpt/{name}" for name in stored} == used


def drawn_pictures(generator: Any) -> list[tuple[Path, Any]]:
    items, scenes = generator.inst_it_items, generator.scenes
    pairs = [(BENCH / items.image_path(number), scene) for number, scene in scenes.IMAGES.items()]
    for number, video in scenes.VIDEOS.items():
        if not video.is_file:
            pairs += [
                (BENCH / items.video_path(number) / f"{moment}.jpg", video.at(moment))
                for moment in range(1, video.length + 1)
            ]
    return pairs


def test_images_show_their_marks_where_the_scenes_place_them(generator):
    radius = generator.drawing.MARK_RADIUS
    for path, scene in drawn_pictures(generator):
        with Image.open(path) as opened:
            image = opened.convert("L")
        assert image.size == scene.size
        for thing in scene.things:
            rim = [image.getpixel((thing.x + step, thing.y)) for step in (-radius + 1, radius - 1)]
            inside = image.getpixel((thing.x - radius + 4, thing.y))
            assert min(rim) > 160, (path, thing)
            assert inside < 110, (path, thing)


def test_masks_decode_to_the_shapes_that_were_drawn(generator):
    drawn = 0
    for medium in MEDIA:
        masks = read_masks(BENCH / f"{medium}_instance_captions_masks.json")
        numbers = generator.scenes.IMAGES if medium == "image" else generator.scenes.VIDEOS
        for number in numbers:
            scenes = scenes_of(generator, medium, number)
            for scene, marks in zip(scenes, masks.of(str(number)).values(), strict=True):
                assert {int(mark) for mark in marks} == {thing.mark for thing in scene.things}
                for mark, mask in marks.items():
                    shape = np.asarray(generator.drawing.visible(scene, int(mark))) > 0
                    assert np.array_equal(decode(mask, "m"), shape)
                    drawn += bool(shape.any())
    assert drawn > 200


def grown(shape: Any) -> Any:
    return np.asarray(Image.fromarray(shape).convert("L").filter(ImageFilter.MaxFilter(3))) > 0


def test_masks_are_where_the_things_are_painted(generator):
    """Without the thing, the image differs exactly there (but for its antialiased rim)."""
    scene = generator.scenes.IMAGES[7]
    for thing in scene.things:
        others = replace(scene, things=tuple(o for o in scene.things if o is not thing))
        with_it, without = (
            np.asarray(generator.drawing.render(s, marked=False), dtype=int)
            for s in (scene, others)
        )
        changed = np.abs(with_it - without).max(axis=2) > 0
        shape = np.asarray(generator.drawing.visible(scene, thing.mark)) > 0
        assert (shape & changed).sum() > 0.97 * shape.sum()
        assert not (changed & ~grown(shape)).any()


def test_raw_media_are_the_marked_ones_without_the_marks(generator):
    radius = generator.drawing.MARK_RADIUS
    for path, scene in drawn_pictures(generator):
        raw = Path(str(path).replace("_vpt", "_raw"))
        with Image.open(path) as a, Image.open(raw) as b:
            assert (a.size, a.format, a.mode) == (b.size, b.format, b.mode)
            difference = ImageChops.difference(a.convert("L"), b.convert("L"))
        changed = np.asarray(difference) > 40
        near = np.zeros_like(changed)
        for thing in scene.things:
            reach = radius + 8  # JPEG's blocks
            top, left = max(thing.y - reach, 0), max(thing.x - reach, 0)
            near[top : thing.y + reach, left : thing.x + reach] = True
            assert changed[top : thing.y + reach, left : thing.x + reach].any(), (path, thing)
        assert not (changed & ~near).any(), path


def test_marks_do_not_cover_each_other(generator):
    for _, scene in drawn_pictures(generator):
        for thing in scene.things:
            for other in scene.things:
                distance = abs(complex(thing.x - other.x, thing.y - other.y))
                assert thing is other or distance > 2 * generator.drawing.MARK_RADIUS


def test_frame_folders_count_from_one_without_padding():
    lengths = {}
    for folder in (BENCH / "videos_vpt").iterdir():
        if folder.is_dir():
            numbers = sorted(int(path.stem) for path in folder.iterdir())
            assert {path.name for path in folder.iterdir()} == {f"{n}.jpg" for n in numbers}
            assert numbers == list(range(1, len(numbers) + 1))
            lengths[folder.name] = len(numbers)
    assert lengths == {"1": 12, "2": 8, "3": 6, "4": 10}


def test_one_frame_is_a_png_with_alpha_under_a_jpg_name():
    found = {}
    for path in BENCH.rglob("*.jpg"):
        with Image.open(path) as image:
            found[path.relative_to(BENCH).as_posix()] = (image.format, image.mode)
    odd = {name: kind for name, kind in found.items() if kind != ("JPEG", "RGB")}
    assert odd == dict.fromkeys(["videos_vpt/1/3.jpg", "videos_raw/1/3.jpg"], ("PNG", "RGBA"))


def test_the_video_file_decodes_to_its_frames():
    av = pytest.importorskip("av")
    with av.open(str(BENCH / "videos_vpt" / "5.mp4")) as container:
        assert container.streams.video[0].average_rate == 4
        frames = list(container.decode(video=0))
    assert [(frame.width, frame.height) for frame in frames] == [(320, 240)] * 16


def gold_calls(item: dict[str, Any]) -> list[tuple[str, str]]:
    names = re.findall(r"^Action: (.*)$", item["output"], flags=re.MULTILINE)
    inputs = re.findall(r"^Action Input: (.*)$", item["output"], flags=re.MULTILINE)
    return list(zip(names, inputs, strict=True))


def tool_list(item: dict[str, Any]) -> dict[str, str]:
    return dict(re.findall(r"^> ([^:]+): (.*)$", item["instruction"], flags=re.MULTILINE))


def declared_pieces(description: str) -> int:
    match = re.search(r"comma separated string of (two|three), representing", description)
    return {None: 1, "two": 2, "three": 3}[match and match[1]]


def kind_of(item: dict[str, Any]) -> str:
    calls = gold_calls(item)
    if "Observation:" in item["instruction"].split("New input:")[1]:
        return "mid-chain, call due" if calls else "mid-chain, reply due"
    if len(calls) != 1:
        return {0: "none", 2: "chain"}[len(calls)]
    name, argument = calls[0]
    if not argument:
        return "empty argument"
    if argument.count(",") >= declared_pieces(tool_list(item)[name]):
        return "comma in argument"
    return "single"


@pytest.mark.parametrize("split", SPLITS)
class TestGpt4Tools:
    def test_items_have_the_benchmark_s_format(self, split):
        items = tool_items(split)
        assert [item["id"] for item in items] == list(range(24))
        for item in items:
            assert list(item) == ["instruction", "input", "output", "id"]
            assert item["input"] == ""
            prompt = item["instruction"]
            for part in ("TOOLS:\n------\n", "\n\nPrevious conversation:\n\n", "\n\nNew input: "):
                assert prompt.count(part) == 1
            assert re.search(r"should be one of \[(.*)\]", prompt)[1] == ", ".join(tool_list(item))
            last = item["output"].rindex(NO_CALL)
            assert item["output"][last:].removeprefix(NO_CALL).strip()

    def test_every_kind_occurs(self, split):
        assert Counter(kind_of(item) for item in tool_items(split)) == {
            "single": 10,
            "chain": 4,
            "mid-chain, call due": 2,
            "mid-chain, reply due": 1,
            "none": 4,
            "empty argument": 1,
            "comma in argument": 2,
        }

    def test_target_calls_use_offered_tools_and_known_files(self, split):
        placeholders = 0
        for item in tool_items(split):
            known = item["instruction"]
            placeholders += "example.png" in item["output"]
            assert "example.png" not in known
            for name, argument in gold_calls(item):
                assert name in tool_list(item)
                head, *_ = argument.split(",")
                assert not argument or head == "example.png" or head in known
                _, _, known = item["output"].partition(f"Action Input: {argument}\n")
        assert placeholders == 6


def test_unseen_tools_do_not_occur_in_seen_items():
    seen, unseen = (
        {name for item in tool_items(split) for name in tool_list(item)} for split in SPLITS
    )
    assert len(seen) == len(unseen) == 8
    assert not seen & unseen

"""The files that ``instit-bench report`` writes, the source of its images, and what it refuses."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

BASELINE = ("run", "--backend", "baseline", "--model", "first", "--name", "r")
IMAGE_MC, VIDEO_MC = "inst_it_image_mc", "inst_it_video_mc"


def embedded(page):
    """Return the data block of a report."""
    text = page.read_text(encoding="utf-8")
    block = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return json.loads(block[1])


def films(page):
    """Map sample ids to their images: [file, width, height] or [reason]."""
    data = embedded(page)
    return {
        sample["id"]: [data["pictures"][n] for n in data["films"][answer["film"]]]
        for sample in data["samples"]
        for answer in sample["answers"]
        if answer and "film" in answer
    }


def picture(path, size, colour="red"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path.read_bytes()


def record(number, **fields):
    options = {letter: letter.lower() for letter in "ABCD"}
    question = {"question_id": f"{number:03}-01", "question": "What is [1]?", "answer": "A"}
    return {**question, "options": options, **fields}


def write_images(tmp_path, size=(1600, 900)):
    """Write a data folder with one image and one question about it."""
    folder = tmp_path / "data/Inst-It-Bench"
    picture(folder / "images_vpt/1.png", size)
    records = [record(1, image_path="images_vpt/1.png")]
    (folder / "image_multi_choices.json").write_text(json.dumps(records))
    return folder


def test_thumbnails_are_stored_beside_the_page_and_made_once(cli, tmp_path):
    write_images(tmp_path)
    assert cli(*BASELINE, "--data", "data", "--tasks", IMAGE_MC).returncode == 0
    done = cli("report", "results/r")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "report: results/r/report.html (1 samples, 1 images)\n"
    page = tmp_path / "results/r/report.html"
    [[file, width, height]] = films(page)["001-01"]
    assert re.fullmatch(r"[0-9a-f]{32}\.webp", file), "a digest instead of a name from the data"
    thumbnail = page.parent / "report_media" / file
    with Image.open(thumbnail) as image:
        assert image.size == (width, height) == (640, 360)
    made = thumbnail.stat().st_mtime_ns
    assert cli("report", "results/r").returncode == 0
    assert thumbnail.stat().st_mtime_ns == made
    assert [path.name for path in thumbnail.parent.iterdir()] == [file]


def test_a_video_file_s_frames_are_decoded_again(cli, tmp_path):
    cli(*BASELINE, "--data", "demo", "--tasks", VIDEO_MC)
    assert cli("report", "results/r").returncode == 0
    found = films(tmp_path / "results/r/report.html")
    assert len(found["001-01"]) == 12, "a folder of frames"
    assert len(found["005-01"]) > 1, "a video file"
    assert all(len(picture) == 3 for film in found.values() for picture in film)


def write_parquet(tmp_path, colours):
    folder = tmp_path / "data/Inst-It-Bench/image_multi_choice"
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, colour in enumerate(colours, start=1):
        row = record(number, image={"bytes": picture(tmp_path / "p.png", (8, 6), colour)})
        options = row.pop("options")
        rows.append(row | {f"choice_{letter.lower()}": text for letter, text in options.items()})
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), folder / "test.parquet")
    return folder / "test.parquet"


def test_images_inside_the_dataset_are_found(cli, tmp_path):
    write_parquet(tmp_path, ["red", "blue", "blue"])
    assert cli(*BASELINE, "--data", "data", "--tasks", IMAGE_MC).returncode == 0
    assert cli("report", "results/r").returncode == 0
    found = films(tmp_path / "results/r/report.html")
    assert found["001-01"] != found["002-01"] == found["003-01"]
    with Image.open(tmp_path / "results/r/report_media" / found["001-01"][0][0]) as image:
        assert image.convert("RGB").getpixel((4, 3))[0] > 240


@pytest.mark.parametrize("what", ["changed", "gone"])
def test_images_of_another_dataset_are_never_shown(cli, tmp_path, what):
    file = write_parquet(tmp_path, ["red", "blue"])
    cli(*BASELINE, "--data", "data", "--tasks", IMAGE_MC)
    if what == "gone":
        file.unlink()
    else:
        write_parquet(tmp_path, ["blue", "red"])
    assert cli("report", "results/r").returncode == 0
    assert films(tmp_path / "results/r/report.html") == {}


def test_a_missing_or_broken_image_is_reported_in_its_place(cli, tmp_path):
    folder = write_images(tmp_path)
    cli(*BASELINE, "--data", "data", "--tasks", IMAGE_MC)
    (folder / "images_vpt/1.png").write_bytes(b"no picture")
    assert cli("report", "results/r").returncode == 0
    [[reason]] = films(tmp_path / "results/r/report.html")["001-01"]
    assert "1.png: is not an image in a known format" in reason
    (folder / "images_vpt/1.png").unlink()
    assert cli("report", "results/r").returncode == 0
    [[reason]] = films(tmp_path / "results/r/report.html")["001-01"]
    assert "1.png: No such file" in reason


def show(cli, tmp_path, task, path):
    """Make a report after changing the file named in the first sample's journal line."""
    cli(*BASELINE, "--data", "demo", "--tasks", task)
    journal = tmp_path / f"results/r/samples/{task}.jsonl"
    first, *others = journal.read_text().splitlines(keepends=True)
    line = json.dumps(json.loads(first) | {"media": [str(path)]}) + "\n"
    journal.write_text("".join([line, *others]))
    done = cli("report", "results/r")
    assert done.returncode == 0, done.stderr
    return films(tmp_path / "results/r/report.html")["001-01"]


@pytest.mark.parametrize("task", [IMAGE_MC, VIDEO_MC])
@pytest.mark.parametrize("kind", ["pipe", "device", "link to a device", "huge"])
def test_endless_and_oversized_files_are_not_read(cli, tmp_path, task, kind):
    path = tmp_path / "p.png"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "huge":
        path.touch()
        os.truncate(path, 2**40)  # bytes, in a sparse file
    elif kind == "device":
        path = Path("/dev/zero")
    else:
        path.symlink_to("/dev/zero")
    [[reason]] = show(cli, tmp_path, task, path)
    assert reason.startswith(f"{path}: is ")


@pytest.mark.parametrize("name", ["secret.txt", "secret.nfo", "secret"])
def test_a_text_file_is_not_shown_as_an_image_or_a_video(cli, tmp_path, name):
    (tmp_path / name).write_text("password\n" * 50)
    [[reason]] = show(cli, tmp_path, VIDEO_MC, tmp_path / name)
    assert reason.endswith(f"{name}: is not named like a video")


def test_a_dataset_that_is_a_pipe_is_not_read(cli, tmp_path):
    cli(*BASELINE, "--data", "demo", "--tasks", IMAGE_MC)
    os.mkfifo(tmp_path / "pipe.json")
    manifest = tmp_path / "results/r/manifest.json"
    run = json.loads(manifest.read_text())
    run["tasks"][IMAGE_MC]["files"] = [str(tmp_path / "pipe.json"), "x" * 5000]
    manifest.write_text(json.dumps(run))
    journal = tmp_path / f"results/r/samples/{IMAGE_MC}.jsonl"
    journal.write_text(re.sub(r'"media":\[[^]]*\]', '"media":[]', journal.read_text()))
    done = cli("report", "results/r")
    assert done.returncode == 0, done.stderr
    assert films(tmp_path / "results/r/report.html") == {}


def test_pipes_among_a_video_s_frames_are_reported_in_their_place(cli, tmp_path):
    picture(tmp_path / "frames/1.png", (8, 6))
    os.mkfifo(tmp_path / "frames/2.png")
    first, second = show(cli, tmp_path, VIDEO_MC, tmp_path / "frames")
    assert len(first) == 3
    assert second == [f"{tmp_path}/frames/2.png: is not a regular file (a pipe, socket or device)"]


def test_predictions_scored_with_the_data_have_images_too(cli, tmp_path):
    folder = write_images(tmp_path)
    answer = {"model_prediction": "A", "ground_truth": "A", "question": "What is [1]?"}
    (tmp_path / "p.json").write_text(json.dumps([{"question_id": "001-01", **answer}]))
    data = ("--data", folder / "image_multi_choices.json")
    done = cli("score", "p.json", "--task", IMAGE_MC, *data, "--name", "r")
    assert done.returncode == 0, done.stderr
    assert cli("report", "results/r").returncode == 0
    assert len(films(tmp_path / "results/r/report.html")["001-01"][0]) == 3


def test_without_media_only_the_page_is_written(cli, tmp_path):
    cli(*BASELINE, "--data", "demo", "--tasks", IMAGE_MC)
    done = cli("report", "results/r", "--no-media", "--output", "out/page.html")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["page.html"]
    assert embedded(tmp_path / "out/page.html")["media"] is None


def test_text_shared_by_many_prompts_is_in_the_page_once(cli, tmp_path):
    cli(*BASELINE, "--data", "demo", "--tasks", "gpt4tools_unseen")
    cli("report", "results/r")
    page = (tmp_path / "results/r/report.html").read_text()
    assert not (tmp_path / "results/r/report_media").exists()  # there are no images to store
    line = "Find Shadows: lists where the shadows in a picture fall."
    assert page.count(line) == 1
    asked = embedded(tmp_path / "results/r/report.html")
    record = json.loads(
        (tmp_path / "results/r/samples/gpt4tools_unseen.jsonl").read_text().splitlines()[0]
    )
    prompt = asked["samples"][0]["answers"][0]["prompt"]
    assert "\n".join(asked["lines"][number] for number in prompt) == record["prompt"]


def test_runs_with_the_same_name_are_distinguished(cli, tmp_path):
    cli(*BASELINE, "--data", "demo", "--tasks", IMAGE_MC)
    cli(*BASELINE, "--data", "demo", "--tasks", IMAGE_MC, "--output", "other")
    assert cli("report", "results/r", "other/r", "--output", "b.html").returncode == 0
    assert [run["label"] for run in embedded(tmp_path / "b.html")["runs"]] == ["r (1)", "r (2)"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nowhere"], "nowhere: run directory not found"),
        (["results/r/samples"], "is not a run directory: it has no manifest.json"),
        (["results/r", "results/../results/r"], "a run is named twice"),
        (["results/r", "--output", "results"], "--output results: is a folder"),
        ([], "Missing argument 'runs...'"),
    ],
)
def test_a_usage_error_is_one_line_and_exit_code_2(cli, arguments, complaint):
    cli(*BASELINE, "--data", "demo", "--tasks", IMAGE_MC)
    done = cli("report", *arguments)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_killed_run_has_a_report(cli, tmp_path):
    cli(*BASELINE, "--data", "demo", "--tasks", IMAGE_MC)
    journal = tmp_path / f"results/r/samples/{IMAGE_MC}.jsonl"
    journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:3]) + '{"id"')
    assert cli("report", "results/r").returncode == 0
    page = (tmp_path / "results/r/report.html").read_text()
    assert "3 of 16 (18.8 %)" in page
    assert "13 not_run" in page

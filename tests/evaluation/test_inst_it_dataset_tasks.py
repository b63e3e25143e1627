"""The tasks of the Inst-IT Dataset from the command line, on real and on demo records."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from instit_bench.datasets.source import open_source
from instit_bench.evaluation.scoring import scorer_for
from instit_bench.scorers.judge.lexical import lexical_score
from instit_bench.tasks.data import load_dataset
from instit_bench.tasks.registry import load_registry
from instit_bench.types import Prediction
from tests.openai_server import Reply, openai_server

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
RECORD = SHARED / "dataset" / "video_record.json"
FRAMES = SHARED / "inst_it" / "videos_vpt" / "1"
real_record = pytest.mark.skipif(not RECORD.is_file(), reason="needs ../shared/data")

GROUP = load_registry().resolve(["inst_it_dataset"])
COUNTS = {
    "inst_it_dataset_changes": 11,
    "inst_it_dataset_instance_captions": 12,
    "inst_it_dataset_temporal_change": 11,
    "inst_it_dataset_captions": 13,
    "inst_it_dataset_open_ended": 20,
    "inst_it_dataset_multi_choice": 20,
}
# Task, sample, prediction, and its metrics, computed by hand from the record. The marks of frame 1
# are 1 2 3, those of frame 2 are 1 2 3 5 6; the video's are 1 to 6, of which its caption lacks 6.
BY_HAND = [
    ("changes", "1-f1-f2", "Appear: [5]\nDisappear: none", (2 / 3, 0, 2 / 3, 1)),
    ("changes", "1-f1-f2", "Appear: none\nDisappear: [5] [6]", (0, 0, 0, 0)),
    ("changes", "1-f1-f2", "Appear: [4] [5] [6]\nDisappear: [1]", (4 / 6, 0, 4 / 5, 0)),
    ("instance_captions", "1-f2", "[1] A man.\n[4] A child.", (1 / 2, 1 / 5)),
    ("instance_captions", "1-f2", "A man and a woman.", (None, 0)),
    ("instance_captions", "1-f2", "[1] [2] [3] [5] [6] [7] people", (5 / 6, 1)),
    ("temporal_change", "1-f1-f2", "[1] moves closer to [2] at <2>.", (4 / 7, 1)),
    ("temporal_change", "1-f1-f2", "Nothing changes at <9>.", (0, 0)),
    ("temporal_change", "1-f1-f2", "[4] appears.", (0, 1)),
    ("captions", "1-f2", "[1] and [9] in an office.", (1 / 2, 1 / 5)),
    ("captions", "1-f2", "An office.", (None, 0)),
    ("captions", "1", "[6] is a phone that [5] holds.", (1, 1 / 5)),
    ("questions", "1-q1", "[2] smiles.", (0, 0)),
    ("questions", "1-q1", "[1] frowns.", (2 * 1 / (2 + 8), 1)),
    ("questions", "1-q1", "[1] [2] changes from smiling to neutral", (2 * 6 / 15, 2 / 3)),
    ("multi_choice", "1-q2", "A", (0, 0)),
    ("multi_choice", "1-q2", "the answer is (B)", (0, 0)),
    ("multi_choice", "1-q2", "I cannot tell.", (None, 0)),
]
METRICS = {
    "changes": ("set_f1", "exact", "appear_f1", "disappear_f1"),
    "instance_captions": ("mark_precision", "mark_recall"),
    "temporal_change": ("mark_f1", "time_f1"),
    "captions": ("mark_precision", "mark_recall"),
    "questions": ("lexical_score", "id_f1"),
    "multi_choice": ("official_accuracy", "accuracy"),
}


@pytest.fixture(scope="module")
def real_data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    data = folder / "Inst-It-Dataset"
    shutil.copytree(FRAMES, data / "videos_vpt" / "1")
    shutil.copy(RECORD, data / "inst_it_dataset_video_21k.json")
    return folder


@real_record
def test_echo_gold_is_1_in_every_metric_of_all_six_tasks(real_data, cli, tmp_path):
    done = cli(
        *("run", "--backend", "baseline", "--model", "echo-gold", "--judge", "lexical"),
        *("--tasks", "inst_it_dataset", "--data", real_data, "--name", "gold"),
    )
    assert done.returncode == 0, done.stderr
    tasks = json.loads(Path(tmp_path, "results/gold/results.json").read_text())["tasks"]
    assert {name: task["n_total"] for name, task in tasks.items()} == COUNTS
    for task in tasks.values():
        assert task["coverage"] == 1
        assert "contaminated" in task["marks"]
        values = {name: m["value"] for name, m in task["metrics"].items() if m["n"]}
        assert values
        assert set(values.values()) == {1.0}


@real_record
@pytest.mark.parametrize(("config", "name", "reply", "values"), BY_HAND)
def test_wrong_predictions_have_the_values_computed_by_hand(config, name, reply, values):
    task = next(task for task in GROUP if task.config.dataset_name == config)
    samples = {s.id: s for s in task.samples(load_dataset(task, open_source(str(RECORD))).docs)}
    found = dict(scorer_for(task).score(samples[name], Prediction(reply)).values)
    found["lexical_score"] = lexical_score(reply, samples[name].target)
    assert tuple(found.get(metric) for metric in METRICS[config]) == pytest.approx(values)


def test_descriptions_are_judged_and_keep_the_metrics_that_need_no_judge(cli, tmp_path):
    with openai_server(lambda _: Reply('{"sample_score": 0.5}')) as judge:
        done = cli(
            *("run", "--backend", "baseline", "--model", "text:[1] is a tree.", "--data", "demo"),
            *("--tasks", "inst_it_dataset_captions", "--name", "judged", "--limit-videos", 1),
            *("--judge", "openai:gpt-4o-2024-08-06", "--judge-base-url", judge.base_url),
            OPENAI_API_KEY="k",
        )
    assert done.returncode == 0, done.stderr
    results = json.loads(Path(tmp_path, "results/judged/results.json").read_text())
    metrics = results["tasks"]["inst_it_dataset_captions"]["metrics"]
    assert metrics["official_score"]["value"] == 0.5
    assert metrics["mark_precision"]["value"] == 1.0
    assert 0 < metrics["mark_recall"]["value"] < 1


def drawn(cli, tmp_path: Path, name: str, *options: object) -> dict[str, set[str]]:
    tasks = "inst_it_dataset_changes,inst_it_dataset_open_ended,inst_it_image_mc"
    done = cli(
        *("run", "--backend", "baseline", "--model", "first", "--data", "demo", "--judge", "none"),
        *("--tasks", tasks, "--name", name, *options),
    )
    assert done.returncode == 0, done.stderr
    folder = Path(tmp_path, "results", name, "samples")
    return {
        file.stem: {json.loads(line)["cluster"] for line in file.read_text().splitlines()}
        for file in folder.glob("*.jsonl")
    }


def test_videos_are_drawn_by_a_seed_and_a_larger_number_adds_to_them(cli, tmp_path):
    one = drawn(cli, tmp_path, "one", "--limit-videos", 1)
    assert {task: len(names) for task, names in one.items()} == dict.fromkeys(one, 1)
    assert one["inst_it_dataset_changes"] == one["inst_it_dataset_open_ended"]
    assert drawn(cli, tmp_path, "again", "--limit-videos", 1) == one
    seeds = [
        drawn(cli, tmp_path, f"s{n}", "--limit-videos", 1, "--videos-seed", n) for n in range(1, 5)
    ]
    assert any(found != one for found in seeds)
    several = drawn(cli, tmp_path, "one", "--limit-videos", 3)
    assert len(several["inst_it_image_mc"]) == 3
    assert several["inst_it_image_mc"] > one["inst_it_image_mc"]
    manifest = json.loads(Path(tmp_path, "results/one/manifest.json").read_text())
    assert manifest["tasks"]["inst_it_image_mc"]["selected"] != "all"


def test_a_run_needs_the_media_and_a_prediction_file_does_not(cli, tmp_path):
    demo = open_source("demo").root / "Inst-It-Dataset"
    data = tmp_path / "alone" / "Inst-It-Dataset"
    data.mkdir(parents=True)
    shutil.copy(demo / "inst_it_dataset_video_21k.json", data)
    task = ("--tasks", "inst_it_dataset_changes", "--data", data.parent)
    done = cli("run", "--backend", "baseline", "--model", "echo-gold", *task)
    assert done.returncode == 2
    assert "neither videos_vpt/ nor videos_vpt.zip" in done.stderr
    assert "--split video --media vpt" in done.stderr
    predictions = tmp_path / "p.jsonl"
    reply = "Appear: [4]\nDisappear: none"
    line = {"question_id": "2-f3-f4", "question": "?", "ground_truth": reply}
    line["model_prediction"] = reply
    predictions.write_text(json.dumps(line) + "\n")
    scored = cli("score", predictions, "--task", task[1], "--data", data.parent)
    assert scored.returncode == 0, scored.stderr
    assert "set_f1" in scored.stdout


@pytest.fixture
def altered(tmp_path):
    """The demo's dataset, of whose video 2 a frame is missing while another one is too many."""
    folder = tmp_path / "altered" / "Inst-It-Dataset"
    shutil.copytree(open_source("demo").root / "Inst-It-Dataset", folder)
    frames = folder / "videos_vpt" / "demo" / "train" / "2"
    (frames / "3.jpg").rename(frames / "11.jpg")
    return folder.parent


def test_a_video_without_exactly_the_annotated_frames_is_an_error_that_names_it(
    altered, cli, tmp_path
):
    tasks = "inst_it_dataset_multi_choice,inst_it_dataset_changes"
    with openai_server(lambda _: Reply("A")) as server:
        done = cli(
            *("run", "--backend", "openai", "--model", "m", "--base-url", server.base_url),
            *("--tasks", tasks, "--data", altered, "--name", "altered"),
        )
    assert done.returncode != 0
    samples = Path(tmp_path, "results/altered/samples")
    records = [
        json.loads(line)
        for file in samples.glob("*.jsonl")
        for line in file.read_text().splitlines()
    ]
    wrong = {one["id"] for one in records if one["state"] == "infer_error"}
    questions = {one["id"] for one in records if one["id"].startswith("2-q")}
    assert questions
    assert wrong == questions | {"2-f2-f3", "2-f3-f4"}
    [told] = {one["error"] for one in records if one["id"] == "2-q1"}
    assert "train/2: does not hold exactly the annotated frames" in told
    assert "missing: 3.jpg; not annotated: 11.jpg" in told


def test_verify_reads_the_training_data_where_they_are(altered, cli):
    done = cli("data", "verify", "--data", altered)
    assert done.returncode == 1
    told = done.stderr
    assert "inst_it_dataset_captions: " in told
    assert "missing: 3.jpg; not annotated: 11.jpg" in told
    assert "inst_it_dataset_image_captions: " not in told
    shutil.rmtree(altered / "Inst-It-Dataset" / "videos_vpt")
    told = cli("data", "verify", "--data", altered).stderr
    assert told.count("neither videos_vpt/ nor videos_vpt.zip") == 1


def test_conversations_have_two_turns_a_frame_and_one_a_pair(cli, tmp_path):
    done = cli("export-dataset", "--data", "demo", "--output", "out/all.jsonl")
    assert done.returncode == 0, done.stderr
    said = [json.loads(x) for x in Path(tmp_path, "out/all.jsonl").read_text().splitlines()]
    # Videos of 8 and 6 frames, and two images.
    assert "frames: 14" in done.stderr
    assert "pairs: 12" in done.stderr
    assert "32 conversations, 54 turns" in done.stderr
    assert len(said) == len({one["id"] for one in said}) == 32
    by_id = {one["id"]: one for one in said}
    frame, pair, whole = (by_id[f"video-2{end}"] for end in ("-f1", "-f3-f4", "-q"))
    assert frame["image"] == "videos_vpt/demo/train/2/1.jpg"
    assert [turn["from"] for turn in frame["conversations"]] == ["human", "gpt"] * 2
    assert pair["image"] == [f"videos_vpt/demo/train/2/{n}.jpg" for n in (3, 4)]
    assert pair["conversations"][0]["value"].startswith("<image>\n<image>\nWhat changes from <3>")
    assert whole["video"] == "videos_vpt/demo/train/2"
    assert len(whole["conversations"]) == 2 * 4
    for one in said:
        tokens = sum(turn["value"].count("<image>") for turn in one["conversations"])
        assert tokens == (len(one["image"]) if isinstance(one.get("image"), list) else 1)


def test_a_json_list_has_one_conversation_a_line(cli, tmp_path):
    done = cli("export-dataset", "--data", "demo", "--split", "image", "--output", "images.json")
    assert done.returncode == 0, done.stderr
    text = Path(tmp_path, "images.json").read_text()
    assert len(json.loads(text)) == 2
    assert len(text.splitlines()) == 2 + 2


def test_a_video_with_more_frames_than_training_takes_is_left_out_and_counted(cli, tmp_path):
    frames = [{"frame_name": f"{n}.jpg", "image_level": "A room."} for n in range(1, 34)]
    record = {"video_id": 1, "video_path": "videos_vpt/1", "frame_level_caption": frames}
    file = tmp_path / "long.json"
    file.write_text(json.dumps([record | {"video_level_caption": "A room."}]))
    done = cli("export-dataset", "--data", file, "--split", "video", "--output", "x.jsonl")
    assert done.returncode == 0, done.stderr
    assert "video conversations left out (more than 32 frames): 1" in done.stderr
    assert "33 conversations" in done.stderr

"""Our tasks inside lmms-eval: the same requests, and the same metrics to 1e-9, as in our runs."""

from __future__ import annotations

from hashlib import sha256
from shutil import copytree

import pytest
from PIL import Image

from tests.command_line import REPOSITORY
from tests.lmms_eval.conftest import GPT4TOOLS, INST_IT, TASKS

pytestmark = pytest.mark.lmms_eval

DEMO = REPOSITORY / "instit_bench/datasets/demo/Inst-It-Bench"


@pytest.fixture(scope="module", params=["chat", "simple"])
def theirs(request, lexically_judged):
    """A run of all six tasks with the tiny model of either kind and the lexical judge."""
    return lexically_judged(request.param)


@pytest.mark.parametrize("task", TASKS)
def test_every_metric_is_the_same_to_1e_9(theirs, ours, task):
    found = theirs.metrics(task)
    expected = {name: m for name, m in ours[task]["metrics"].items() if m["n"]}
    assert {name for name in found if "_stderr" not in name} == set(expected)
    for name, metric in expected.items():
        assert found[name] == pytest.approx(metric["value"], abs=1e-9), name


def test_the_replies_are_right_wrong_and_unreadable(ours):
    headlines = ["official_accuracy", "lexical_score", "sr"]
    for task in TASKS:
        values = [
            ours[task]["metrics"][name]["value"]
            for name in headlines
            if name in ours[task]["metrics"]
        ]
        assert all(0.1 < value < 0.95 for value in values)


@pytest.mark.parametrize("task", INST_IT)
def test_standard_errors_are_clustered_by_image_or_video(theirs, ours, task):
    """lmms-eval's variance is ours without the factor G/(G-1), plus 1/n of the unclustered one."""
    found = theirs.metrics(task)
    metrics = {name: m for name, m in ours[task]["metrics"].items() if m["stderr"]}
    assert metrics
    for name, metric in metrics.items():
        values = [line[name] for line in theirs.samples(task) if name in line]
        n_clusters = len({value["media_id"] for value in values})
        unclustered = found[f"{name}_stderr_clt"] ** 2
        variance = metric["stderr"] ** 2 * (n_clusters - 1) / n_clusters + unclustered / metric["n"]
        assert found[f"{name}_stderr_clustered"] == pytest.approx(variance**0.5, abs=1e-9), name


@pytest.mark.parametrize("task", GPT4TOOLS)
def test_independent_samples_have_our_standard_error(theirs, ours, task):
    found = theirs.metrics(task)
    for name, metric in ours[task]["metrics"].items():
        if metric["stderr"] is not None:
            assert found[f"{name}_stderr"] == pytest.approx(metric["stderr"], abs=1e-9), name


def test_groups_show_the_mean_of_their_tasks(theirs):
    groups = theirs.results["groups"]
    for group, task, metric in (
        ("inst_it_bench", "inst_it_{}_mc", "official_accuracy"),
        ("gpt4tools", "gpt4tools_{}", "sr"),
    ):
        parts = ("image", "video") if group == "inst_it_bench" else ("seen", "unseen")
        values = [theirs.metrics(task.format(part))[metric] for part in parts]
        assert groups[group][f"{metric},none"] == pytest.approx(sum(values) / 2)


def test_images_arrive_as_images_and_frames_in_order(theirs):
    asked = {}
    for request in theirs.requests:
        asked.setdefault(request["task"], []).append(request["media"])
    assert asked["inst_it_image_mc"][0] == [picture("images_vpt/001.jpg")]
    frames = [picture(f"videos_vpt/1/{number}.jpg") for number in range(1, 13)]
    assert asked["inst_it_video_mc"][0] == frames
    assert [str(DEMO / "videos_vpt/5.mp4")] in asked["inst_it_video_oe"]
    assert all(media == [] for task in GPT4TOOLS for media in asked[task])


def picture(name):
    """Describe an image as the tiny models do; one of the frames is not stored as RGB."""
    image = Image.open(DEMO / name).convert("RGB")
    return ["RGB", *image.size, sha256(image.tobytes()).hexdigest()]


def test_an_image_that_no_run_of_ours_would_send_ends_it_with_one_line(lmms_eval, tmp_path):
    data = copytree(DEMO, tmp_path / DEMO.name)
    Image.new("F", (9, 9)).save(data / "images_vpt/001.jpg", "TIFF")
    done = lmms_eval(tasks="inst_it_image_mc", INSTIT_BENCH_DATA=str(tmp_path))
    assert done.code == 2
    assert "images_vpt/001.jpg: cannot be decoded: its 32-bit levels" in done.err
    assert "Traceback" not in done.err


def test_models_get_the_sampling_settings_of_the_task(theirs):
    settings = {request["task"]: request["settings"] for request in theirs.requests}
    assert settings["inst_it_image_mc"] == {
        "max_new_tokens": 128,
        "temperature": 0.0,
        "do_sample": False,
        "until": [],
    }
    assert settings["gpt4tools_seen"]["max_new_tokens"] == 512


@pytest.mark.parametrize("task", TASKS)
def test_sample_logs_contain_predictions_and_scores(theirs, ours, replies, task):
    lines = theirs.samples(task)
    assert [line["filtered_resps"] for line in lines] == list(replies.by_sample[task].values())
    for name, metric in ours[task]["metrics"].items():
        assert sum(name in line for line in lines) == metric["n"], name
    if task in INST_IT:
        names = [
            next(v for v in line.values() if isinstance(v, dict))["question_id"] for line in lines
        ]
        assert names == list(replies.by_sample[task])

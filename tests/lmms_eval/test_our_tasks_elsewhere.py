"""Our tasks inside lmms-eval with different data, prompts, judges and installations."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from hashlib import sha256
from shutil import copytree

import pyarrow
import pyarrow.parquet
import pytest

from tests.command_line import REPOSITORY, cli_environment
from tests.lmms_eval.conftest import score_here
from tests.lmms_eval.test_our_tasks import DEMO, picture
from tests.openai_server import Reply, openai_server

pytestmark = pytest.mark.lmms_eval

PAIRS = ("image_mc", "image_oe", "video_mc", "video_oe")
JUDGED = ("inst_it_image_oe", "inst_it_video_oe")
ANSWER = "[3] stands beside [1] at <2>."


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data folder with prompt files and with images inside a parquet file."""
    folder = tmp_path_factory.mktemp("data")
    copytree(DEMO, folder / DEMO.name)
    records = json.loads((DEMO / "image_multi_choices.json").read_text())
    for record in records:
        record["image"] = {"bytes": (DEMO / record.pop("image_path")).read_bytes()}
        record |= {f"choice_{k.lower()}": text for k, text in record.pop("options").items()}
    parquet = folder / DEMO.name / "image_multi_choice" / "test-00000-of-00001.parquet"
    parquet.parent.mkdir()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records), parquet)
    texts = {name: {"pre_prompt": f"Pre {name}", "post_prompt": f"Post {name}"} for name in PAIRS}
    judge = {"gpt_eval": {"image": "Judge the image.", "video": "Judge the video."}}
    (folder / "prompts").mkdir()
    (folder / "prompts/inst_it_bench_prompts.json").write_text(json.dumps(texts | judge))
    return folder


def verdict(body):
    """Return a score that depends on the question; a quarter of the questions cannot be judged."""
    item = body["messages"][0]["content"][1]["text"]
    number = int(sha256(item.encode()).hexdigest(), 16)
    if number % 4 == 0:
        return Reply("this question is too hard", status=400)
    return Reply(json.dumps({"sample_score": number % 11 / 10}))


@pytest.fixture(scope="module")
def judge():
    with openai_server(verdict) as server:
        yield server


@pytest.fixture(scope="module")
def theirs(tmp_path_factory, lmms_eval, data, judge):
    replies = tmp_path_factory.mktemp("replies") / "one.json"
    replies.write_text(json.dumps({"*": ANSWER}))
    run = lmms_eval(
        tasks="inst_it_image_mc,inst_it_image_oe,inst_it_video_oe",
        INSTIT_BENCH_DATA=str(data),
        INSTIT_BENCH_MAX_FRAMES="4",
        INSTIT_BENCH_JUDGE="openai:judge",
        OPENAI_BASE_URL=judge.base_url,
        OPENAI_API_KEY="secret-key",
        TINY_REPLIES=str(replies),
    )
    assert run.code == 0, run.err
    return run


@pytest.mark.parametrize("task", JUDGED)
def test_the_judge_s_scores_equal_those_of_our_run(tmp_path, theirs, data, judge, task):
    said = {
        value["question_id"]: ANSWER
        for line in theirs.samples(task)
        for value in line.values()
        if isinstance(value, dict)
    }
    options = ("--data", data, "--judge", "openai:judge", "--judge-base-url", judge.base_url)
    metric = score_here(tmp_path, task, said, *options)["metrics"]["official_score"]
    assert 0 < metric["n"] < len(said)
    assert theirs.metrics(task)["official_score"] == pytest.approx(metric["value"], abs=1e-9)
    lines = theirs.samples(task)
    assert sum("official_score" in line for line in lines) == metric["n"]
    assert theirs.err.count("too hard") >= len(lines) - metric["n"]


def test_requests_and_judge_use_the_benchmark_s_own_texts(theirs, judge):
    texts = {request["task"]: request["text"] for request in theirs.requests}
    assert texts["inst_it_image_mc"].startswith("Pre image_mc\n")
    assert texts["inst_it_image_mc"].endswith("\nPost image_mc")
    assert texts["inst_it_video_oe"].startswith("Pre video_oe\nPost video_oe\n")
    told = {request["messages"][0]["content"][0]["text"] for request in judge.requests}
    assert told == {"Judge the image.", "Judge the video."}


def test_images_in_a_parquet_file_arrive_and_frames_are_limited(theirs):
    media = {request["task"]: request["media"] for request in reversed(theirs.requests)}
    assert media["inst_it_image_mc"] == [picture("images_vpt/001.jpg")]
    spread = [picture(f"videos_vpt/1/{number}.jpg") for number in (1, 5, 8, 12)]
    assert media["inst_it_video_oe"] == spread


def test_the_key_is_in_no_file_and_no_output(theirs):
    files = [path.read_text() for path in theirs.folder.rglob("*.json*")]
    assert not any("secret-key" in text for text in [*files, theirs.out, theirs.err])


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder for PYTHONPATH with the contents of the project's wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*build, str(REPOSITORY)], check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_tasks_from_the_wheel_run_and_have_no_judge_score_without_a_judge(
    installed, lmms_eval, tiny_models, ours
):
    path = f"{installed}:{tiny_models}"
    command = [sys.executable, "-m", "instit_bench", "tasks", "path"]
    env = cli_environment(PYTHONPATH=path)
    told = subprocess.run(
        command, env=env, cwd=installed, capture_output=True, text=True, check=True
    )
    tasks = told.stdout.strip()
    assert tasks == str(installed / "instit_bench/_shipped/tasks")

    run = lmms_eval(include_path=tasks, PYTHONPATH=path, OPENAI_API_KEY="key")
    assert run.code == 0, run.err
    found = run.metrics("inst_it_image_oe")
    assert "id_f1" in found
    assert not {"official_score", "lexical_score"} & set(found)
    expected = ours["gpt4tools_unseen"]["metrics"]["sr"]["value"]
    assert run.metrics("gpt4tools_unseen")["sr"] == pytest.approx(expected, abs=1e-9)


def test_missing_data_is_one_line_and_an_exit_code(lmms_eval):
    run = lmms_eval(tasks="gpt4tools", INSTIT_BENCH_DATA="/no/such/folder")
    assert run.code == 2
    assert "instit-bench: error: --data /no/such/folder: no such file" in run.err
    assert "Traceback" not in run.err

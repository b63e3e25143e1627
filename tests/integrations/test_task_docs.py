"""Inside lmms-eval, wrong data and settings are one clear error before any request is sent."""

from __future__ import annotations

import json
from shutil import copytree

import pytest
from PIL import Image

from instit_bench.errors import InputError
from instit_bench.integrations.lmms_eval.docs import plain_image, task_docs
from instit_bench.resources import demo_data, shipped

INST_IT = shipped("tasks") / "inst_it_bench"
DEMO = demo_data() / "Inst-It-Bench"


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A copy of the demo data, as INSTIT_BENCH_DATA."""
    folder = copytree(DEMO, tmp_path / DEMO.name)
    monkeypatch.setenv("INSTIT_BENCH_DATA", str(tmp_path))
    return folder


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("INSTIT_BENCH_DATA", "/no/such/folder", "no such file or folder"),
        (
            "INSTIT_BENCH_MAX_FRAMES",
            "0",
            "INSTIT_BENCH_MAX_FRAMES=0: must be a positive whole number",
        ),
        ("INSTIT_BENCH_MAX_FRAMES", "many", "INSTIT_BENCH_MAX_FRAMES=many: must be"),
        ("INSTIT_BENCH_JUDGE", "best", "INSTIT_BENCH_JUDGE=best: choose lexical, openai:MODEL"),
        ("INSTIT_BENCH_JUDGE", "vllm:judge", "INSTIT_BENCH_JUDGE=vllm:judge: choose lexical"),
        ("INSTIT_BENCH_JUDGE", "openai:", "openai:"),
        ("INSTIT_BENCH_JUDGE", "openai:judge", "set OPENAI_API_KEY"),
    ],
)
def test_a_wrong_variable_is_one_clear_error(data, monkeypatch, tmp_path, variable, value, told):
    monkeypatch.setenv("INSTIT_BENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setenv(variable, value)
    with pytest.raises(InputError, match=told):
        task_docs(INST_IT, "video_open_ended")


def test_a_duplicate_id_is_one_clear_error(data):
    file = data / "video_open_ended.json"
    records = json.loads(file.read_text())
    file.write_text(json.dumps([*records, records[0]]))
    with pytest.raises(InputError, match=r"record 17: id '001-01' is not unique"):
        task_docs(INST_IT, "video_open_ended")


def test_an_empty_dataset_is_one_clear_error(data):
    (data / "video_open_ended.json").write_text("[]")
    with pytest.raises(InputError, match=r"inst_it_video_oe: the dataset .* is empty"):
        task_docs(INST_IT, "video_open_ended")


def test_a_video_folder_without_frames_is_one_clear_error(data):
    for frame in (data / "videos_vpt/1").iterdir():
        frame.unlink()
    with pytest.raises(InputError, match="videos_vpt/1: contains no frames"):
        task_docs(INST_IT, "video_open_ended")


def test_a_folder_without_the_task_is_one_clear_error(data):
    with pytest.raises(InputError, match="no task with dataset_name 'seen'"):
        task_docs(INST_IT, "seen")


def test_an_image_has_the_pixels_of_our_own_runs(tmp_path):
    path, grey = tmp_path / "x.tif", Image.linear_gradient("L")
    grey.convert("I").point(lambda level: level * 257).convert("I;16").save(path)
    by_path = plain_image({"path": str(path), "bytes": None})
    by_bytes = plain_image({"path": None, "bytes": path.read_bytes()})
    assert by_path.tobytes() == by_bytes.tobytes() == grey.convert("RGB").tobytes()
    assert (by_path.filename, by_bytes.filename) == (str(path), "")


@pytest.mark.parametrize("mode", ["I", "F"])
def test_an_image_whose_white_nothing_defines_is_one_clear_error(tmp_path, capsys, mode):
    path = tmp_path / "x.tif"
    Image.new(mode, (9, 9)).save(path)
    with pytest.raises(SystemExit, match="2"):
        plain_image({"path": str(path), "bytes": None})
    told = f"instit-bench: error: {path}: cannot be decoded: its 32-bit levels"
    assert told in capsys.readouterr().err

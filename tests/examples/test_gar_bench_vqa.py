"""The port of GAR-Bench-VQA gives the published figures, and every command knows its metrics."""

from __future__ import annotations

import csv
import importlib.util
import json
from types import SimpleNamespace

import pytest
from PIL import Image

from tests.command_line import REPOSITORY, cli_in

FOLDER = REPOSITORY / "examples/gar_bench_vqa"
TASK = "gar_bench_vqa"
PUBLISHED = {
    "gar_1b": (203, {"color": 34, "texture_pattern": 17, "mirror": 36, "ordering": 13}),
    "gar_8b": (245, {"texture_pattern": 22, "material": 19, "mirror": 36}),
}


@pytest.fixture(scope="module")
def prepare():
    spec = importlib.util.spec_from_file_location("prepare", FOLDER / "prepare.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Both models' runs, scored from their outputs."""
    outputs = REPOSITORY.parent / "shared/data/gar"
    if not outputs.is_dir():
        pytest.skip("the outputs of GAR-Bench-VQA are not beside this checkout")
    folder = tmp_path_factory.mktemp("gar")
    cli = cli_in(folder)
    for model in PUBLISHED:
        options = ("--include-path", FOLDER, "--task", TASK, "--name", model)
        done = cli("score", outputs / f"{model}_vqa.json", *options)
        assert done.returncode == 0, done.stderr
    return SimpleNamespace(cli=cli, folder=folder, paths=[f"results/{m}" for m in PUBLISHED])


@pytest.mark.parametrize("model", PUBLISHED)
def test_the_published_figures(runs, model):
    total, kinds = PUBLISHED[model]
    results = json.loads((runs.folder / f"results/{model}/results.json").read_text())
    metrics = results["tasks"][TASK]["metrics"]
    for name in ("official_accuracy", "accuracy"):
        assert metrics[name]["n"] == 424
        assert metrics[name]["value"] * 424 == pytest.approx(total)
    for name, right in kinds.items():
        assert metrics[name]["value"] * metrics[name]["n"] == pytest.approx(right)


def test_every_command_shows_them(runs):
    board = runs.cli("leaderboard", *runs.paths, "--csv", "board.csv")
    assert board.returncode == 0, board.stderr
    with (runs.folder / "board.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    shares = [float(row[f"{TASK}_official_accuracy"]) * 424 / 100 for row in rows]
    assert shares == pytest.approx([203, 245])
    compared = runs.cli("compare", *runs.paths, "--json", "compared.json", COLUMNS="160")
    assert compared.returncode == 0, compared.stderr
    [comparison] = json.loads((runs.folder / "compared.json").read_text())["comparisons"]
    test = comparison["tasks"][TASK]["metrics"]["official_accuracy"]["test"]
    assert test["difference"] * 424 == pytest.approx(42)
    assert test["wins"] - test["losses"] == 42
    better = runs.cli("check", runs.paths[1], "--baseline", runs.paths[0])
    worse = runs.cli("check", runs.paths[0], "--baseline", runs.paths[1])
    assert (better.returncode, worse.returncode) == (0, 1), better.stdout + better.stderr
    report = runs.cli("report", *runs.paths, "--output", "report.html")
    assert report.returncode == 0, report.stderr
    page = (runs.folder / "report.html").read_text()
    for shown in ("47.9", "57.8", "texture_<wbr>pattern"):
        assert shown in page


def test_a_prediction_file_can_be_scored_again(runs):
    done = runs.cli("rescore", runs.paths[0])
    assert done.returncode == 0, done.stderr
    assert "0 samples changed" in done.stderr


def test_masks_of_the_real_items_have_their_images_sizes(runs, prepare):
    items = json.loads((REPOSITORY.parent / "shared/data/gar/gar_1b_vqa.json").read_text())
    masks = [mask for item in items for mask in item["mask_rles"]]
    assert all(sum(prepare.runs_of(m["counts"])) == m["size"][0] * m["size"][1] for m in masks)


def coded(runs):
    """Encode run lengths as COCO does."""
    text = ""
    for place, run in enumerate(runs):
        value = run - runs[place - 2] if place > 2 else run
        more = True
        while more:
            group = value & 0x1F
            value >>= 5
            more = value != (-1 if group & 0x10 else 0)
            text += chr(48 + (group | (0x20 if more else 0)))
    return text


def test_a_checkout_becomes_items_and_marked_images(prepare, tmp_path, monkeypatch, cli):
    source = tmp_path / "checkout" / prepare.ANNOTATIONS
    (source / "images").mkdir(parents=True)
    Image.new("RGB", (60, 40), "grey").save(source / "images/vqa_7.png")
    # Columns 20 to 39, rows 10 to 29.
    inside = [20 * 40 + 10, *([20, 20] * 20)]
    runs = [*inside[:-1], 60 * 40 - sum(inside[:-1])]
    item = {
        "image": "images/vqa_7.png", "question": "Which?", "choices": ["A. one", "B. two"],
        "answer": "B", "type": "texture/pattern",
        "mask_rles": [{"size": [40, 60], "counts": coded(runs)}],
    }  # fmt: skip
    (source / "GAR-Bench-VQA.json").write_text(json.dumps([item]))
    plugin = tmp_path / "plugin"
    plugin.mkdir()
    for name in ("gar_bench_vqa.yaml", "utils.py"):
        (plugin / name).write_text((FOLDER / name).read_text())
    monkeypatch.setattr(prepare, "__file__", str(plugin / "prepare.py"))
    prepare.main(tmp_path / "checkout")
    with Image.open(plugin / "data/marked/vqa_7.png") as image:
        assert [image.getpixel(at) for at in ((19, 12), (41, 12))] == [(255, 0, 0)] * 2
        assert [image.getpixel(at) for at in ((21, 12), (10, 12))] == [(128, 128, 128)] * 2
    options = ("--include-path", plugin, "--tasks", TASK, "--backend", "baseline", "--name", "r")
    done = cli("run", "--model", "text:The answer is B.", *options)
    assert done.returncode == 0, done.stderr
    task = json.loads((tmp_path / "results/r/results.json").read_text())["tasks"][TASK]
    found = {name: metric["value"] for name, metric in task["metrics"].items() if metric["n"]}
    assert found == {"official_accuracy": 0.0, "accuracy": 1.0, "texture_pattern": 0.0}

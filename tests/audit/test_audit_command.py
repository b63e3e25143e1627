"""``instit-bench audit``: processes, files, resuming, and what it refuses."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace

import pytest
from selenium.webdriver.common.by import By

import instit_bench
from instit_bench.audit import plan as planning
from instit_bench.evaluation.config import make_config
from instit_bench.evaluation.plan import make_plan
from instit_bench.resources import PACKAGE
from tests.browser import chromium, complaints
from tests.command_line import cli_in

COMMAND = (
    *("audit", "--model", "first", "--backend", "baseline", "--data", "demo"),
    *("--tasks", "inst_it_image_mc,gpt4tools_seen", "--limit", "8", "--name", "a"),
)
CHECKS = ("--checks", "blind,permuted-options")


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """An audit of a model that always says A, and its folder."""
    folder = tmp_path_factory.mktemp("audit")
    cli = cli_in(folder)
    shown = cli(*COMMAND, *CHECKS)
    assert shown.returncode == 0, shown.stderr
    return cli, folder / "results" / "a", shown


def test_all_runs_are_ordinary_runs_in_one_folder(done):
    cli, folder, _ = done
    names = {"plain", "blind"}
    names |= {f"rotated-options-{by}" for by in (1, 2, 3)}
    assert {path.name for path in folder.iterdir() if path.is_dir()} == names
    for name in names:
        manifest = json.loads((folder / name / "manifest.json").read_text())
        assert manifest["status"] == "finished"
        assert manifest["identity"]["intervention"] == (None if name == "plain" else name)
    report = cli("report", folder / "rotated-options-1", folder / "plain", "--no-media")
    assert report.returncode == 0, report.stderr


def test_what_is_skipped_is_said_with_the_reason(done):
    _, _, shown = done
    assert "blind skips gpt4tools_seen: it shows no image or video" in shown.stderr
    assert "permuted-options skips gpt4tools_seen: it has no options" in shown.stderr


def test_the_same_figures_are_printed_and_written(done):
    _, folder, shown = done
    figures = json.loads((folder / "audit.json").read_text())
    rotated = {one["task"]: one for one in figures["checks"]["permuted-options"]["circular"]}
    one = rotated["inst_it_image_mc"]
    assert one["orders"] == 4
    assert one["circular"]["value"] == 0.0
    assert "inst_it_image_mc: circular accuracy 0.0 %" in shown.stdout
    assert [letter["chosen"]["value"] for letter in one["letters"]] == [1.0, 0.0, 0.0, 0.0]
    (blind,) = [
        gain
        for gain in figures["checks"]["blind"]["gains"]
        if gain["decides"] and gain["task"] == "inst_it_image_mc"
    ]
    assert (blind["gain"], blind["n"]) == (0.0, 8)
    text = (folder / "audit.md").read_text()
    for line in ("# Audit of first", "## Does it look?", "circular accuracy 0.0 %"):
        assert line in text


def test_an_audit_that_is_done_asks_nothing_again_and_keeps_its_other_checks(done):
    cli, folder, _ = done
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*/samples/*.jsonl")}
    figures = json.loads((folder / "audit.json").read_text())
    again = cli(*COMMAND, "--checks", "blind")
    assert again.returncode == 0, again.stderr
    assert "was finished before" in again.stderr
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert json.loads((folder / "audit.json").read_text()) == figures
    assert "Does it choose the option, or the letter?" in again.stdout


def test_the_page_fits_a_talk_and_a_phone(done, tmp_path):
    _, folder, _ = done
    page_path = folder / "audit.html"
    for width in (1280, 390):
        with chromium(tmp_path / str(width), width=width) as page:
            page.get(page_path.as_uri())
            panels = page.find_elements(By.CSS_SELECTOR, "section.panel")
            titles = [panel.find_element(By.TAG_NAME, "h2").text for panel in panels]
            assert titles[0] == "Does it look?"
            assert "Does it choose the option, or the letter?" in titles
            assert page.find_elements(By.CSS_SELECTOR, "#permuted-options svg circle")
            assert page.execute_script("return document.documentElement.scrollWidth") <= width
            assert complaints(page) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--checks", "blnd"), "--checks blnd: is not known; did you mean 'blind'?"),
        (("--model", "b"), "--model: an audit takes one model"),
        (("--intervention", "blind"), "--intervention: an audit chooses its interventions"),
        (
            ("--tasks", "gpt4tools_seen", "--checks", "blind"),
            "no check applies to any task (blind: gpt4tools_seen: it shows no image or video)",
        ),
    ],
)
def test_what_cannot_be_audited_is_refused(cli, options, said):
    command = ["audit", "--model", "first", "--backend", "baseline", "--data", "demo"]
    refused = cli(*command, *options)
    assert refused.returncode == 2
    assert said in refused.stderr


def test_from_python_the_figures_are_a_frame(tmp_path):
    audited = instit_bench.audit(
        **{"model": "first", "backend": "baseline", "data": "demo", "limit": 2},
        **{"tasks": "inst_it_image_mc", "output": tmp_path, "name": "m", "checks": "no-marks"},
    )
    manifest = json.loads((tmp_path / "m/no-marks/manifest.json").read_text())
    assert manifest["identity"]["marks"] == "none"
    figures = audited.figures.set_index(["figure", "metric"])
    assert figures.loc[("gain from the marks", "accuracy"), ["run", "value", "n"]].to_list() == [
        *("no-marks", 0.0, 2)
    ]
    assert audited.page.is_file()
    assert "Does it need the marks?" in audited._repr_html_()


@pytest.mark.parametrize(("checks", "fetched"), [((), []), (("no-marks",), ["image"])])
def test_raw_media_come_from_the_hub_only_if_asked_for(tmp_path, monkeypatch, checks, fetched):
    settings = {"model": "m", "backend": "baseline", "data": "demo", "output": str(tmp_path)}
    settings["tasks"] = "inst_it_image_mc"
    plan = make_plan(make_config(None, settings))
    hub = replace(plan, source=replace(plan.source, kind="hub"))
    monkeypatch.setattr(planning, "make_plan", lambda *_, **__: hub)
    asked = []
    monkeypatch.setattr(
        "instit_bench.datasets.inst_it_raw.fetch_raw",
        lambda kind, _: asked.append(kind) or plan.source.root / "Inst-It-Bench",
    )
    found = {one.check.name: one for one in planning.plan_audit(settings, checks).checks}
    assert asked == fetched
    if not checks:
        why = found["no-marks"].skipped["inst_it_image_mc"]
        assert "get it with 'instit-bench data download --benchmark inst_it_raw'" in why


def test_without_masks_the_checks_of_marks_are_skipped_and_the_others_run(cli, tmp_path):
    shutil.copytree(PACKAGE / "datasets/demo", tmp_path / "data")
    for path in (tmp_path / "data/Inst-It-Bench").glob("*raw*"):
        shutil.rmtree(path)
    for path in (tmp_path / "data/Inst-It-Bench").glob("*masks*"):
        path.unlink()
    done = cli(
        *("audit", "--model", "first", "--backend", "baseline", "--data", "data", "--dry-run"),
        *("--tasks", "inst_it_image_mc", "--checks", "blind,permuted-marks,no-marks"),
    )
    assert done.returncode == 0, done.stderr
    assert "blind" in done.stdout
    assert "drawn-marks" not in done.stdout
    assert re.search(r"no-marks skips inst_it_image_mc: .*is missing", done.stderr)


def test_a_dry_run_sends_and_writes_nothing(cli, tmp_path):
    shown = cli(*COMMAND, *CHECKS, "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "blind" in shown.stdout
    assert not (tmp_path / "results").exists()

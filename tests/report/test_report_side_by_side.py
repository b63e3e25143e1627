"""Two or more runs' predictions side by side: which words differ is marked."""

from __future__ import annotations

import json

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from tests.report.big_runs import run_cli

SAID = {
    "one": "A man in red holds the small [3] box.",
    "two": "A man in blue holds the [3] box now.",
    "three": "A man in red holds the small [3] box.",
    "four": "A man in red holds the small [3] box. " + "word " * 3000,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with one run per prediction of the same sample."""
    path = tmp_path_factory.mktemp("said")
    for name, words in SAID.items():
        row = {"question_id": "001-01", "question": "What?", "ground_truth": "A", "split": "video"}
        (path / f"{name}.json").write_text(json.dumps([row | {"model_prediction": words}]))
        command = ("score", f"{name}.json", "--task", "inst_it_video_oe", "--name", name)
        run_cli(path, *command, "--judge", "lexical")
    return path


@pytest.fixture
def opened(browser, folder):
    """Return a function that opens the sample in a report of these runs."""

    def open_report(*names):
        runs = [f"results/{name}" for name in names]
        run_cli(folder, "report", *runs, "--output", f"{'-'.join(names)}.html")
        page = folder / f"{'-'.join(names)}.html"
        browser.get(page.as_uri() + "#sample=inst_it_video_oe/001-01")
        return browser

    return open_report


def marks(page, run):
    """Return the words marked in a run's prediction, and those that it lacks, in order."""
    found = page.find_elements(By.CSS_SELECTOR, f".answer[data-run={run}] mark")
    return [mark.text or mark.get_attribute("title") for mark in found]


def instead(page, run):
    """Return what a run has instead of other words."""
    found = page.find_elements(By.CSS_SELECTOR, f".answer[data-run={run}] mark.own")
    titles = {mark.text: mark.get_attribute("title") for mark in found}
    return {words: title.removeprefix("not here: ") for words, title in titles.items()}


def test_of_two_runs_both_are_marked(opened):
    page = opened("one", "two")
    assert marks(page, "one") == ["red", "small", "box."]
    assert marks(page, "two") == ["blue", "not here: small", "box now."]
    assert instead(page, "one") == {"red": "blue", "small": "only here", "box.": "box now."}
    assert instead(page, "two") == {"blue": "red", "box now.": "box."}
    shown = page.find_element(By.CSS_SELECTOR, ".answer[data-run=two] pre")
    assert shown.get_attribute("textContent") == SAID["two"], "marks do not change the text"


def test_of_several_runs_all_are_held_against_the_baseline(opened):
    page = opened("one", "two", "three", "four")
    assert marks(page, "one") == marks(page, "three") == []
    [long] = marks(page, "four")
    assert long.startswith("word word")
    Select(page.find_element(By.ID, "baseline")).select_by_value("two")
    assert marks(page, "two") == []
    assert marks(page, "one") == marks(page, "three") == ["red", "small", "box."]

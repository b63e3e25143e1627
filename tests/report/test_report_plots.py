"""A report's plots: nothing is cut off, and no data makes a plot or filter too large to use."""

from __future__ import annotations

import json

import pytest
from selenium.webdriver.common.by import By

from tests.browser import complaints
from tests.report.big_runs import DEMO, run_cli

RECORDS, N_RIGHT = 150, 1500

# The labels of every plot that extend beyond it.
CUT_OFF = """
return [...document.querySelectorAll(".chart svg")].flatMap((svg) => {
  const frame = svg.getBoundingClientRect();
  return [...svg.querySelectorAll("text")].filter((text) => {
    const box = text.getBoundingClientRect();
    const fits = box.left >= frame.left && box.right <= frame.right
      && box.top >= frame.top && box.bottom <= frame.bottom;
    return !fits;
  }).map((text) => text.textContent);
});
"""
# Pairs of a label and a point of a radar that overlap.
ON_LABELS = """
const radar = document.querySelector(".chart:has(polygon) svg");
const boxes = (tag) => [...radar.querySelectorAll(tag)].map((one) => one.getBoundingClientRect());
return boxes("text").flatMap((label) => boxes("circle").filter((dot) =>
  dot.left < label.right && dot.right > label.left
  && dot.top < label.bottom && dot.bottom > label.top)).length;
"""


def renamed(record, number):
    """Return the record with its own tools, which have long names."""
    text = json.dumps(record)
    for tool in ("Find Shadows", "Day To Night", "Guess Place", "Recolour Object"):
        text = text.replace(tool, f"{tool} of the {number}. kind " + "和" * 150)
    return json.loads(text) | {"id": number}


@pytest.fixture(scope="module")
def many_tools(tmp_path_factory):
    """A report of two runs on records with many different tools."""
    folder = tmp_path_factory.mktemp("many-tools")
    demo = json.loads((DEMO / "gpt4tools/gpt4tools_test_unseen.json").read_text())
    calling = [record for record in demo if "Action:" in record["output"]]
    records = [renamed(calling[number % len(calling)], number) for number in range(RECORDS)]
    (folder / "tools.json").write_text(json.dumps(records))
    for model in ("random", "echo-gold"):
        command = ("run", "--backend", "baseline", "--model", model, "--name", model)
        run_cli(folder, *command, "--data", "tools.json", "--tasks", "gpt4tools_unseen")
    run_cli(folder, "report", "results/random", "results/echo-gold", "--output", "r.html")
    return folder / "r.html"


def test_labels_of_plots_are_not_cut_off(browser, tmp_path):
    rows = [
        {
            "question_id": f"{number:05}-01",
            "question": "What does [1] do?",
            "model_prediction": "A",
            "ground_truth": "A",
            "split": "image",
        }
        for number in range(N_RIGHT)
    ]
    (tmp_path / "p.json").write_text(json.dumps(rows))
    for name in ("one", "two"):
        run_cli(tmp_path, "score", "p.json", "--task", "inst_it_image_mc", "--name", name)
    run_cli(tmp_path, "report", "results/one", "results/two", "--output", "r.html")
    browser.get((tmp_path / "r.html").as_uri())
    assert f"100.0, n {N_RIGHT}" in browser.find_element(By.CSS_SELECTOR, ".charts").text
    assert browser.execute_script(CUT_OFF) == []


def test_the_points_of_a_radar_do_not_cover_its_labels(browser, tmp_path):
    command = ("run", "--backend", "baseline", "--data", "demo")
    for model in ("echo-gold", "random"):
        run_cli(tmp_path, *command, "--model", model, "--name", model)
    run_cli(tmp_path, "report", "results/echo-gold", "results/random", "--output", "r.html")
    browser.get((tmp_path / "r.html").as_uri())
    assert browser.execute_script(ON_LABELS) == 0


def test_many_tools_share_a_row_and_a_column(browser, many_tools):
    browser.get(many_tools.as_uri())
    assert many_tools.stat().st_size < 5e6
    chart = browser.find_element(By.CSS_SELECTOR, ".chart:has(.cell)")
    words = chart.find_elements(By.CSS_SELECTOR, "text.label")
    labels = [text.get_attribute("textContent") for text in words]
    assert labels.count("(other)") == 2
    assert len(chart.find_elements(By.CSS_SELECTOR, ".match")) <= 40
    assert len(chart.find_elements(By.TAG_NAME, "rect")) < 400
    assert all(
        rect.get_attribute("textContent").split(": ")[-1] != "0"
        for rect in chart.find_elements(By.CSS_SELECTOR, "rect:not(.match)")
    )
    assert chart.find_element(By.TAG_NAME, "svg").rect["width"] < 2000
    chart.find_element(By.TAG_NAME, "summary").click()
    rows = [row.text for row in chart.find_elements(By.CSS_SELECTOR, "tbody tr")]
    journal = (many_tools.parent / "results/random/samples/gpt4tools_unseen.jsonl").read_text()
    pairs = [pair for line in journal.splitlines() for pair in json.loads(line)["details"]["pairs"]]
    assert sum(int(row.split(" ")[-1]) for row in rows) == len(pairs), "no call is lost"
    assert browser.execute_script(CUT_OFF) == []
    assert complaints(browser) == []


def test_the_border_of_a_match_is_drawn_above_its_neighbours(browser, many_tools):
    browser.get(many_tools.as_uri())
    for chart in browser.find_elements(By.CSS_SELECTOR, ".chart:has(.cell)"):
        classes = [rect.get_attribute("class") for rect in chart.find_elements(By.TAG_NAME, "rect")]
        assert classes == sorted(classes, key="cell match".__eq__)


def test_the_filter_offers_the_most_common_tools(browser, many_tools):
    browser.get(many_tools.as_uri())
    options = browser.find_elements(By.CSS_SELECTOR, "#tool option")
    assert len(options) == 102
    assert options[-1].text.endswith("rarer: search for them")
    assert not options[-1].is_enabled()
    assert all(len(option.text) < 80 for option in options)

"""The reasons why official and strict differ: counted in the report's head, listed on request."""

from __future__ import annotations

import json
import re

import pytest
from selenium.webdriver.common.by import By

from tests.report.big_runs import run_cli

REPLIES = [
    (
        "inst_it_image_mc",
        "A cat is on the sofa, so the answer is D",
        "official takes the first capital A to D in the prediction, which is not its answer",
    ),
    (
        "inst_it_image_mc",
        "the correct answer is d",
        "official finds no capital A to D and excludes the sample; strict finds an answer",
    ),
    (
        "inst_it_image_mc",
        "I Cannot tell",
        "the prediction gives no answer; official takes a capital letter in it for one",
    ),
    (
        "inst_it_image_mc",
        "no idea",
        "neither finds an answer: strict counts it as wrong, official excludes it",
    ),
    (
        "gpt4tools_unseen",
        "Thought: Do I need to use a tool? No.\\nAI: Romeo and Juliet.",
        "official wants the thought to be exactly No and an 'AI: ' line",
    ),
]


@pytest.mark.parametrize(("task", "reply", "reason"), REPLIES)
def test_each_reason_is_counted_and_links_to_its_samples(browser, tmp_path, task, reply, reason):
    command = ("run", "--backend", "baseline", "--model", f"text:{reply}", "--name", "r")
    run_cli(tmp_path, *command, "--data", "demo", "--tasks", task)
    run_cli(tmp_path, "report", "results/r", "--no-media")
    journal = (tmp_path / f"results/r/samples/{task}.jsonl").read_text().splitlines()
    differing = [r["id"] for r in map(json.loads, journal) if "difference" in r["details"]]
    assert differing
    browser.get((tmp_path / "results/r/report.html").as_uri())
    section = browser.find_element(By.CSS_SELECTOR, ".difference")
    assert f"official and strict differ on {len(differing)} sample" in section.text
    counts = dict(re.findall(r"^(\d+): (.*)$", section.text, re.MULTILINE))
    assert reason in counts.values()
    assert sum(map(int, counts)) == len(differing)
    section.find_element(By.LINK_TEXT, "show").click()
    shown = [row.text for row in browser.find_elements(By.CSS_SELECTOR, "[role=option] .id")]
    assert shown == differing[: len(shown)]
    assert browser.find_element(By.ID, "count").text.startswith(f"{len(differing)} of")
    browser.find_element(By.ID, "list").send_keys("j")
    assert "Why official and strict differ" in browser.find_element(By.ID, "details").text

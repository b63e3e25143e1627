"""The head of a report: runs × tasks, paired differences to a baseline, metrics and provenance."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from instit_bench.report.paired import p_text, signed
from tests.browser import complaints
from tests.command_line import cli_in
from tests.openai_server import Reply, openai_server

TASK = "inst_it_image_mc"
JUDGE = "gpt-4o-2024-08-06"


@pytest.fixture
def page(browser, big_report):
    """The report of ``guess`` and ``first``, without a selection."""
    browser.get("about:blank")
    browser.get(big_report.as_uri())
    return browser


@pytest.fixture(scope="module")
def compared(big_report):
    """What ``compare`` says of ``first`` against ``guess``: its JSON by task and metric."""
    folder = big_report.parent.parent
    runs = ("results/guess", "results/first")
    done = cli_in(folder)("compare", *runs, "--json", "c.json")
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "c.json").read_text())["comparisons"][0]["tasks"]


def cell(page, run, task=TASK):
    """Return the text of a run's cell in the matrix."""
    row = page.find_element(By.XPATH, f"//table[@class='matrix']//tr[th//bdi[text()='{run}']]")
    return row.find_element(By.CSS_SELECTOR, f"td[data-task='{task}']").text


def test_a_cell_shows_official_and_strict_with_interval_and_coverage(page, big_report):
    results = json.loads((big_report.parents[1] / "results/guess/results.json").read_text())
    shown = cell(page, "guess")
    for metric, role in (("official_accuracy", "official"), ("accuracy", "strict")):
        figures = results["tasks"][TASK]["metrics"][metric]
        low, high = figures["ci95"]
        found = f"{100 * figures['value']:.1f}\n{100 * low:.1f}–{100 * high:.1f}\n{role}"
        assert found in shown
    assert "1,500 of 1,500 (100.0 %)" in shown
    assert "uses this project's prompts" in page.find_element(By.CSS_SELECTOR, ".marks").text
    assert complaints(page) == []


def differences(page, run, task=TASK):
    """Return the visible paired differences of a cell: difference, interval and p."""
    return re.findall(r"^(\S+) (\S+ to \S+), p (\S+)$", cell(page, run, task), re.MULTILINE)


def test_differences_are_those_of_compare(page, compared):
    metrics = compared[TASK]["metrics"]
    expected = [
        (
            signed(100 * metrics[name]["test"]["difference"]),
            " to ".join(signed(100 * end) for end in metrics[name]["test"]["ci95"]),
            p_text(metrics[name]["p"]),
        )
        for name in ("official_accuracy", "accuracy")
    ]
    assert differences(page, "first") == expected
    assert differences(page, "guess") == [], "a run has no difference to itself"


def test_the_baseline_can_be_chosen_and_is_part_of_the_link(page):
    [(forward, *_), _] = differences(page, "first")
    Select(page.find_element(By.ID, "baseline")).select_by_value("first")
    assert "baseline=first" in page.execute_script("return location.hash")
    [(backward, *_), _] = differences(page, "guess")
    assert {forward[0], backward[0]} == {"+", "−"}
    assert forward[1:] == backward[1:]
    assert differences(page, "first") == []
    page.refresh()
    assert Select(page.find_element(By.ID, "baseline")).first_selected_option.text == "first"
    assert differences(page, "guess")[0][0] == backward


def test_the_first_baseline_can_be_named_for_any_number_of_runs(cli, tmp_path):
    names = [f"r{number}" for number in range(10)]
    row = {"question_id": "001-01", "question": "Q", "model_prediction": "A"}
    row |= {"ground_truth": "A", "split": "image"}
    (tmp_path / "p.json").write_text(json.dumps([row]))
    cli("score", "p.json", "--task", TASK, "--name", "r0")
    for name in names[1:]:
        shutil.copytree(tmp_path / "results/r0", tmp_path / "results" / name)
    for number, offered in ((3, ["r2", "r0", "r1"]), (10, ["r2"])):
        runs = [f"results/{name}" for name in names[:number]]
        done = cli("report", *runs, "--baseline", "results/r2/", "--output", "r.html")
        assert done.returncode == 0, done.stderr
        assert re.findall(r'<option value="(r\d)"', (tmp_path / "r.html").read_text()) == offered
    done = cli("report", "results/r0", "results/r1", "--baseline", "results/r2")
    assert done.returncode == 2
    assert "--baseline results/r2: is not one of the runs of this report" in done.stderr


def test_runs_of_different_data_are_not_compared(cli, tmp_path):
    for name, target in (("one", "A"), ("two", "B")):
        row = {"question_id": "001-01", "question": "Q", "model_prediction": "A"}
        row |= {"ground_truth": target, "split": "image"}
        (tmp_path / f"{name}.json").write_text(json.dumps([row]))
        cli("score", f"{name}.json", "--task", TASK, "--name", name)
    assert cli("report", "results/one", "results/two", "--output", "r.html").returncode == 0
    page = (tmp_path / "r.html").read_text()
    assert "not comparable" in page
    assert f"two: {TASK}: question or target of 1 of 1 shared samples (001-01)" in page
    assert "<i>p</i> 0" not in page
    assert "<i>p</i> 1" not in page


def test_every_metric_of_the_terminal_is_in_the_table(page, big_report):
    results = json.loads((big_report.parents[1] / "results/first/results.json").read_text())
    page.find_element(By.CSS_SELECTOR, "#metrics > summary").click()
    text = page.find_element(By.ID, "metrics").text
    for task in results["tasks"].values():
        for name, metric in task["metrics"].items():
            if metric["n"]:
                assert re.search(rf"^{name}\b.* {100 * metric['value']:.1f} ", text, re.MULTILINE)


def test_provenance_shows_where_the_numbers_come_from(page, big_report):
    manifest = json.loads((big_report.parents[1] / "results/first/manifest.json").read_text())
    page.find_element(By.CSS_SELECTOR, "#provenance > summary").click()
    table = page.find_element(By.ID, "provenance")
    facts = {
        row.find_element(By.TAG_NAME, "th").text: row
        for row in table.find_elements(By.CSS_SELECTOR, "tr:has(td)")
    }
    assert facts["model"].text == "model random first"
    assert facts["model"].get_attribute("class") == "differs"
    assert facts["seed"].text == "seed 0 0"
    environment = manifest["environment"]
    assert environment["instit_bench"] in facts["instit-bench"].text
    if environment["git_commit"]:
        assert environment["git_commit"] in facts["commit"].text
    assert "numpy" in facts


def test_provenance_counts_tokens_and_the_cost_of_judging(cli, tmp_path):
    def answer(body):
        return Reply("0.5" if body["model"] == JUDGE else "A red car.")

    with openai_server(answer) as server:
        model = ("--backend", "openai", "--model", "m", "--base-url", server.base_url)
        judge = ("--judge", f"openai:{JUDGE}", "--judge-base-url", server.base_url)
        data = ("--data", "demo", "--tasks", "inst_it_image_oe", "--limit", 3, "--name", "r")
        done = cli("run", *model, *judge, *data, OPENAI_API_KEY="k")
    assert done.returncode == 0, done.stderr
    assert cli("report", "results/r", "--no-media").returncode == 0
    page = (tmp_path / "results/r/report.html").read_text()
    facts = dict(re.findall(r'<th scope="row">([^<]*)</th><td><bdi>([^<]*)</bdi>', page))
    results = json.loads((tmp_path / "results/r/results.json").read_text())
    [task] = results["tasks"].values()
    assert facts["prompt tokens"] == f"{task['usage']['prompt_tokens']:,}"
    assert facts["generated tokens"] == f"{task['usage']['completion_tokens']:,}"
    assert facts["seconds per reply"].endswith("(median)")
    [spent] = task["judging"]["judges"].values()
    assert facts["judge calls"] == str(spent["calls"]) == "3"
    assert facts["judge cost"] == f"${spent['cost_usd']:.2f}"
    assert facts["judge"].startswith(f"openai:{JUDGE}")


@pytest.mark.parametrize(
    ("p", "text"), [(1.0, "1"), (0.0412, "0.041"), (0.001, "0.001"), (2.1e-12, "2×10⁻¹²")]
)
def test_p_values_are_printed_as_in_a_paper(p, text):
    assert p_text(p) == text

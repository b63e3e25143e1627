"""What a report's tables become in Markdown, LaTeX and CSV, and its plots as files."""

from __future__ import annotations

import csv
import io
import json
import time
from xml.etree import ElementTree

import pytest
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from tests.browser import chromium, complaints
from tests.report.big_runs import run_cli

NAMES = ("plain", '=cmd "$x_1"')
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A report of two runs, one with a name that means something to each format."""
    folder = tmp_path_factory.mktemp("copies")
    for number, name in enumerate(NAMES):
        rows = [
            {
                "question_id": f"{index:03}-01",
                "question": "What is [1]?",
                "model_prediction": "A" if index % 3 or number else "B",
                "ground_truth": "A",
                "split": "image",
            }
            for index in range(30)
        ]
        (folder / "p.json").write_text(json.dumps(rows))
        run_cli(folder, "score", "p.json", "--task", "inst_it_image_mc", "--name", f"r{number}")
        (folder / f"results/r{number}").rename(folder / "results" / name)
    runs = [f"results/{name}" for name in NAMES]
    run_cli(folder, "report", *runs, "--output", "r.html")
    with chromium(folder) as browser:
        permissions = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
        browser.execute_cdp_cmd("Browser.grantPermissions", permissions)
        browser.get((folder / "r.html").as_uri())
        yield browser
        assert complaints(browser) == []


def copied(page, selector, title):
    """Press a copy button in a part of the page, and return what is on the clipboard."""
    tools = page.find_element(By.CSS_SELECTOR, f"{selector} .tools[data-copy]")
    tools.find_element(By.XPATH, f"./button[text()='{title}']").click()
    WebDriverWait(page, 10).until(lambda _: f"copied as {title}" in tools.text)
    read = "navigator.clipboard.readText().then(arguments[0], (e) => arguments[0](String(e)))"
    return page.execute_async_script(read)


def test_the_matrix_as_markdown(page):
    lines = copied(page, "section", "Markdown").splitlines()
    assert lines[:2] == ["| run | inst\\_it\\_image\\_mc |", "| --- | ---: |"]
    assert lines[2] == "| plain | 66.7 |"
    assert lines[3] == '| =cmd "\\$x\\_1" | 100.0 (+33.3\\*) |'
    assert "paired difference to plain" in lines[-1]


def test_the_matrix_as_latex(page):
    lines = copied(page, "section", "LaTeX").splitlines()
    assert "\\begin{tabular}{lr} % needs \\usepackage{booktabs}" in lines
    assert "  run & inst\\_it\\_image\\_mc \\\\" in lines
    assert "  =cmd \\textquotedbl{}\\$x\\_1\\textquotedbl{} & 100.0 (+33.3*) \\\\" in lines
    assert lines[-1] == "\\end{tabular}"


def test_the_matrix_as_csv_has_every_number_and_no_formula(page):
    Select(page.find_element(By.ID, "baseline")).select_by_value(NAMES[1])
    rows = list(csv.DictReader(io.StringIO(copied(page, "section", "CSV"))))
    Select(page.find_element(By.ID, "baseline")).select_by_value(NAMES[0])
    assert [row["view"] for row in rows] == ["official", "strict"] * 2
    plain, other = rows[0], rows[2]
    assert other["run"] == plain["baseline"] == "'" + NAMES[1], "not run by a spreadsheet"
    assert float(plain["value"]) == pytest.approx(200 / 3, abs=1e-3)
    assert float(plain["difference"]) == pytest.approx(-100 / 3, abs=1e-3)
    assert float(plain["p"]) == pytest.approx(2 / 2**10)
    assert (plain["n"], plain["n_total"], plain["verdict"]) == ("30", "30", "worse")


def test_a_table_below_the_matrix(page):
    page.find_element(By.CSS_SELECTOR, "#metrics summary").click()
    rows = list(csv.reader(io.StringIO(copied(page, "#metrics", "CSV"))))
    assert rows[0] == ["", "metric, %", "plain", "'" + NAMES[1]]
    assert rows[1][:2] == ["inst_it_image_mc", "official_accuracy"]
    assert rows[1][2].startswith("66.7 ")


def downloaded(page, folder, title, kind):
    """Download a plot and return its file."""
    chart = page.find_element(By.XPATH, f"//figure[figcaption/bdi[starts-with(., '{title}')]]")
    name = chart.find_element(By.CSS_SELECTOR, "figcaption bdi").text.replace(" ", "-")
    chart.find_element(By.CSS_SELECTOR, f"[data-format={kind}]").click()
    target = folder / "downloads" / f"{name}.{kind}"
    deadline = time.monotonic() + 20
    while not target.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return target


def test_a_plot_is_downloaded_as_svg_and_as_png(page, tmp_path_factory):
    folder = next(tmp_path_factory.getbasetemp().glob("copies*"))
    drawing = ElementTree.parse(downloaded(page, folder, "Differences", "svg")).getroot()
    width, height = (float(drawing.get(side)) for side in ("width", "height"))
    words = "".join(drawing.itertext())
    assert NAMES[1] in words, "the legend is part of the drawing"
    assert "+33.3, p 0.002" in words
    line = drawing.find(f"{SVG}line")
    assert line.get("stroke").startswith("rgb"), "colours are in the file"
    assert "class" not in line.attrib
    with Image.open(downloaded(page, folder, "Differences", "png")) as image:
        assert image.size == (round(3 * width), round(3 * height))
        assert len(image.convert("RGB").getcolors(1 << 20)) > 50, "it is drawn"

"""``instit-bench leaderboard --html`` in a real browser: sorting, filters, download, safety."""

from __future__ import annotations

import csv
import json
import re
import shutil
import time
from itertools import pairwise

import pytest
from selenium.webdriver import ActionChains, Keys

from tests.browser import chromium, complaints
from tests.command_line import REPOSITORY, cli_in

BASELINE = ("run", "--backend", "baseline", "--data", "demo")
HOSTILE = [
    "<script>document.title='broken'</script>",
    "</script></td></table><img src=x onerror=\"document.title='broken'\">",
    "javascript:document.title='broken'",
    "\"'><svg onload=document.title='broken'>",
    "two\nlines {{ 7 * 7 }} &lt;b&gt;",
    '=HYPERLINK("https://example.org","more")',
]


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """A folder with ``board.html`` and ``board.csv``: published rows, two runs, hostile names."""
    folder = tmp_path_factory.mktemp("board")
    cli = cli_in(folder)
    cli(*BASELINE, "--model", "echo-gold", "--name", "gold")
    cli(*BASELINE, "--model", "first", "--name", "first", "--tasks", "inst_it_image_mc")
    runs = ["results/gold", "results/first"]
    for number, name in enumerate(HOSTILE):
        runs.append(f"results/hostile-{number}")
        shutil.copytree(folder / "results/first", folder / runs[-1])
        manifest = folder / runs[-1] / "manifest.json"
        content = json.loads(manifest.read_text())
        content["identity"]["model"] = name
        manifest.write_text(json.dumps(content))
    files = ("--html", "board.html", "--csv", "board.csv")
    done = cli("leaderboard", *runs, "--published", *files)
    assert done.returncode == 0, done.stderr
    assert "html: board.html" in done.stderr
    return folder


@pytest.fixture
def page(board, tmp_path):
    with chromium(tmp_path) as opened:
        opened.get((board / "board.html").as_uri())
        yield opened
        assert complaints(opened) == []


def find(page, selector):
    return page.find_elements("css selector", selector)


def shown_models(page):
    return page.execute_script(
        """
        const rows = [...document.querySelectorAll("tbody tr:not(#none)")];
        const shown = rows.filter((row) => row.checkVisibility());
        return shown.map((row) => row.querySelector("th bdi").innerText);
        """
    )


def column(page, name):
    """Return the numbers of a column from top to bottom; ``None`` for cells without a number."""
    return page.execute_script(
        """
        const heading = document.querySelector(`thead [data-name="${arguments[0]}"]`);
        const place = [...heading.parentElement.cells].indexOf(heading) + 2;
        const cells = document.querySelectorAll(`tbody td[data-benchmark]:nth-child(${place})`);
        const number = (text) => (text ? Number.parseFloat(text) : null);
        return [...cells].map((cell) => number(cell.innerText));
        """,
        name,
    )


def heading(page, title):
    return next(button for button in find(page, "thead button") if button.text == title)


def choose(page, label):
    next(found for found in find(page, ".controls label") if found.text == label).click()


def test_numbers_sort_both_ways_and_empty_cells_stay_last(page):
    heading(page, "Video MC").click()
    falling = column(page, "inst_it_video_mc")
    numbers = [value for value in falling if value is not None]
    assert falling == sorted(numbers, reverse=True) + [None] * falling.count(None)
    assert None in falling
    assert len(numbers) > 10
    th = heading(page, "Video MC").find_element("xpath", "..")
    assert th.get_attribute("aria-sort") == "descending"
    heading(page, "Video MC").click()
    assert column(page, "inst_it_video_mc") == sorted(numbers) + [None] * falling.count(None)
    assert th.get_attribute("aria-sort") == "ascending"
    assert len(find(page, "[aria-sort]")) == 1


def test_sorting_is_stable(page):
    heading(page, "Model").click()
    heading(page, "Video OE").click()
    tail = shown_models(page)[-column(page, "inst_it_video_oe").count(None) :]
    plain = [name for name in tail if re.match(r"[A-Za-z]", name)]
    assert all(a.lower() <= b.lower() for a, b in pairwise(plain))
    assert len(plain) > 5


def test_everything_works_with_the_keyboard(page):
    keys = ActionChains(page)
    keys.send_keys(Keys.TAB * 2 + "qwen2-vl" + Keys.TAB).perform()  # past the download link
    assert page.switch_to.active_element.get_attribute("name") == "benchmark"
    keys.send_keys(Keys.ARROW_RIGHT).perform()
    assert shown_models(page) == ["Qwen2-VL-Instruct (Qwen2-7B)", "Qwen2-VL-Instruct (Qwen2-72B)"]
    image_mc = heading(page, "Image MC")
    for _ in range(8):
        if page.switch_to.active_element == image_mc:
            break
        keys.send_keys(Keys.TAB).perform()
    keys.send_keys(Keys.ENTER).perform()
    assert shown_models(page) == ["Qwen2-VL-Instruct (Qwen2-72B)", "Qwen2-VL-Instruct (Qwen2-7B)"]


def test_the_filter_requires_every_word_in_name_or_source(page):
    box = page.find_element("id", "filter")
    box.send_keys("thesis OPT")
    assert shown_models(page) == ["OPT-13B", "OPT-13B + GPT4Tools"]
    assert page.find_element("id", "count").text.startswith("2 of ")
    box.send_keys(" nothing-like-this")
    assert shown_models(page) == []
    assert "No row matches." in page.find_element("id", "board").text
    box.clear()
    box.send_keys(Keys.SPACE)
    assert len(shown_models(page)) == len(find(page, "tbody tr:not(#none)"))


def test_the_menus_filter_rows_and_columns(page):
    choose(page, "Ours")
    assert shown_models(page)[:2] == ["echo-gold", "first"]
    choose(page, "GPT4Tools")
    assert shown_models(page) == ["echo-gold"]
    titles = {button.text for button in find(page, "thead button") if button.is_displayed()}
    assert titles == {"Model", "Seen", "Unseen", "Source"}
    choose(page, "Inst-IT Bench")
    choose(page, "Hide marked numbers")
    assert shown_models(page) == []  # all demo runs are marked
    choose(page, "Published")
    assert "GPT-4o" in shown_models(page)


def test_marked_numbers_are_never_highlighted_and_explain_why(page):
    row = next(row for row in find(page, "tbody tr") if row.text.startswith("echo-gold"))
    figure = row.find_elements("css selector", ".figure")[1]
    assert figure.text.split()[:2] == ["100.0", "GDP"]
    best = {cell.text for cell in find(page, "tbody strong")}
    assert {"84.8", "81.0", "94.1"} <= best
    assert "100.0" not in best
    figure.click()
    details = next(found for found in find(page, ".details") if found.is_displayed())
    for fact in ("echo-gold", "samples\n16", "coverage\n100.0 %", "on the embedded demo data"):
        assert fact in details.text
    ActionChains(page).send_keys(Keys.ESCAPE).perform()
    assert not details.is_displayed()


def test_the_downloaded_csv_equals_the_one_from_the_command(page, board, tmp_path):
    page.find_element("link text", "Download CSV").click()
    target = tmp_path / "downloads/leaderboard.csv"
    deadline = time.monotonic() + 10
    while not target.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert target.read_bytes() == (board / "board.csv").read_bytes()


def test_names_are_shown_as_text_only(page, board):
    assert page.title == "Leaderboard: Inst-IT Bench and GPT4Tools"
    assert shown_models(page)[-len(HOSTILE) :] == [" ".join(name.split()) for name in HOSTILE]
    assert len(find(page, "script")) == 1
    assert find(page, "img, svg, iframe, object") == []
    assert all(a.get_attribute("href").startswith("https://") for a in find(page, "td a"))
    assert len({a.get_attribute("href") for a in find(page, "td a")}) == 2
    with (board / "board.csv").open(newline="") as file:
        names = [row["model"] for row in csv.DictReader(file)][-len(HOSTILE) :]
    assert names == [*HOSTILE[:-1], "'" + HOSTILE[-1]]


def test_a_run_with_a_report_links_to_it(cli, tmp_path):
    for name in ("a#b", "plain", "none"):
        cli(*BASELINE, "--model", "first", "--name", "r", "--tasks", "inst_it_image_mc")
        if name != "none":
            assert cli("report", "results/r", "--no-media").returncode == 0
        (tmp_path / "results/r").rename(tmp_path / "results" / name)
    runs = [f"results/{name}" for name in ("a#b", "plain", "none")]
    assert cli("leaderboard", *runs, "--html", "pages/board.html").returncode == 0
    page = (tmp_path / "pages/board.html").read_text()
    assert re.findall(r'<a href="([^"]*)" title="report">', page) == [
        *("../results/a%23b/report.html", "../results/plain/report.html")
    ]


def test_on_a_phone_the_table_scrolls_beside_fixed_names(board, tmp_path):
    with chromium(tmp_path, width=390, height=844) as page:
        page.get((board / "board.html").as_uri())
        assert page.execute_script("return document.documentElement.scrollWidth") == 390
        box, name = page.find_element("class name", "box"), find(page, "tbody th")[0]
        before = name.location_once_scrolled_into_view["x"]
        page.execute_script("arguments[0].scrollLeft = 1000", box)
        assert page.execute_script("return arguments[0].scrollLeft", box) > 100
        assert name.location_once_scrolled_into_view["x"] == before
        assert complaints(page) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_has_enough_contrast_in_light_and_dark_mode(board, tmp_path, dark):
    with chromium(tmp_path, dark=dark) as page:
        page.get((board / "board.html").as_uri())
        for selector in ("body", ".interval", ".marks", ".kind", "td.source", "thead button"):
            assert contrast(page, find(page, selector)[0]) >= 4.5, selector
        ground = page.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert (luminance(ground) < 0.1) == dark


def contrast(page, element):
    """Return the WCAG 2 contrast ratio between an element's text and its background."""
    ink, ground = page.execute_script(
        """
        let below = arguments[0];
        const ink = getComputedStyle(below).color;
        const ground = (e) => getComputedStyle(e).backgroundColor;
        while (below.parentElement && ground(below) === "rgba(0, 0, 0, 0)") {
          below = below.parentElement;
        }
        return [ink, ground(below)];
        """,
        element,
    )
    low, high = sorted((luminance(ink), luminance(ground)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour):
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_without_javascript_the_table_and_the_csv_link_work(board, tmp_path):
    with chromium(tmp_path) as page:
        page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        page.get((board / "board.html").as_uri())
        assert "GPT-4o" in shown_models(page)
        assert not page.find_element("id", "controls").is_displayed()
        assert page.find_element("link text", "Download CSV").is_displayed()


def test_the_committed_page_is_up_to_date(cli, tmp_path):
    assert cli("leaderboard", "--published", "--html", "b.html").returncode == 0
    committed = (REPOSITORY / "results/leaderboard.html").read_text()
    assert (tmp_path / "b.html").read_text() == committed, (
        "run: instit-bench leaderboard --published --html results/leaderboard.html"
    )

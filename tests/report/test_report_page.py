"""``instit-bench report`` in a real browser: browsing a page with 4,000 samples."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from tests.browser import complaints

TASKS = ("inst_it_image_mc", "inst_it_video_mc", "gpt4tools_unseen")
DECIDING = {TASKS[0]: "accuracy", TASKS[1]: "accuracy", TASKS[2]: "strict_sr"}


@pytest.fixture
def page(browser, big_report):
    """Return a function that opens the report, optionally at a fragment."""

    def open_page(fragment=""):
        browser.get("about:blank")
        browser.get(big_report.as_uri() + fragment)
        return browser

    return open_page


@pytest.fixture(scope="module")
def journals(big_report):
    """Journal lines by run, task and id."""
    results = big_report.parent.parent / "results"
    return {
        run: {
            task: {
                record["id"]: record
                for line in (results / run / f"samples/{task}.jsonl").read_text().splitlines()
                for record in [json.loads(line)]
            }
            for task in TASKS
        }
        for run in ("guess", "first")
    }


def right(task, record):
    return record["scores"][DECIDING[task]] >= 0.5


def count(browser):
    return browser.find_element(By.ID, "count").text


def details(browser):
    return browser.find_element(By.ID, "details").text


def card(browser, run):
    """Return the part of the details that shows one run's answer."""
    return browser.find_element(By.CSS_SELECTOR, f".answer[data-run={run}]")


def choose(browser, field, value):
    Select(browser.find_element(By.ID, field)).select_by_value(value)


def press(browser, *keys):
    browser.switch_to.active_element.send_keys(*keys)


def fragment(browser):
    return browser.execute_script("return location.hash")


def test_all_samples_are_listed_but_only_visible_rows_are_drawn(page):
    browser = page()
    assert count(browser) == "4000 of 4000 samples"
    assert 0 < len(browser.find_elements(By.CSS_SELECTOR, "[role=option]")) < 50
    browser.execute_script("document.getElementById('list').scrollTop = 1e9")
    WebDriverWait(browser, 5).until(
        lambda b: b.find_elements(By.CSS_SELECTOR, "[aria-posinset='4000']")
    )
    assert complaints(browser) == []


@pytest.mark.parametrize(
    ("field", "value", "belongs"),
    [
        ("task", TASKS[1], lambda task, record: task == TASKS[1]),
        ("verdict", "right", right),
        ("verdict", "wrong", lambda task, record: not right(task, record)),
        ("kind", "one object", lambda task, record: task == TASKS[0]),
        ("method", "react", lambda task, record: record["method"] == "react"),
        (
            "tool",
            "Day To Night",
            lambda task, record: any(
                "Day To Night" in pair for pair in record["details"].get("pairs", ())
            ),
        ),
    ],
)
def test_a_filter_shows_the_matching_samples_of_the_journal(page, journals, field, value, belongs):
    browser = page()
    choose(browser, field, value)
    expected = sum(
        belongs(task, record)
        for task, records in journals["guess"].items()
        for record in records.values()
    )
    assert 0 < expected < 4000
    assert count(browser) == f"{expected} of 4000 samples"
    assert f"{field}={quote(value)}" in fragment(browser)


def test_flips_compared_with_another_run(page, journals):
    browser = page()
    choose(browser, "flip", "lost:first")
    lost = [
        (task, name)
        for task, records in journals["guess"].items()
        for name, record in records.items()
        if right(task, journals["first"][task][name]) and not right(task, record)
    ]
    assert count(browser) == f"{len(lost)} of 4000 samples"
    browser.find_element(By.ID, "list").send_keys("j")
    assert details(browser).startswith("/".join(lost[0]))
    assert "✓ right" in card(browser, "first").text
    assert "✗ wrong" in card(browser, "guess").text


def test_all_runs_stand_side_by_side_and_a_click_selects_one(page):
    browser = page("#sample=inst_it_image_mc/001-0000")
    tops = {card(browser, run).rect["y"] for run in ("guess", "first")}
    assert len(tops) == 1
    assert "A (letter)" in card(browser, "first").text
    assert "A. it does A target, answered by" in details(browser)
    card(browser, "first").find_element(By.TAG_NAME, "button").click()
    assert "run=first" in fragment(browser)
    assert Select(browser.find_element(By.ID, "run")).first_selected_option.text == "first"
    assert card(browser, "first").get_attribute("aria-current") == "true"
    assert card(browser, "guess").get_attribute("aria-current") is None
    link = browser.find_element(By.LINK_TEXT, "link").get_attribute("href")
    assert link.endswith("#sample=inst_it_image_mc/001-0000&run=first")


def test_the_focus_stays_in_the_details_when_changing_runs_by_keyboard(page):
    browser = page("#sample=inst_it_image_mc/001-0000")
    card(browser, "first").find_element(By.TAG_NAME, "button").send_keys(Keys.ENTER)
    assert browser.switch_to.active_element.get_attribute("id") == "details"
    press(browser, "j")
    assert details(browser).startswith("inst_it_image_mc/002-0001")


@pytest.mark.parametrize(
    ("value", "belongs"),
    [
        ("all", lambda rights, _: all(rights)),
        ("some", lambda rights, _: any(rights) and not all(rights)),
        ("differ", lambda _, replies: len(set(replies)) > 1),
    ],
)
def test_samples_are_filtered_by_how_the_runs_agree(page, journals, value, belongs):
    browser = page()
    choose(browser, "across", value)
    expected = sum(
        belongs([right(task, r) for r in records], [r["prediction"] for r in records])
        for task in TASKS
        for name in journals["guess"][task]
        for records in [[journals[run][task][name] for run in ("guess", "first")]]
    )
    assert 0 < expected < 4000
    assert count(browser) == f"{expected} of 4000 samples"


def test_a_row_shows_how_each_run_did(page, journals):
    browser = page()
    for number, name in enumerate(list(journals["guess"][TASKS[0]])[:5]):
        expected = "".join(
            "✓" if right(TASKS[0], journals[run][TASKS[0]][name]) else "✗"
            for run in ("guess", "first")
        )
        row = browser.find_element(By.ID, f"row-{number}")
        assert row.find_element(By.CLASS_NAME, "signs").text == expected


def test_a_run_has_no_flips_compared_with_itself(page):
    browser = page("#flip=lost:first&task=inst_it_image_mc")
    choose(browser, "run", "first")
    assert count(browser) == "1500 of 4000 samples"
    assert "flip" not in fragment(browser)


def test_rows_show_their_task_if_several_are_listed(page):
    browser = page()
    assert "inst_it_image_mc" in browser.find_element(By.ID, "row-0").text
    choose(browser, "task", "inst_it_image_mc")
    assert "inst_it_image_mc" not in browser.find_element(By.ID, "row-0").text


def test_a_row_of_a_tool_task_shows_call_and_target(page, journals):
    browser = page("#task=gpt4tools_unseen")
    names = {"(no call)": None, "(none)": None}
    for number, record in enumerate(list(journals["guess"]["gpt4tools_unseen"].values())[:10]):
        gold, reply = (
            ", ".join(filter(None, (names.get(pair[side], pair[side]) for pair in pairs)))
            for pairs in [record["details"]["pairs"]]
            for side in (0, 1)
        )
        shown = browser.find_element(By.ID, f"row-{number}").text
        assert f"{reply or 'no tool'} for {gold or 'no tool'}" in shown


def test_the_user_s_request_comes_first_in_a_tool_prompt(page, journals):
    browser = page("#sample=gpt4tools_unseen/0")
    prompt = journals["guess"]["gpt4tools_unseen"]["0"]["question"]
    asked = prompt.rpartition("New input:")[2].partition("\n")[0].strip()
    section = browser.find_element(By.XPATH, "//section[h4='Question']/pre")
    assert section.text == asked
    folded = browser.find_element(By.XPATH, "//details[summary='Prompt']")
    assert folded.find_element(By.TAG_NAME, "pre").text == ""
    folded.find_element(By.TAG_NAME, "summary").click()
    assert "should be one of" in folded.text


def test_search_finds_all_words_in_question_prediction_and_target(page):
    browser = page()
    search = browser.find_element(By.ID, "q")
    search.send_keys("round 777?")
    assert count(browser) == "2 of 4000 samples"
    search.clear()
    search.send_keys("nowhere to be found")
    assert count(browser) == "0 of 4000 samples"
    browser.execute_script("dispatchEvent(new Event('resize'))")
    assert browser.find_element(By.ID, "list").text == "No sample matches."


def test_a_link_opens_a_sample_with_its_image(page):
    browser = page(f"#sample=inst_it_image_mc/{quote('007-0006', safe='')}")
    assert details(browser).startswith("inst_it_image_mc/007-0006")
    assert "What does [6] do in round 6?" in details(browser)
    assert "C. it does C target" in details(browser)
    width = WebDriverWait(browser, 5).until(
        lambda b: b.execute_script(
            "return document.querySelector('#details img[src]')?.naturalWidth"
        )
    )
    assert width == 120
    assert browser.find_element(By.CSS_SELECTOR, "#details .film").is_displayed()


def test_a_video_is_a_strip_of_numbered_frames_with_the_asked_one_marked(page):
    browser = page("#sample=inst_it_video_mc/003-0002")
    captions = [c.text for c in browser.find_elements(By.CSS_SELECTOR, "#details figcaption")]
    assert captions == [f"<{frame}>" for frame in range(1, 7)]
    named = browser.find_elements(By.CSS_SELECTOR, "#details .named figcaption")
    assert [caption.text for caption in named] == ["<3>"]


def test_filters_and_search_are_restored_from_the_link(page):
    browser = page("#task=inst_it_video_mc&verdict=wrong&q=round")
    before = count(browser)
    assert Select(browser.find_element(By.ID, "task")).first_selected_option.text.startswith(
        "inst_it_video_mc"
    )
    browser.refresh()
    assert count(browser) == before != "4000 of 4000 samples"
    assert browser.find_element(By.ID, "q").get_attribute("value") == "round"


def test_the_page_works_with_the_keyboard(page):
    browser = page()
    body = browser.find_element(By.TAG_NAME, "body")
    body.send_keys("j")
    assert details(browser).startswith("inst_it_image_mc/001-0000")
    body.send_keys("jjk")
    assert details(browser).startswith("inst_it_image_mc/002-0001")
    selected = browser.find_element(By.CSS_SELECTOR, "[aria-selected=true]")
    assert selected.find_element(By.CSS_SELECTOR, ".id").text == "002-0001"
    browser.find_element(By.ID, "list").send_keys(Keys.ARROW_DOWN)
    assert details(browser).startswith("inst_it_image_mc/003-0002")
    browser.find_element(By.ID, "details").send_keys(Keys.ARROW_DOWN, Keys.HOME)
    assert details(browser).startswith("inst_it_image_mc/003-0002"), "there the arrow keys scroll"
    browser.find_element(By.ID, "list").send_keys(Keys.END)
    assert browser.find_elements(By.CSS_SELECTOR, "[aria-selected=true][aria-posinset='4000']")
    browser.find_element(By.ID, "list").send_keys(Keys.HOME)
    assert details(browser).startswith("inst_it_image_mc/001-0000")
    body.send_keys("/")
    press(browser, "round 9", "j")
    assert count(browser) == "0 of 4000 samples", "in the search field, j is a letter"
    press(browser, Keys.ESCAPE)
    assert count(browser) == "4000 of 4000 samples"
    press(browser, "?")
    assert browser.find_element(By.ID, "help").is_displayed()
    press(browser, Keys.ESCAPE)
    assert not browser.find_element(By.ID, "help").is_displayed()


def test_buttons_do_the_same_as_keys(page):
    browser = page("#sample=inst_it_image_mc/001-0000")
    assert not browser.find_element(By.ID, "previous").is_enabled()
    browser.find_element(By.ID, "next").send_keys(Keys.ENTER)
    press(browser, Keys.ENTER)
    assert details(browser).startswith("inst_it_image_mc/003-0002")
    browser.find_element(By.ID, "previous").click()
    assert details(browser).startswith("inst_it_image_mc/002-0001")


def test_a_link_to_an_unknown_sample_says_so(page):
    browser = page("#sample=inst_it_image_mc/999-99")
    assert details(browser) == "This run has no sample inst_it_image_mc/999-99."
    assert complaints(browser) == []


def test_plots_have_text_alternatives_with_their_numbers(page):
    browser = page()
    charts = browser.find_elements(By.CSS_SELECTOR, ".chart:not([hidden])")
    titles = [chart.find_element(By.CSS_SELECTOR, "figcaption bdi").text for chart in charts]
    assert titles[:6] == [
        "Differences to guess",
        "Runs by task",
        "Runs across tasks",
        "inst_it_image_mc by kind of question",
        "inst_it_video_mc by kind of question",
        "inst_it_video_mc by position in the video",
    ]
    assert "gpt4tools_unseen: confusion between tools, guess" in titles
    for svg in browser.find_elements(By.CSS_SELECTOR, ".chart svg"):
        for name in svg.get_attribute("aria-labelledby").split():
            assert browser.execute_script(
                "return document.getElementById(arguments[0]).textContent", name
            )
    chart = charts[5]
    chart.find_element(By.TAG_NAME, "summary").click()
    rows = [row.text for row in chart.find_elements(By.CSS_SELECTOR, "tbody tr")]
    assert [row.split(" ")[0] for row in rows] == [f"<{frame}>" for frame in range(1, 7)]
    assert all("n 250" in row for row in rows)

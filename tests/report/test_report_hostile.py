"""Text from data, models and judges remains text in the report: none of it is executed."""

from __future__ import annotations

import json

import pytest
from selenium.webdriver.common.by import By

from tests.browser import complaints
from tests.openai_server import Reply, openai_server
from tests.report.big_runs import run_cli

TEXTS = [
    "<script>window.hit = 1</script>",
    "</script><script>window.hit = 1</script>",
    "<!--<script>window.hit = 1</script>-->",
    "<img src=x onerror='window.hit = 1'>",
    "<svg onload='window.hit = 1'><animate onbegin='window.hit = 1'/></svg>",
    "<a href='javascript:window.hit = 1'>click</a> javascript:window.hit=1",
    "\"'><iframe srcdoc='<script>parent.hit = 1</script>'></iframe>",
    "${window.hit = 1} {{ 7 * 7 }} {% raw %} {# comment #}",
    "line\u2028separator and paragraph\u2029separator \\u003cb\\u003e \\",
    "</textarea></style></title></pre><style>body { display: none }</style>",
    "&lt;b&gt; &amp; &#60;script&#62;",
    "__proto__",
    f"at <{'9' * 5000}>",
]
ALL = "\n".join(TEXTS)
NAME = 'x"><script>window.hit = 1</script>'


def rows():
    """Return a prediction file in which every field is hostile."""
    return [
        {
            "question_id": f"{number:03}-{text[:500]}",
            "question": f"Q {text}",
            "model_prediction": f"A {text}",
            "ground_truth": f"G {text}",
            "split": "video",
        }
        for number, text in enumerate([*TEXTS, ALL])
    ]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A report of two runs with hostile names, texts and judge replies."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "p.json").write_text(json.dumps(rows()))
    with openai_server(lambda body: Reply(f"J {ALL}")) as server:
        judge = ("--judge", "openai:j", "--judge-base-url", server.base_url, "--judge-attempts", 1)
        for name in ("one", "two"):
            command = ("score", "p.json", "--task", "inst_it_video_oe", "--model", NAME)
            run_cli(folder, *command, "--name", name, *judge, allowed=(0, 1))
    # A folder may have any name that the file system allows.
    hostile = (folder / "results/one").rename(folder / "results" / "<img src=x onerror=hit=1>")
    run_cli(folder, "report", hostile, "results/two")
    return hostile / "report.html"


@pytest.fixture
def page(browser, report):
    browser.get("about:blank")
    browser.get(report.as_uri())
    return browser


def test_every_field_is_shown_literally_and_has_no_effect(page):
    for number, text in enumerate([*TEXTS, ALL]):
        page.find_element(By.TAG_NAME, "body").send_keys("j")
        shown = page.find_element(By.ID, "details").get_attribute("textContent")
        for prefix in ("Q ", "A ", "G "):
            assert prefix + text in shown
        assert f"inst_it_video_oe/{number:03}-{text[:500]}" in shown
        assert f"J {ALL}" in shown
        assert_nothing_ran(page)


def test_names_are_shown_as_text_in_head_plots_and_filters(page):
    assert NAME in page.find_element(By.CSS_SELECTOR, ".matrix").text
    assert "<img src=x onerror=hit=1>" in page.find_element(By.TAG_NAME, "h1").text
    options = page.find_element(By.ID, "run").text
    assert "<img src=x onerror=hit=1>" in options
    assert_nothing_ran(page)


def test_a_hostile_fragment_is_only_looked_up(page, report):
    page.get(report.as_uri() + "#sample=%3Cimg src=x onerror=hit=1%3E&run=__proto__&state=toString")
    shown = page.find_element(By.ID, "details").text
    assert shown == "This run has no sample <img src=x onerror=hit=1>."
    assert page.find_element(By.ID, "count").text.startswith("0 of")
    assert_nothing_ran(page)


def test_an_injected_script_would_be_refused(page):
    page.execute_script(
        "const s = document.createElement('script'); s.textContent = 'window.hit = 1';"
        "document.body.append(s)"
    )
    assert page.execute_script("return window.hit") is None
    assert any("Content Security Policy" in message for message in complaints(page))


# Words reversed by a direction override outside of them.
TURNED = """
const turned = [];
const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (nodes.nextNode()) {
  const { data } = nodes.currentNode;
  const start = data.search(/\\S\\S/);
  if (start < 0 || data.includes("\u202e")) continue;
  const [first, second] = [start, start + 1].map((at) => {
    const range = document.createRange();
    range.setStart(nodes.currentNode, at);
    range.setEnd(nodes.currentNode, at + 1);
    return range.getBoundingClientRect();
  });
  if (first.top === second.top && first.left > second.left) turned.push(data.trim());
}
return turned;
"""


def test_a_direction_override_ends_with_the_name_that_contains_it(browser, tmp_path):
    override = "\u202e"
    row = rows()[0] | {"question_id": f"001-01{override}", "model_prediction": "answer: a"}
    (tmp_path / "p.json").write_text(json.dumps([row | {"split": "image", "ground_truth": "A"}]))
    runs = []
    for name in ("one", "two"):
        command = ("score", "p.json", "--task", "inst_it_image_mc", "--model", f"m{override}")
        run_cli(tmp_path, *command, "--name", name, allowed=(0, 1))
        folder = tmp_path / "results" / name
        runs.append(folder.rename(folder.with_name(f"{name}{override}")))
    run_cli(tmp_path, "report", *runs, "--output", "r.html")
    browser.get((tmp_path / "r.html").as_uri())
    browser.find_element(By.TAG_NAME, "body").send_keys("j")
    assert browser.find_element(By.CSS_SELECTOR, ".difference").is_displayed()
    assert browser.execute_script(TURNED) == []
    browser.get((tmp_path / "r.html").as_uri() + "#sample=1%E2%80%AE2")
    assert browser.execute_script(TURNED) == []


@pytest.mark.parametrize("text", ["word " * 1_000_000, "line\n" * 500_000])
def test_only_the_beginning_of_a_huge_text_is_shown(browser, tmp_path, text):
    (tmp_path / "p.json").write_text(json.dumps([rows()[0] | {"model_prediction": text}]))
    command = ("score", "p.json", "--task", "inst_it_video_oe", "--model", "m")
    run_cli(tmp_path, *command, "--name", "r", allowed=(0, 1))
    run_cli(tmp_path, "report", "results/r")
    browser.get((tmp_path / "results/r/report.html").as_uri())
    browser.find_element(By.TAG_NAME, "body").send_keys("j")
    shown = browser.find_element(By.XPATH, "//section[h4='Prediction']/pre").text
    beginning, note = shown.rsplit("\n", 1)
    assert text.startswith(beginning.rstrip())
    assert 20_000 < len(beginning) < 210_000
    assert f"of {len(text)} characters are omitted here" in note
    assert "all are in the run's samples/inst_it_video_oe.jsonl" in note


def assert_nothing_ran(page):
    assert page.execute_script("return window.hit") is None
    assert complaints(page) == [], "not even attempted"
    elements = page.execute_script(
        "return [document.scripts.length, document.styleSheets.length,"
        " document.querySelectorAll('iframe, img, [onload], [onerror]').length,"
        " document.querySelectorAll('a[href]:not([href^=\"#\"])').length]"
    )
    assert elements == [2, 1, 0, 0]

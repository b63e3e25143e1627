"""The report on a phone and in dark mode."""

from __future__ import annotations

import itertools

import pytest
from selenium.webdriver.common.by import By

from tests.browser import chromium, complaints

TEXTS = (
    *(".quiet", "#details pre", ".row .summary", ".wrong", ".range", ".role", ".test", ".coverage"),
    *(".better .delta", ".worse .delta", ".no-difference-shown .delta", ".marks dt", ".eyebrow"),
)
SAMPLE = "#sample=inst_it_video_mc/001-0000"


def colour(page, selector, property_):
    """Return red, green and blue of an element's style property."""
    return rgb(page.find_element(By.CSS_SELECTOR, selector).value_of_css_property(property_))


def rgb(value):
    return [int(float(part)) for part in value[value.index("(") + 1 : -1].split(",")[:3]]


def test_the_page_fits_a_phone(tmp_path, big_report):
    with chromium(tmp_path, width=390, height=844) as page:
        page.get(big_report.as_uri() + SAMPLE)
        assert page.execute_script("return document.documentElement.scrollWidth") <= 390
        film = page.find_element(By.CSS_SELECTOR, "#details .film img").rect
        assert film["height"] > 100
        top = page.execute_script(
            "return document.getElementById('details').getBoundingClientRect().top"
        )
        assert abs(top) < 5, "a link to a sample shows the sample"
        for cell in page.find_elements(By.CSS_SELECTOR, ".matrix td"):
            assert cell.rect["x"] + cell.rect["width"] <= 390, "official and strict are visible"
        hidden = page.execute_script(
            "return [...document.querySelectorAll('.drawing')].filter("
            "(box) => box.scrollWidth > box.clientWidth && box.tabIndex < 0).length"
        )
        assert hidden == 0, "what scrolls can be scrolled with the keyboard"
        assert complaints(page) == []


@pytest.mark.parametrize("dark", [False, True])
def test_colours_follow_the_preferred_scheme(tmp_path, big_report, dark):
    with chromium(tmp_path, dark=dark) as page:
        page.get(big_report.as_uri() + SAMPLE)
        ground, ink = colour(page, "body", "background-color"), colour(page, "body", "color")
        assert (sum(ground) < sum(ink)) is dark
        for text in (".chart text", *TEXTS):
            found = colour(page, text, "fill" if text == ".chart text" else "color")
            assert contrast(found, ground) >= 4.5, text
        hint = page.execute_script(
            "return getComputedStyle(document.getElementById('q'), '::placeholder').color"
        )
        assert contrast(rgb(hint), ground) >= 4.5
        panel = ground
        for control in ("#q", "#task", "#details button:enabled"):
            assert contrast(colour(page, control, "border-top-color"), ground) >= 3, control
        for cell in page.find_elements(By.CSS_SELECTOR, ".chart .cell"):
            shade = float(cell.get_attribute("fill-opacity"))
            accent = rgb(cell.value_of_css_property("fill"))
            mixed = [shade * a + (1 - shade) * p for a, p in zip(accent, panel, strict=True)]
            assert contrast(mixed, ink) >= 4.5


def test_the_search_field_is_as_high_as_the_menus(tmp_path, big_report):
    with chromium(tmp_path) as page:
        page.get(big_report.as_uri())
        controls = page.find_elements(By.CSS_SELECTOR, "#filters input, #filters select")
        assert len({control.rect["height"] for control in controls if control.is_displayed()}) == 1


def test_plots_do_not_overlap_and_lines_do_not_cross_labels(tmp_path, big_report):
    with chromium(tmp_path) as page:
        page.get(big_report.as_uri())
        charts = [chart.rect for chart in page.find_elements(By.CSS_SELECTOR, ".chart")]
        for one, other in itertools.combinations(charts, 2):
            across = max(one["x"], other["x"]) - min(right(one), right(other))
            down = max(one["y"], other["y"]) - min(bottom(one), bottom(other))
            assert max(across, down) >= 15
        label = page.find_element(By.CSS_SELECTOR, ".chart text.label")
        assert label.value_of_css_property("paint-order") == "stroke"


def right(rect):
    return rect["x"] + rect["width"]


def bottom(rect):
    return rect["y"] + rect["height"]


def contrast(one, other):
    """Return the WCAG 2.1 contrast ratio, 1 to 21."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour):
    parts = [part / 255 for part in colour]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

"""The report on a phone and in the dark."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.by import By

from tests.browser import chromium, complaints

SAMPLE = "#sample=inst_it_video_mc/001-0000"


def colour(page, selector, property_):
    """Red, green, blue of an element."""
    value = page.find_element(By.CSS_SELECTOR, selector).value_of_css_property(property_)
    return [int(float(part)) for part in value[value.index("(") + 1 : -1].split(",")[:3]]


def test_a_phone_s_width_is_enough(tmp_path, big_report):
    with chromium(tmp_path, width=390, height=844) as page:
        page.get(big_report.as_uri() + SAMPLE)
        assert page.execute_script("return document.documentElement.scrollWidth") <= 390
        film = page.find_element(By.CSS_SELECTOR, "#details .film img").rect
        assert film["height"] > 100
        top = page.execute_script(
            "return document.getElementById('details').getBoundingClientRect().top"
        )
        assert abs(top) < 5, "a link to a sample leads to the sample"
        assert complaints(page) == []


@pytest.mark.parametrize("dark", [False, True])
def test_colours_follow_the_reader_s_scheme(tmp_path, big_report, dark):
    with chromium(tmp_path, dark=dark) as page:
        page.get(big_report.as_uri() + SAMPLE)
        ground, ink = colour(page, "body", "background-color"), colour(page, "body", "color")
        assert (sum(ground) < sum(ink)) is dark
        for text in (".chart text", ".quiet", "#details pre", ".row .summary", ".wrong"):
            found = colour(page, text, "fill" if text == ".chart text" else "color")
            assert contrast(found, ground) >= 4.5, text


def contrast(one, other):
    """The contrast ratio of WCAG 2.1, 1 to 21."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(rgb):
    parts = [part / 255 for part in rgb]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

"""Measure how long a report of one to five runs with 4,000 samples each takes to open.

python -m benchmarks.report_open
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from time import perf_counter

from selenium.webdriver import Chrome

from tests.browser import chromium
from tests.report.big_runs import make_runs, run_cli

TIMES = 9
GOAL_S = 2.0
# Milliseconds from the start of navigation until the browser has drawn the page.
DRAWN = """
const done = arguments[0];
requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now())));
"""
SEARCH = """
const field = document.getElementById("q");
const started = performance.now();
field.value = arguments[0];
field.dispatchEvent(new Event("input"));
return performance.now() - started;
"""


def main() -> None:
    """Measure reports of one, two and five runs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs = make_runs(folder, guesses=3)
        with chromium(folder / "browser") as browser:
            for count in (1, 2, 5):
                measure(browser, folder, runs[:count])
        print(f"goal: less than {GOAL_S:.0f} s")


def measure(browser: Chrome, folder: Path, runs: list[str]) -> None:
    """Write a report, open it several times and search in it."""
    page = folder / f"{len(runs)}.html"
    made = [timed_report(folder, runs, page) for _ in range(2)]
    opened = [opening_s(browser, page) for _ in range(TIMES)]
    searches = [browser.execute_script(SEARCH, word) for word in ("round 77", "round 777")]
    print(
        f"{len(runs)} x 4000 samples, {page.stat().st_size / 1e6:.1f} MB: opens in "
        f"{opened[0]:.2f} s, again in {statistics.median(opened[1:]):.2f} s (maximum "
        f"{max(opened):.2f}); first search {searches[0]:.0f} ms, next {searches[1]:.0f} ms; "
        f"written in {made[0]:.1f} s, again in {made[1]:.1f} s"
    )


def timed_report(folder: Path, runs: list[str], page: Path) -> float:
    """Write a report and return the seconds that the command took."""
    started = perf_counter()
    run_cli(folder, "report", *runs, "--output", page)
    return perf_counter() - started


def opening_s(browser: Chrome, page: Path) -> float:
    """Open a page and return the seconds until it is drawn."""
    browser.get("about:blank")
    browser.get(page.as_uri())
    return float(browser.execute_async_script(DRAWN)) / 1000


if __name__ == "__main__":
    main()

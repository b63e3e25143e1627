"""Take the screenshots docs/images/report-*.png: ``python -m scripts.report_images``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from scripts.leaderboard_images import IMAGES, instit_bench, save
from tests.browser import chromium
from tests.view.conftest import viewer

TASKS = "inst_it_image_mc,inst_it_video_mc,gpt4tools_seen"
MODELS = ("random", "first", "echo-gold")
SAMPLE = "#sample=inst_it_video_mc/001-02&task=inst_it_video_mc"


def main() -> None:
    """Show demo runs: the report's head and plots, a sample dark and on a phone, and the runs."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for model in MODELS:
            demo = ("--backend", "baseline", "--data", "demo", "--name", model)
            instit_bench(folder, "run", "--model", model, "--tasks", TASKS, *demo)
        runs = [f"results/{model}" for model in MODELS]
        instit_bench(folder, "report", *runs, "--output", "r.html")
        page = (folder / "r.html").as_uri()
        with chromium(folder / "light", width=1280, height=1080) as browser:
            browser.get(page)
            save(browser, "report-light.png")
            browser.execute_script("document.getElementById('plots').scrollIntoView()")
            save(browser, "report-plots.png")
            with viewer(folder) as address:
                browser.get(address)
                save(browser, "view.png")
        with chromium(folder / "dark", width=1280, height=1000, dark=True) as browser:
            browser.get(page + SAMPLE)
            save(browser, "report-dark.png")
        with chromium(folder / "phone", width=390, height=760) as browser:
            browser.get(page)
            browser.execute_script("document.getElementById('figures').scrollIntoView()")
            save(browser, "report-phone.png")
            browser.get(page + SAMPLE)
            browser.refresh()
            save(browser, "report-phone-sample.png")


if __name__ == "__main__":
    main()

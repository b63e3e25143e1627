"""Take the screenshots docs/images/report-*.png: ``python -m scripts.report_images``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from scripts.leaderboard_images import IMAGES, instit_bench, save
from tests.browser import chromium

TASKS = "inst_it_image_mc,inst_it_video_mc,gpt4tools_seen"
SAMPLE = "#sample=inst_it_video_mc/001-02&task=inst_it_video_mc"


def main() -> None:
    """Show two demo runs side by side: the page's head, then one sample dark and on a phone."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for model in ("random", "first"):
            demo = ("--backend", "baseline", "--data", "demo", "--name", model)
            instit_bench(folder, "run", "--model", model, "--tasks", TASKS, *demo)
        instit_bench(folder, "report", "results/random", "results/first", "--output", "r.html")
        page = (folder / "r.html").as_uri()
        with chromium(folder / "light", width=1280, height=1200) as browser:
            browser.get(page)
            save(browser, "report-light.png")
        with chromium(folder / "dark", width=1280, height=800, dark=True) as browser:
            browser.get(page + SAMPLE)
            save(browser, "report-dark.png")
        with chromium(folder / "phone", width=390, height=760) as browser:
            browser.get(page + SAMPLE)
            save(browser, "report-phone.png")


if __name__ == "__main__":
    main()

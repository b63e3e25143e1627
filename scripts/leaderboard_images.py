"""Take the screenshots docs/images/leaderboard-*.png: ``python -m scripts.leaderboard_images``."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from selenium.webdriver import Chrome

from tests.browser import chromium

REPOSITORY = Path(__file__).resolve().parents[1]
IMAGES = REPOSITORY / "docs" / "images"


def main() -> None:
    """Show two demo runs beside the published rows: light, dark and on a phone."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for model in ("random", "echo-gold"):
            demo = ("--backend", "baseline", "--data", "demo", "--name", model)
            instit_bench(folder, "run", "--model", model, *demo)
        runs = ("results/random", "results/echo-gold")
        instit_bench(folder, "leaderboard", *runs, "--published", "--html", "board.html")
        page = (folder / "board.html").as_uri()
        with chromium(folder / "light", width=1280, height=760) as browser:
            browser.get(page)
            sort_by(browser, "inst_it_image_mc")
            save(browser, "leaderboard-light.png")
        with chromium(folder / "dark", width=1280, height=760, dark=True) as browser:
            browser.get(page)
            sort_by(browser, "inst_it_image_mc")
            browser.find_elements("css selector", ".figure")[1].click()
            save(browser, "leaderboard-dark.png")
        with chromium(folder / "phone", width=390, height=760) as browser:
            browser.get(page)
            sort_by(browser, "inst_it_image_mc")
            browser.find_element("id", "filter").send_keys("llava")
            save(browser, "leaderboard-phone.png")


def instit_bench(folder: Path, *arguments: str) -> None:
    """Run a command in a folder."""
    command = [sys.executable, "-m", "instit_bench", *arguments]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True)


def sort_by(browser: Chrome, column: str) -> None:
    """Sort the table by a column."""
    browser.find_element("css selector", f"[data-name={column}] button").click()


def save(browser: Chrome, name: str) -> None:
    """Save a screenshot with few colours, which are enough for a page of text."""
    image = Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("RGB")
    few = image.quantize(200, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(IMAGES / name, optimize=True)


if __name__ == "__main__":
    main()

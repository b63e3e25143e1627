"""Pages opened in headless Chromium, as a reader would: offline, with downloads."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
)


@contextmanager
def chromium(
    folder: Path, *, width: int = 1280, height: int = 900, dark: bool = False
) -> Iterator[Chrome]:
    """Start a browser with a window of ``width`` CSS pixels and downloads in ``folder/downloads``.

    The test is skipped if Chromium and its driver are not installed (``.ci/run`` installs them).
    """
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not (browser and driver):
        pytest.skip("Debian's packages chromium and chromium-driver are not installed")
    downloads = folder / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    options = ChromeOptions()
    options.binary_location = browser
    for flag in (*_FLAGS, f"--user-data-dir={folder / 'chromium-profile'}"):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    page = Chrome(options=options, service=Service(driver, log_output=os.devnull))
    try:
        # A window has a minimum width; an emulated screen has none, so it can be as narrow as a
        # phone.
        page.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        yield page
    finally:
        page.quit()


def complaints(page: Chrome) -> list[str]:
    """Return the console messages since the last call: errors, refused scripts and requests."""
    return [entry["message"] for entry in page.get_log("browser")]

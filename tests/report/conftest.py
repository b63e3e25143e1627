"""A report of two runs with 4,000 samples each, made once for all workers, and a browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from selenium.webdriver import Chrome

from tests.browser import chromium
from tests.report.big_runs import make_runs, run_cli


@pytest.fixture(scope="session")
def big_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``page/report.html`` of the runs ``guess`` and ``first``, which are in ``results/``."""
    base = tmp_path_factory.getbasetemp()
    # Each worker has its own folder inside the session's; without workers, the one above persists.
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "big-report"
    page = shared / "page/report.html"
    with FileLock(f"{shared}.lock"):
        if not page.exists():
            make_runs(shared)
            run_cli(shared, "report", "results/guess", "results/first", "--output", page)
    return page


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """One browser for all tests of a module."""
    with chromium(tmp_path_factory.mktemp("browser")) as page:
        yield page

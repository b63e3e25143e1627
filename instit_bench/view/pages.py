"""The pages of ``view``: written into a folder of its own, never among the runs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from urllib.parse import quote

from instit_bench.leaderboard.rows import published_rows, row_of
from instit_bench.report.leaderboard_page import leaderboard_page
from instit_bench.report.pages import render_page
from instit_bench.report.report_page import Live, write_report
from instit_bench.runs.loaded import load_results
from instit_bench.view.folder import RunFolder, RunState

_THUMBNAIL = re.compile(r"[0-9a-f]{32}\.webp")


class Pages:
    """Pages of the runs in a folder; a report is written again only when a file of it changed."""

    def __init__(self, folder: RunFolder, cache: Path) -> None:
        """Write reports and their thumbnails into ``cache``."""
        self.folder = folder
        self._cache = cache
        self._written: dict[tuple[str, ...], str] = {}
        self._lock = Lock()

    def home(self) -> str:
        """Return the page that lists the runs."""
        return render_page(
            "view.html.j2",
            scripts=("view_live.js", "view.js"),
            styles=("theme.css", "report.css", "view.css"),
            connect=True,
            folder=self.folder.path.name,
            runs=list(self.folder.states().values()),
            report_url=report_url,
        )

    def board(self, *, published: bool) -> str:
        """Return the leaderboard of all runs.

        Raises:
            InputError: A run is broken.
        """
        states = self.folder.states().values()
        rows = published_rows() if published else []
        rows += [row_of(load_results(state.path), state.name) for state in states]
        return leaderboard_page(rows, {state.name: report_url([state.name]) for state in states})

    def report(self, names: Sequence[str]) -> Path | None:
        """Return the file of a report, or ``None`` if there is no run of such a name.

        Raises:
            InputError: A run is broken.
        """
        states = self.folder.states()
        if not names or not all(name in states for name in names):
            return None
        runs = [states[name] for name in dict.fromkeys(names)]
        page = self._folder(names) / "report.html"
        version = " ".join(run.version for run in runs)
        with self._lock:  # one at a time: it takes a core and memory
            if self._written.get(tuple(names)) != version:
                page.parent.mkdir(exist_ok=True)
                write_report([run.path for run in runs], page, media=True, live=_live(runs))
                self._written[tuple(names)] = version
        return page

    def thumbnail(self, names: Sequence[str], file: str) -> Path | None:
        """Return a thumbnail of a report that was written before."""
        if not _THUMBNAIL.fullmatch(file):
            return None
        path = self._folder(names) / "report_media" / file
        return path if path.is_file() else None

    def _folder(self, names: Sequence[str]) -> Path:
        return self._cache / hashlib.sha256(repr(tuple(names)).encode()).hexdigest()[:32]


def report_url(names: Sequence[str]) -> str:
    """Return the address of a report on these runs."""
    return "/reports/" + "".join(f"{quote(name, safe='')}/" for name in names)


def _live(runs: Sequence[RunState]) -> Live:
    return Live({run.name: run.version for run in runs})

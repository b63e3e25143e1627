"""``report.html``: one file about one or more runs, with its images in a folder beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from instit_bench.display import path_text
from instit_bench.errors import InputError
from instit_bench.report.headline import headlines
from instit_bench.report.loaded import LoadedRun, load_runs
from instit_bench.report.pages import render_page
from instit_bench.report.plots import plots
from instit_bench.report.samples import page_data
from instit_bench.runs.atomic import write_atomically
from instit_bench.runs.marks import explained

_SCRIPTS = (
    "report_data.js",
    "report_state.js",
    "report_filter.js",
    "report_list.js",
    "report_details.js",
    "report.js",
)
_STYLES = ("theme.css", "report.css")


@dataclass(frozen=True, slots=True)
class Report:
    """What was written."""

    path: Path
    n_samples: int
    n_images: int


def write_report(paths: Sequence[Path], output: Path | None, *, media: bool) -> Report:
    """Write the report of these runs to ``output``, by default ``report.html`` of the first run.

    Raises:
        InputError: One is not a run directory, is not valid or is named twice.
    """
    if len({path.resolve() for path in paths}) < len(paths):
        raise InputError("a run is named twice; name each run once")
    runs = load_runs(paths)
    path = output or paths[0] / "report.html"
    if path.is_dir():
        raise InputError(f"--output {path}: is a folder; name a file")
    data = page_data(runs, path.parent / f"{path_text(path.stem)}_media" if media else None)
    rows = headlines(runs)
    page = render_page(
        "report.html.j2",
        scripts=_SCRIPTS,
        styles=_STYLES,
        runs=[_summary(run) for run in runs],
        headlines=rows,
        explained=explained,
        marks=[mark for row in rows for mark in row.marks],
        charts=plots(runs),
        data=data,
    )
    write_atomically(path, page)
    files = {image[0] for image in data["pictures"] if len(image) > 1}
    return Report(path, len(data["samples"]), len(files))


def _summary(run: LoadedRun) -> dict[str, str]:
    manifest = run.manifest
    return {
        "label": run.label,
        "model": manifest.identity.model,
        "backend": manifest.identity.backend,
        "data": manifest.data.label,
        "status": manifest.status,
        "created": manifest.created,
    }

"""``report.html``: one file about one or more runs, with its images in a folder beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instit_bench.display import counted, path_text
from instit_bench.errors import InputError
from instit_bench.report.board import Board, board, board_data
from instit_bench.report.headline import headlines
from instit_bench.report.loaded import LoadedRun, load_runs
from instit_bench.report.metric_table import metric_tables
from instit_bench.report.pages import render_page
from instit_bench.report.paired import paired_differences
from instit_bench.report.plots import plots
from instit_bench.report.provenance import provenance
from instit_bench.report.samples import page_data
from instit_bench.runs.atomic import write_atomically
from instit_bench.runs.marks import explained

_SCRIPTS = (
    "report_data.js",
    "report_state.js",
    "report_filter.js",
    "report_list.js",
    "report_diff.js",
    "report_details.js",
    "report_answers.js",
    "report_baseline.js",
    "report_formats.js",
    "report_copy.js",
    "report_download.js",
    "report.js",
)
_LIVE_SCRIPTS = ("view_live.js", "report_live.js")
_STYLES = (
    "theme.css",
    "report.css",
    "report_matrix.css",
    "report_charts.css",
    "report_samples.css",
)


@dataclass(frozen=True, slots=True)
class Live:
    """A report that a server writes again as its runs go on: each run's version, by name."""

    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Report:
    """What was written."""

    path: Path
    n_samples: int
    n_images: int


def write_report(
    paths: Sequence[Path],
    output: Path | None,
    *,
    media: bool,
    baseline: Path | None = None,
    live: Live | None = None,
) -> Report:
    """Write the report of these runs to ``output``, by default ``report.html`` of the first run.

    ``baseline`` is the run that others are compared with at first, by default the first one. A
    ``live`` report asks its server for news.

    Raises:
        InputError: One is not a run directory, is not valid or is named twice, or the baseline is
            not one of them.
    """
    if len({path.resolve() for path in paths}) < len(paths):
        raise InputError("a run is named twice; name each run once")
    first = _place(baseline, paths) if baseline else 0
    runs = load_runs(paths)
    path = output or paths[0] / "report.html"
    if path.is_dir():
        raise InputError(f"--output {path}: is a folder; name a file")
    folder = path.parent / f"{path_text(path.stem)}_media" if media else None
    page, data = _rendered(runs, folder, first, live)
    write_atomically(path, page)
    files = {image[0] for image in data["pictures"] if len(image) > 1}
    return Report(path, len(data["samples"]), len(files))


def _place(baseline: Path, paths: Sequence[Path]) -> int:
    for index, path in enumerate(paths):
        if path.resolve() == baseline.resolve():
            return index
    raise InputError(f"--baseline {baseline}: is not one of the runs of this report")


def _rendered(
    runs: Sequence[LoadedRun], media_folder: Path | None, first: int, live: Live | None
) -> tuple[str, dict[str, Any]]:
    """Return the page and the data in it."""
    heads = headlines(runs)
    found = board(runs, heads, paired_differences(runs, first))
    origins, charts = provenance(runs), plots(runs, found)
    for run in runs:  # only their texts are needed from here on, one sample at a time
        for task in run.run.tasks.values():
            task.forget_samples()
    data = page_data(runs, media_folder) | {"board": board_data(found)}
    if live is not None:
        data["live"] = live.versions
    page = render_page(
        "report.html.j2",
        scripts=_SCRIPTS if live is None else (*_SCRIPTS, *_LIVE_SCRIPTS),
        styles=_STYLES,
        connect=live is not None,
        live=live is not None,
        title=_title(runs),
        labels=[run.label for run in runs],
        facts=_facts(runs, found),
        board=found,
        obstacles=found.obstacles,
        headlines=heads,
        explained=explained,
        marks=[mark for head in heads for mark in head.marks],
        metrics=metric_tables(runs),
        provenance=origins,
        charts=charts,
        data=data,
    )
    return page, data


def _title(runs: Sequence[LoadedRun]) -> list[str]:
    """Return the names in the page's heading; of many runs their number."""
    return [run.label for run in runs] if len(runs) < 3 else [f"{len(runs)} runs compared"]


def _facts(runs: Sequence[LoadedRun], found: Board) -> list[str]:
    """Return what the page is about, in a few words each."""
    status = dict.fromkeys(run.manifest.status for run in runs)
    counts = [sum(c.headline.n_total for c in row.cells if c) for row in found.rows]
    return [
        counted(len(found.tasks), "task"),
        counted(max(counts), "sample") + (" per run" if len(counts) > 1 else ""),
        "data " + ", ".join(dict.fromkeys(run.manifest.data.label for run in runs)),
        ", ".join(status),
        max(run.manifest.updated for run in runs)[:10],
    ]

"""``instit-bench compare``."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from instit_bench.cli.complete import run_folders
from instit_bench.cli.console import note
from instit_bench.cli.options import OnlyTasks
from instit_bench.validation import names_in

if TYPE_CHECKING:
    from instit_bench.comparison.compare import RunComparison

FLIPS = "Sample ids to list per group of flips: a number or all."
_MOST_DIGITS = 9


def compare_command(
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="Run folders or baseline files; the first is the reference.",
            autocompletion=run_folders,
        ),
    ],
    tasks: OnlyTasks = None,
    all_metrics: Annotated[
        bool, typer.Option("--all-metrics", help="Compare all metrics, not only the headline ones.")
    ] = False,
    allow_mismatch: Annotated[
        bool,
        typer.Option("--allow-mismatch", help="Compare even if prompts, data or protocol differ."),
    ] = False,
    flips: Annotated[str, typer.Option(help=FLIPS)] = "5",
    bootstrap: Annotated[
        bool,
        typer.Option("--bootstrap", help="Add bootstrap intervals, resampled by image or video."),
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of the random draws.", min=0)] = 0,
    markdown: Annotated[Path | None, typer.Option(help="Write the comparison as Markdown.")] = None,
    json: Annotated[
        Path | None, typer.Option(help="Write the comparison as JSON, with all flips.")
    ] = None,
) -> int:
    """Compare runs on the samples they share, and test differences for significance.

    Tasks in which prompts, data or protocol differ are left out; the exit code is then 3.
    """
    from instit_bench.cli.console import stdout
    from instit_bench.comparison.baseline_file import load_scored_run
    from instit_bench.comparison.cells import require_everything, require_something
    from instit_bench.comparison.compare import compare_runs, everything, headline
    from instit_bench.comparison.markdown import comparison_markdown
    from instit_bench.comparison.result_file import comparison_json
    from instit_bench.comparison.select import of_tasks
    from instit_bench.comparison.show import comparison_view
    from instit_bench.errors import InputError
    from instit_bench.runs.atomic import write_atomically
    from instit_bench.runs.directory import runs_among

    chosen = runs_among(runs, note, files=True)
    if len(chosen) < 2 <= len(runs):
        chosen = runs  # reading them says what is wrong
    if len(chosen) < 2:
        raise InputError("compare: name at least two runs; the first is the reference")
    limit = number_or_all("--flips", flips)
    base, *others = of_tasks([load_scored_run(path) for path in chosen], names_in(tasks))
    select = everything if all_metrics else headline
    comparisons = [
        compare_runs(base, other, select, seed=seed, bootstrap=bootstrap) for other in others
    ]
    if not allow_mismatch:
        comparisons = [found.of_comparable_tasks() for found in comparisons]
    for comparison in comparisons:
        require_something(comparison)
    console = stdout()
    for comparison in comparisons:
        page = _report_page(comparison)
        url = page.resolve().as_uri() if page.is_file() else None
        console.print(comparison_view(comparison, limit, url))
        if url:
            note(f"the samples: {url}")
        elif comparison.b.source.is_dir():
            both = {str(path): path for path in (comparison.b.source, comparison.a.source)}
            folders = shlex.join(name for name, path in both.items() if path.is_dir())
            note(f"to see the samples, run: instit-bench report {folders}")
    if markdown:
        sections = [
            comparison_markdown(found, limit, _report_link(found, markdown))
            for found in comparisons
        ]
        write_atomically(markdown, "\n".join(sections))
        note(f"markdown: {markdown}")
    if json:
        write_atomically(json, comparison_json(comparisons))
        note(f"json: {json}")
    require_everything(comparisons)
    return 0


def number_or_all(option: str, text: str) -> int | None:
    """What an option for how many samples to list says; ``None`` for all.

    Raises:
        InputError: Neither a number nor ``all``.
    """
    from instit_bench.errors import InputError

    if text == "all":
        return None
    if not text.isdecimal() or len(text) > _MOST_DIGITS:
        raise InputError(f"{option} {text!r}: must be a number of sample ids, or all")
    return int(text)


def _report_page(comparison: RunComparison) -> Path:
    return comparison.b.source / "report.html"


def _report_link(comparison: RunComparison, markdown: Path) -> str | None:
    """The address of B's report page from a file's folder, where there is one."""
    page = _report_page(comparison)
    if not page.is_file():
        return None
    path = Path(os.path.relpath(page.resolve(), markdown.resolve().parent))
    return quote(os.fsencode(path.as_posix()))

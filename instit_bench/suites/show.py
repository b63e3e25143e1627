"""A suite's verdicts on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.markup import escape
from rich.table import Table

from instit_bench.display import one_line
from instit_bench.suites.summary import Paired, Verdict

_COLUMNS = ("difference", "95 % interval", "p", "verdict")


def left_out(paired: Sequence[Paired]) -> list[str]:
    """Return a line for each task that only some runs could be compared in."""
    runs: dict[str, list[str]] = {}
    for run in paired:
        if not _told(run):
            continue
        for verdict in run.verdicts:
            if verdict.found is None and not verdict.why_not:
                runs.setdefault(verdict.task, []).append(run.label)
    return [
        one_line(
            f"{task}: not compared for {', '.join(labels)}: no sample has a value in both runs"
        )
        for task, labels in runs.items()
    ]


def verdicts_table(paired: Sequence[Paired]) -> Table:
    """Return each run's differences from its baseline, in percent points; fits 80 characters."""
    table = Table(
        title="Against the baseline (official metrics, percentage points)",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column("run, task", overflow="fold")
    for column in _COLUMNS:
        text = column == "verdict"
        table.add_column(column, justify="left" if text else "right", no_wrap=not text)
    for run in paired:
        title = escape(f"{one_line(run.label)} against {one_line(run.against)}")
        told = _told(run)
        table.add_row(title, *([] if told else ("-", "-", "-", "nothing to compare")))
        for verdict in told:
            table.add_row(escape(f"  {one_line(verdict.task)}"), *_cells(verdict))
    return table


def _told(run: Paired) -> list[Verdict]:
    """The verdicts with something to say."""
    return [verdict for verdict in run.verdicts if verdict.found or verdict.why_not]


def _cells(verdict: Verdict) -> tuple[str, ...]:
    found = verdict.found
    if found is None:
        return "-", "-", "-", escape(one_line(verdict.why_not))
    test = found.test
    interval = "-"
    if test.ci95 is not None:
        interval = f"{100 * test.ci95[0]:+.1f} to {100 * test.ci95[1]:+.1f}"
    p = "-" if found.p is None else f"{found.p:.2g}"
    return f"{100 * test.difference:+.1f}", interval, p, found.conclusion

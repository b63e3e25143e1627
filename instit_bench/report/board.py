"""The matrix at the top of a report: runs × tasks, each with its differences to a baseline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from instit_bench.report.headline import Figure, Headline
from instit_bench.report.loaded import LoadedRun, task_names
from instit_bench.report.paired import Paired, PairedDifferences, baselines

_VERDICTS = ("better", "worse", "no difference shown", "not comparable")


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure with its differences to each baseline, by the baseline's index."""

    figure: Figure
    against: Mapping[int, Paired]
    best: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """One run on one task: its official and its strict figure, where it has them."""

    headline: Headline
    official: Shown | None
    strict: Shown | None


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One run; ``summary`` counts the verdicts of its leading figures against each baseline."""

    index: int
    label: str
    model: str
    cells: tuple[Cell | None, ...]
    summary: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Board:
    """The matrix; ``baselines`` are the runs that others can be compared with."""

    tasks: tuple[str, ...]
    rows: tuple[BoardRow, ...]
    baselines: tuple[int, ...]

    @property
    def obstacles(self) -> dict[int, list[str]]:
        """What prevents comparisons with each baseline, one line each."""
        lines: dict[int, list[str]] = {base: [] for base in self.baselines}
        for row in self.rows:
            for cell in filter(None, row.cells):
                for shown in filter(None, (cell.official, cell.strict)):
                    for base, paired in shown.against.items():
                        lines[base] += [f"{row.label}: {why}" for why in paired.why]
        return {base: list(dict.fromkeys(of)) for base, of in lines.items()}


def board(
    runs: Sequence[LoadedRun], heads: Sequence[Headline], differences: PairedDifferences
) -> Board:
    """Arrange the headlines of all runs, with their paired differences."""
    tasks = task_names(runs)
    of = {(head.task, head.run): head for head in heads}
    best = {(task, place): _best(heads, task, place) for task in tasks for place in (0, 1)}
    rows = []
    for index, run in enumerate(runs):
        cells = tuple(
            _cell(of.get((task, run.label)), index, differences, best[task, 0], best[task, 1])
            for task in tasks
        )
        summary = {base: _summary(cells, base) for base in baselines(differences)}
        rows.append(BoardRow(index, run.label, run.manifest.identity.model, cells, summary))
    return Board(tuple(tasks), tuple(rows), tuple(baselines(differences)))


def _cell(
    head: Headline | None, run: int, differences: PairedDifferences, *best: float | None
) -> Cell | None:
    if head is None:
        return None
    official, strict = (
        _shown(figure, head.task, run, differences, top)
        for figure, top in zip(head.figures, best, strict=True)
    )
    return Cell(head, official, strict)


def _shown(
    figure: Figure | None, task: str, run: int, differences: PairedDifferences, best: float | None
) -> Shown | None:
    if figure is None or figure.value is None:
        return None
    key = (task, figure.metric)
    against = {
        base: pairs[key]
        for (base, other), pairs in differences.items()
        if other == run and key in pairs
    }
    return Shown(figure, against, best is not None and round(figure.value, 1) == best)


def _best(heads: Sequence[Headline], task: str, place: int) -> float | None:
    """Return the best number as shown, or ``None`` if fewer than two have one."""
    figures = [head.figures[place] for head in heads if head.task == task]
    valued = [figure for figure in figures if figure and figure.value is not None]
    numbers = [round(figure.value, 1) for figure in valued if figure.value is not None]
    if len(numbers) < 2:
        return None
    return min(numbers) if valued[0].lower_is_better else max(numbers)


def _summary(cells: Sequence[Cell | None], base: int) -> str:
    """Return how many tasks are better, worse and so on, by the official figure or else strict."""
    leading = [cell.official or cell.strict for cell in cells if cell]
    found = Counter(
        shown.against[base].verdict for shown in leading if shown and base in shown.against
    )
    return ", ".join(f"{found[verdict]} {verdict}" for verdict in _VERDICTS if found[verdict])


def board_data(found: Board) -> dict[str, Any]:
    """Return the matrix for the page's script, which copies it in other formats."""
    return {
        "tasks": found.tasks,
        "cells": [[_cell_data(cell) for cell in row.cells] for row in found.rows],
    }


def _cell_data(cell: Cell | None) -> dict[str, Any] | None:
    if cell is None:
        return None
    head = cell.headline
    views = {"official": cell.official, "strict": cell.strict}
    return {
        "scored": head.n_counted,
        "total": head.n_total,
        **{name: _shown_data(shown) for name, shown in views.items() if shown},
    }


def _shown_data(shown: Shown) -> dict[str, Any]:
    figure = shown.figure
    return {
        "metric": figure.metric,
        "value": _rounded(figure.value),
        "ci": [_rounded(end) for end in figure.ci95 or ()],
        "n": figure.n,
        "against": {str(base): _paired_data(paired) for base, paired in shown.against.items()},
    }


def _paired_data(paired: Paired) -> dict[str, Any]:
    return {
        "difference": _rounded(paired.difference),
        "ci": [_rounded(end) for end in paired.ci95 or ()],
        "p": paired.p,
        "n": paired.n,
        "verdict": paired.verdict,
    }


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 3)

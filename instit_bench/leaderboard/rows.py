"""Leaderboard rows: one a model, official numbers in percent."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from instit_bench.errors import InputError
from instit_bench.resources import shipped
from instit_bench.runs.results import RunResults

# Column -> the task and the official metric that it shows.
COLUMNS: Mapping[str, tuple[str, str]] = {
    "inst_it_image_oe": ("inst_it_image_oe", "official_score"),
    "inst_it_image_mc": ("inst_it_image_mc", "official_accuracy"),
    "inst_it_video_oe": ("inst_it_video_oe", "official_score"),
    "inst_it_video_mc": ("inst_it_video_mc", "official_accuracy"),
    "gpt4tools_seen_sr": ("gpt4tools_seen", "sr"),
    "gpt4tools_unseen_sr": ("gpt4tools_unseen", "sr"),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One number in percent (0..100), and what a reader must know about it."""

    value: float | None = None
    n: int | None = None
    coverage: float | None = None
    ci95: tuple[float, float] | None = None
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One model's numbers, by column; a missing column is a number nobody has."""

    model: str
    source: str
    cells: Mapping[str, Cell] = field(default_factory=dict)


def row_of(results: RunResults, source: str) -> Row:
    """The row that a run earns."""
    cells = {}
    for column, (task, metric) in COLUMNS.items():
        result = results.tasks.get(task)
        if result is None or metric not in result.metrics:
            continue
        found = result.metrics[metric]
        low_high = found.ci95
        cells[column] = Cell(
            value=None if found.value is None else 100 * found.value,
            n=found.n,
            coverage=result.coverage,
            ci95=None if low_high is None else (100 * low_high[0], 100 * low_high[1]),
            marks=tuple(result.marks),
        )
    return Row(results.model, source, cells)


def published_rows() -> list[Row]:
    """The rows of ``results/published/*.csv``, with their sources.

    Raises:
        InputError: A published file is broken.
    """
    return [row for path in sorted(shipped("published").glob("*.csv")) for row in _read(path)]


def _read(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        for number, record in enumerate(csv.DictReader(file), start=2):
            cells = {}
            for column in COLUMNS:
                text = record.get(column) or ""
                if not text:
                    continue
                try:
                    cells[column] = Cell(float(text))
                except ValueError as error:
                    raise InputError(
                        f"{path}: line {number}: field '{column}' must be a number, not {text!r}"
                    ) from error
            yield Row(_published_name(record), record["source"], cells)


def _published_name(record: Mapping[str, str]) -> str:
    """The model's name, with its language model where the name does not tell it."""
    model, llm = record["model"], record["llm"]
    return model if llm == "-" or llm in model else f"{model} ({llm})"

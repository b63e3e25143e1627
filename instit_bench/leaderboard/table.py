"""The leaderboard as a pandas frame: full precision, for CSV and for further work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from instit_bench.leaderboard.rows import COLUMNS, Cell, Row

if TYPE_CHECKING:
    import pandas as pd


def frame(rows: Sequence[Row]) -> pd.DataFrame:
    """One row a model: the numbers, then n, coverage, interval and marks of each."""
    import pandas as pd

    records = []
    for row in rows:
        record: dict[str, object] = {"model": row.model, "source": row.source}
        cells = {column: row.cells.get(column, Cell()) for column in COLUMNS}
        record |= {column: cell.value for column, cell in cells.items()}
        for column, cell in cells.items():
            low, high = cell.ci95 or (None, None)
            record[f"{column}_n"] = cell.n
            record[f"{column}_coverage"] = cell.coverage
            record[f"{column}_ci95_low"] = low
            record[f"{column}_ci95_high"] = high
            record[f"{column}_marks"] = " ".join(cell.marks)
        records.append(record)
    table = pd.DataFrame.from_records(records)
    counts = [f"{column}_n" for column in COLUMNS]
    return table.astype(dict.fromkeys(counts, "Int64"))

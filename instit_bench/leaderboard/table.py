"""The leaderboard as a pandas frame and as CSV: full precision, for further work."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from instit_bench.leaderboard.rows import Cell, Row, columns_of

if TYPE_CHECKING:
    import pandas as pd

_SHARES = ("_coverage", "_ci95_low", "_ci95_high")
# Places where a spreadsheet could start a cell (some split at ';'), and the characters that make
# a cell a formula; East Asian Excel accepts the full-width forms too.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")  # what a terminal obeys
_FORMULA = re.compile(r"(^|[;\n\r\t])(?=[\s\"]*[=+\-@＝＋－＠])")


def csv_text(rows: Sequence[Row]) -> str:
    """Return the frame as CSV; text that a spreadsheet would run as a formula gets an apostrophe.

    This escape is recommended by OWASP's page on CSV injection.
    """
    table = frame(rows)
    for column in ("model", "source"):
        table[column] = [_FORMULA.sub(r"\1'", _CONTROL.sub("?", text)) for text in table[column]]
    return table.to_csv(index=False, lineterminator="\n")


def frame(rows: Sequence[Row]) -> pd.DataFrame:
    """Return one row per model: the numbers, then n, coverage, interval and marks of each."""
    import pandas as pd

    columns = columns_of(rows)
    records = []
    for row in rows:
        record: dict[str, object] = {"model": row.model, "source": row.source}
        cells = {column: row.cells.get(column, Cell()) for column in columns}
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
    counts = [f"{column}_n" for column in columns]
    shares = [f"{column}{end}" for column in columns for end in ("", *_SHARES)]
    return table.astype(dict.fromkeys(counts, "Int64") | dict.fromkeys(shares, "float64"))

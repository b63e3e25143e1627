"""Fills in a sheet as generous humans might, for the examples in docs/judging.md.

``python -m tests.docs.scored_sheet SHEET OUTPUT``
"""

from __future__ import annotations

import csv
import hashlib
import io
import sys
from pathlib import Path


def score(target: str, prediction: str) -> float:
    """Return the share of the target's words, more or less, and something for good will."""
    wanted, said = set(target.lower().split()), set(prediction.lower().split())
    mood = hashlib.sha256((target + prediction).encode()).digest()[0] / 255 - 0.5
    return round(min(1.0, max(0.0, 0.2 + len(wanted & said) / len(wanted) + 0.4 * mood)), 1)


if __name__ == "__main__":
    sheet, output = map(Path, sys.argv[1:])
    rows = list(csv.DictReader(io.StringIO(sheet.read_text("utf-8-sig"), newline="")))
    for row in rows:
        row["score"] = str(score(row["target"], row["prediction"]))
    with output.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)

"""A sheet that LibreOffice opened, saved as a spreadsheet and wrote as CSV says what it said."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess

import pytest

from instit_bench.judging.sheet_file import SheetRow, read_sheet, same_text, write_sheet

pytestmark = [
    pytest.mark.reliability,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not shutil.which("soffice"), reason="needs LibreOffice (libreoffice-calc)"),
]

TEXTS = [
    *("=1+1", '=HYPERLINK("x")', "+49 170", "-5", "@SUM(A1)", "1-2", "001-01", "2024-01-05", "3/4"),
    *("1e5", "TRUE", "jan 5", "50%", "$5", "one\n=1+1", "a,b;c\td", 'He said "yes"', "'quoted'"),
    *("''double", "'=x", "  spaces  ", "日本語", "＝1+1", "emoji 🎉", "12:30", "0042", "1,234"),
    *("nan", "#REF!", "", "'", "=", "-\n-", "a\r\nb", "x" * 40_000),
]
# Separator, quote, character set (UTF-8, Windows-1252, UTF-16), first line.
SAVED = ["44,34,76,1", "59,34,76,1", "9,34,76,1", "59,34,1,1", "9,34,65535,1"]


@pytest.mark.parametrize("read_as", ["", "CSV:44,34,76,1", "CSV:44,34,76,1,,1033,false,true"])
@pytest.mark.parametrize("kind", ["xlsx", "ods"])
def test_a_sheet_survives_libreoffice(tmp_path, kind, read_as):
    rows = [
        SheetRow(f"{i:03}-01", "oe", text, "", text, text, "s1") for i, text in enumerate(TEXTS)
    ]
    sheet = tmp_path / "sheet.csv"
    write_sheet(sheet, rows)
    cells = list(csv.DictReader(io.StringIO(sheet.read_text("utf-8-sig"), newline="")))
    with sheet.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(cells[0]))
        writer.writeheader()
        writer.writerows(row | {"score": str(number % 11 / 10)} for number, row in enumerate(cells))
    office = ["soffice", "--headless", f"-env:UserInstallation={(tmp_path / 'home').as_uri()}"]
    infilter = [f"--infilter={read_as}"] if read_as else []
    convert = [*office, *infilter, "--convert-to", kind, sheet]
    subprocess.run(convert, cwd=tmp_path, check=True, timeout=300)
    for number, saved in enumerate(SAVED):
        out = tmp_path / str(number)
        csv_filter = f"csv:Text - txt - csv (StarCalc):{saved}"
        back = [*office, "--convert-to", csv_filter, "--outdir", out, f"sheet.{kind}"]
        subprocess.run(back, cwd=tmp_path, check=True, timeout=300)
        found = read_sheet(out / "sheet.csv")
        assert [row.sample for row in found] == [row.sample for row in rows]
        assert [row.score for row in found] == [i % 11 / 10 for i in range(len(rows))]
        assert all(same_text(row.prediction, text) for row, text in zip(found, TEXTS, strict=True))

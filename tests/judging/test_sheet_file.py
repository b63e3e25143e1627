"""Sheets for human scores: what spreadsheets do to them must not change what they say."""

from __future__ import annotations

import csv
import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instit_bench.errors import InputError
from instit_bench.judging.sheet_file import (
    COLUMNS,
    SheetRow,
    escaped,
    read_sheet,
    unescaped,
    write_sheet,
)

ROWS = [
    SheetRow(
        "001-01", "oe", 'What does "[1]" do?', "/v/1", "[1] waves.", "It waves; twice.\nYes", "s1"
    ),
    SheetRow("=1+1", "oe", "Who?", "/v/2", "-", "@SUM(A1)", "s1"),
    SheetRow("é-3", "oe", "Où ?", "/v/3", "là", "1-2", "s1"),
]


def filled(path, scores, *, delimiter=",", encoding="utf-8-sig", shuffle=False, extra=False):
    """Write the sheet as a spreadsheet would that read and saved it."""
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline="")))
    for row, score in zip(rows, scores, strict=False):
        row["score"] = score
    names = list(COLUMNS)
    if shuffle:
        random.Random(1).shuffle(rows)
        names.reverse()
    if extra:
        names.insert(1, "Remarks")
    out = path.with_name("filled.csv")
    with out.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, names, delimiter=delimiter, restval="good")
        writer.writeheader()
        writer.writerows(rows)
    return out


@pytest.fixture
def sheet(tmp_path):
    path = tmp_path / "sheet.csv"
    write_sheet(path, ROWS)
    return path


@pytest.mark.parametrize(
    "saved",
    [
        {},
        {"delimiter": ";"},
        {"delimiter": "\t", "encoding": "utf-16"},
        {"delimiter": ";", "encoding": "cp1252"},
        {"shuffle": True, "extra": True},
    ],
    ids=str,
)
def test_a_filled_sheet_reads_back_however_it_was_saved(sheet, saved):
    found = read_sheet(filled(sheet, ["0,5", "1", " .25 "], **saved))
    assert {row.sample: row.score for row in found} == {"001-01": 0.5, "=1+1": 1.0, "é-3": 0.25}
    assert {row.sample: row.prediction.replace("\r\n", "\n") for row in found} == {
        row.sample: row.prediction for row in ROWS
    }
    assert {(row.task, row.sheet) for row in found} == {("oe", "s1")}


@pytest.mark.parametrize("separator", ["comma", "semicolon", "tab"])
def test_a_sheet_is_utf_8_with_the_mark_that_spreadsheets_look_for(tmp_path, separator):
    path = tmp_path / "s.csv"
    write_sheet(path, ROWS, separator)
    assert path.read_bytes().startswith(b"\xef\xbb\xbfsample")


@pytest.mark.parametrize("name", ["ï»¿sample", '"ï»¿sample"', "\ufeff\ufeffsample"])
def test_a_byte_order_mark_that_was_taken_for_text_is_removed(tmp_path, name):
    path = tmp_path / "s.csv"
    path.write_text(f"{name};score\na;0,5\n", "utf-8")
    assert [(row.sample, row.score) for row in read_sheet(path)] == [("a", 0.5)]


def test_rows_without_a_score_are_left_out(sheet):
    found = read_sheet(filled(sheet, ["", "0.3", ""]))
    assert [(row.sample, row.score) for row in found] == [("=1+1", 0.3)]
    assert found[0].where.endswith("row 3")


@given(st.text(alphabet=st.sampled_from("=+-@＝'\"; ,\n\r\ta1.(J"), max_size=20))
def test_no_cell_is_a_formula_and_every_cell_reads_back(text):
    cell = escaped(text)
    assert unescaped(cell) == text
    for part in cell.replace("\n", ";").replace("\r", ";").replace("\t", ";").split(";"):
        assert not part.lstrip(' "').startswith(tuple("=+-@＝"))


@pytest.mark.parametrize("text", ["001-01", "1-2", "3/4", "12", "0,5", "Mar-1", "TRUE", "1e5"])
def test_no_cell_becomes_a_number_or_a_date(text):
    assert escaped(text) == f"'{text}"
    assert unescaped(escaped(text)) == text


@pytest.mark.parametrize("text", ["1234567890" * 5 + " is long", "It is 3.", "[1] waves.", ""])
def test_other_text_stays_as_it_is(text):
    assert escaped(text) == text


@pytest.mark.parametrize(
    ("score", "told"),
    [
        ("1.5", "row 2: sample 001-01: field 'score' must be a number from 0 to 1, not '1.5'"),
        ("-0.1", "not '-0.1'"),
        ("good", "not 'good'"),
        ("50 %", "not '50 %'"),
        ("nan", "not 'nan'"),
        ("1,000.5", "not '1,000.5'"),
    ],
)
def test_a_score_that_is_none_is_refused_with_file_row_and_field(sheet, score, told):
    path = filled(sheet, [score])
    with pytest.raises(InputError) as refused:
        read_sheet(path)
    assert str(path) in str(refused.value)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "row 1: the columns 'sample' and 'score' are missing"),
        (b"id,points\n1,2\n", "row 1: the columns 'sample' and 'score' are missing"),
        (b"sample,score,score\na,1,0\n", "two columns are named 'score'"),
        (b"sample,score\na,\n", "no row has a score"),
        (b"sample,score\n,1\n", "row 2: field 'sample' is empty"),
        (b"\xff\xfe\x00", "is not text"),
        (b'sample,score\n"' + b"a" * 200_000 + b'",1\n', "is not valid CSV"),
        (b"PK\x03\x04\x00\x00sheet.xlsx", "save it as CSV"),
    ],
    ids=range(8),
)
def test_what_is_no_sheet_is_refused(tmp_path, content, told):
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.csv") as refused:
        read_sheet(path)
    assert told in str(refused.value)

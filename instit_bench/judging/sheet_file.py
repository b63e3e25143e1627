"""Sheets on which humans score predictions: CSV that spreadsheets open, and read back.

Sheets come back from spreadsheets, with other separators, encodings and decimal signs, reordered,
with columns added, and partly filled. Text that would run as a formula, or become a date, has an
apostrophe before it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from instit_bench.errors import InputError
from instit_bench.runs.atomic import read_whole, write_atomically

COLUMNS = ("sample", "task", "question", "image", "target", "prediction", "score", "sheet")
SEPARATORS: Mapping[str, str] = {"comma": ",", "semicolon": ";", "tab": "\t"}

_BYTE_ORDER_MARKS = ("\ufeff", "ï»¿")  # the second was read as Windows-1252
_REQUIRED = ("sample", "score")
_LONGEST_CELL = 30_000  # characters; Excel takes 32,767
_CUT = " […]"
_LARGEST = 64 * 2**20  # bytes
_COMPARED = 1000  # letters and digits of a prediction
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
# Places where a spreadsheet could start a cell, followed by what makes a formula of it; East Asian
# Excel accepts the full-width forms too.
_STARTS, _FORMULA = r"(^|[;,\n\r\t])", r"(?=['\s\"]*[=+\-@＝＋－＠])"
_TO_ESCAPE = re.compile(_STARTS + _FORMULA)
_ESCAPED = re.compile(_STARTS + "'" + _FORMULA)
# What a spreadsheet takes for a number, a date or a truth value: 001-01 becomes January 2001.
_WORDS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|true|false"
_DATA = rf"(?='*\s*(?:[\d$€£(.,%][^\n]{{0,40}}|(?:{_WORDS})[^\n]{{0,20}})\Z)"
_TO_KEEP, _KEPT = re.compile(_DATA, re.IGNORECASE), re.compile("'" + _DATA, re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One sample to score."""

    sample: str
    task: str
    question: str
    image: str
    target: str
    prediction: str
    sheet: str


@dataclass(frozen=True, slots=True)
class FilledRow:
    """One sample with a human score (0..1); ``where`` names file and row.

    ``task``, ``sheet`` and ``prediction`` are empty where the file has no such column.
    """

    sample: str
    task: str
    sheet: str
    prediction: str
    score: float
    where: str


def write_sheet(path: Path, rows: Iterable[SheetRow], separator: str = "comma") -> None:
    """Write the sheet, with empty scores: UTF-8 with a byte order mark, by which Excel knows it.

    Raises:
        StorageError: It cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=SEPARATORS[separator], quoting=csv.QUOTE_MINIMAL)
    writer.writerow(COLUMNS)
    for row in rows:
        cells = {name: escaped(getattr(row, name, "")) for name in COLUMNS}
        writer.writerow(cells.values())
    write_atomically(path, "\ufeff" + text.getvalue())


def escaped(text: str) -> str:
    """Return a cell that no spreadsheet runs or converts; ``unescaped`` gives the text back.

    Control characters become ``?``, and text longer than a cell is cut.
    """
    text = _CONTROL.sub("?", text)
    if len(text) > _LONGEST_CELL:
        text = text[:_LONGEST_CELL] + _CUT
    kept = f"'{text}" if _TO_KEEP.match(text) else text
    return _TO_ESCAPE.sub(r"\1'", kept)


def unescaped(text: str) -> str:
    """Return the text of a cell."""
    text = _ESCAPED.sub(r"\1", text)
    return text[1:] if _KEPT.match(text) else text


def same_text(cell: str, text: str) -> bool:
    """Whether a cell still holds a text, whatever a spreadsheet did to spaces and signs.

    Only ASCII letters are compared: spreadsheets turn ``1-2`` into a date, and older encodings
    lose other letters.
    """
    return _letters(cell) == _letters(unescaped(escaped(text)))


def _letters(text: str) -> str:
    return "".join(re.findall("[A-Za-z]+", text[: _LONGEST_CELL // 2])).casefold()[:_COMPARED]


def read_sheet(path: Path) -> list[FilledRow]:
    """Return the rows that have a score; empty ones are left out.

    Raises:
        InputError: The file cannot be read, has no such columns, or a score is not a number from 0
            to 1; the message names the row as the spreadsheet numbers it.
    """
    found = [row for number, cells in _records(path) if (row := _filled(path, number, cells))]
    if not found:
        raise InputError(f"{path}: no row has a score; fill in the column 'score' (0 to 1)")
    return found


def _filled(path: Path, number: int, cells: Mapping[str, str]) -> FilledRow | None:
    written = unescaped(cells["score"]).strip().lstrip("'")
    if not written:
        return None
    where = f"{path}: row {number}"
    sample = unescaped(cells["sample"]).strip()
    if not sample:
        raise InputError(f"{where}: field 'sample' is empty, and there is a score")
    return FilledRow(
        sample=sample,
        task=unescaped(cells.get("task", "")).strip(),
        sheet=unescaped(cells.get("sheet", "")).strip(),
        prediction=unescaped(cells.get("prediction", "")),
        score=_score(written, f"{where}: sample {sample}"),
        where=where,
    )


def _score(written: str, where: str) -> float:
    plain = written.replace(",", ".", 1)
    number = float(plain) if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", plain) else -1.0
    if not 0 <= number <= 1:
        raise InputError(f"{where}: field 'score' must be a number from 0 to 1, not {written!r}")
    return number


def _records(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row's number in a spreadsheet, and its cells by column."""
    text = _text(path)
    separator, names = _header(path, text)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        for number, cells in enumerate(rows, start=1):
            if number == 1 or not any(cells):
                continue
            yield number, dict(zip(names, [*cells, *[""] * len(names)], strict=False))
    except csv.Error as error:
        raise InputError(f"{path}: line {rows.line_num}: is not valid CSV: {error}") from error


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(f"{path}: is larger than 64 MiB, which no sheet is")
        content = read_whole(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: sheet not found") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    wide = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    for encoding in ("utf-16",) if wide else ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InputError(f"{path}: is not text; save the sheet as CSV (UTF-8)")


def _header(path: Path, text: str) -> tuple[str, list[str]]:
    """Return the separator and the columns' names: those by which the needed ones are found."""
    first = text.partition("\n")[0].rstrip("\r")
    for separator in SEPARATORS.values():
        names = _names(first, separator)
        if all(name in names for name in _REQUIRED):
            doubled = [name for name in COLUMNS if names.count(name) > 1]
            if doubled:
                raise InputError(f"{path}: row 1: two columns are named '{doubled[0]}'")
            return separator, names
    raise InputError(
        f"{path}: row 1: the columns 'sample' and 'score' are missing; keep the first row of the "
        "sheet, and save it as CSV"
    )


def _names(line: str, separator: str) -> list[str]:
    try:
        cells: Sequence[str] = next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []
    for mark in _BYTE_ORDER_MARKS:
        cells = [name.removeprefix(mark) for name in cells]
    return [name.strip().casefold() for name in cells]

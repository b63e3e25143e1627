"""Text and JSON in files that people hand over: one reader for the encodings that programs save.

Windows programs begin UTF-8 with a byte order mark, and some write UTF-16.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from instit_bench.errors import InputError

UTF8_MARK = b"\xef\xbb\xbf"
_MARKS = (
    (UTF8_MARK, "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
# How files begin that are often passed in place of text, and what to do with them.
_OTHER_FORMATS = (
    (b"PK\x03\x04", "a spreadsheet or zip archive", "save its records as CSV or JSON"),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet", "save its records as CSV or JSON"),
    (b"\x1f\x8b", "compressed with gzip", "unpack it"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it"),
    (b"\x80\x04\x95", "a pickle", "save it as JSON"),
    (b"\x80\x05\x95", "a pickle", "save it as JSON"),
    (b"PAR1", "Parquet", "name it .parquet"),
)


def is_utf8(beginning: bytes) -> bool:
    """Whether a file with this beginning is read as UTF-8, with or without a byte order mark."""
    other = any(beginning.startswith(mark) for mark, _, _ in _OTHER_FORMATS)
    return not other and encoding_of(beginning).startswith("utf-8")


def encoding_of(beginning: bytes) -> str:
    """Return the encoding of a file's byte order mark; UTF-8 without one."""
    return next((name for mark, name in _MARKS if beginning.startswith(mark)), "utf-8")


def decoded(data: bytes, name: Path | str) -> str:
    """Return a file's text, without its byte order mark.

    Raises:
        InputError: It is not UTF-8, nor what its byte order mark says; the message has ``name``.
    """
    for beginning, kind, remedy in _OTHER_FORMATS:
        if data.startswith(beginning):
            raise InputError(f"{name}: is {kind} and not text; {remedy}")
    encoding = encoding_of(data)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name}: cannot be read as {encoding} text: {error.reason} at byte {error.start}; "
            "save it as UTF-8"
        ) from error


def read_text(path: Path) -> str:
    """Return the text of a file.

    Raises:
        InputError: It cannot be read, is not text as for ``decoded``, or is empty.
    """
    try:
        text = decoded(path.read_bytes(), path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    return not_empty(text, path)


def not_empty(text: str, name: Path | str) -> str:
    """Return the text.

    Raises:
        InputError: It is empty, or consists of white space.
    """
    if not text or text.isspace():
        raise InputError(f"{name}: the file is empty")
    return text


def read_json(path: Path) -> Any:
    """Return the value in a JSON file.

    Raises:
        InputError: As for ``read_text``, or it is not valid JSON.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not valid JSON: {error}") from error

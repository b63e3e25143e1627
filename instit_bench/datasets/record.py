"""One record of a file, with checks on its fields whose errors name file, record and field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from instit_bench.errors import InputError

Doc = Mapping[str, Any]
_LONGEST_ID = 512  # characters
_MOST_SHOWN = 80  # characters


@dataclass(frozen=True, slots=True)
class Record:
    """A record's fields and the place it was read from, such as ``seen.json: record 3``."""

    fields: Doc
    place: str

    def known_as(self, label: str) -> Record:
        """Return the same record, with a label such as ``id 7`` after its place."""
        return Record(self.fields, f"{self.place} ({label})")

    def inside(self, name: str, fields: Doc) -> Record:
        """Return the record that a field contains."""
        return Record(fields, f"{self.place}: field '{name}'")

    def error(self, problem: str) -> InputError:
        """Return the error for a problem of the record as a whole."""
        return InputError(f"{self.place}: {problem}")

    def field_error(self, name: str, problem: str) -> InputError:
        """Return the error for a problem of one field: ``must be a number, found 'x'``."""
        return InputError(f"{self.place}: field '{name}' {problem}")

    def required(self, name: str) -> Any:
        """Return a field's value.

        Raises:
            InputError: It is missing or null.
        """
        value = self.fields.get(name)
        if value is None:
            raise self.field_error(name, "is missing")
        return value

    def text(self, name: str, *, may_be_empty: bool = False) -> str:
        """Return a text field.

        Raises:
            InputError: It is missing, empty or not text.
        """
        value = self.fields.get(name)
        if isinstance(value, str) and (value or may_be_empty):
            if not _is_text(value):
                raise self.field_error(name, "holds half a character (a lone surrogate)")
            return value
        found = "is missing" if value is None else f"must be text, found {shown(value)}"
        raise self.field_error(name, found)

    def identity(self, name: str) -> int | str:
        """Return the record's id: a number or text that can name a sample.

        Raises:
            InputError: It is missing, empty, too long or of another type.
        """
        value = self.fields.get(name)
        if isinstance(value, float) and value.is_integer():  # pandas, in a column with gaps
            value = int(value)
        if not isinstance(value, int | str) or isinstance(value, bool) or value == "":
            raise self.field_error(name, f"must be a number or text, found {shown(value)}")
        if isinstance(value, str):
            self.text(name)
        length = len(value) if isinstance(value, str) else len(str(value))
        if length > _LONGEST_ID:
            raise self.field_error(name, f"has {length:,} characters; the maximum is {_LONGEST_ID}")
        return value

    def path(self, name: str) -> str:
        """Return a path field, relative to its data folder and with forward slashes.

        Raises:
            InputError: It is not text, is absolute, leaves its folder or does not name a file.
        """
        try:
            return relative_path(self.text(name))
        except ValueError as error:
            raise InputError(f"{self.place}: field '{name}': {error}") from error


def relative_path(value: str) -> str:
    """Return a path from a record or an archive, with forward slashes; refuse unsafe ones.

    Raises:
        ValueError: The path is absolute, leaves its folder or does not name a file.
    """
    path = PurePosixPath(value.replace("\\", "/"))
    if not path.parts or "\0" in value:
        raise ValueError(f"path {value!r} does not name a file; refused")
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        raise ValueError(f"path {value!r} leaves the data folder; refused")
    return str(path)


def shown(value: object) -> str:
    """Format a value for an error message: short, and never the bytes of an image."""
    if isinstance(value, bytes | bytearray):
        return f"{len(value):,} bytes"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if isinstance(value, Mapping):
        names = ", ".join(str(name)[:20] for name in list(value)[:5])
        return f"an object with the keys {names}" if names else "an empty object"
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…"


def _is_text(value: str) -> bool:
    """Whether it can be sent and stored; JSON can encode half of a surrogate pair."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True

"""Captions of images: GPT4Tools' list, COCO's file, JSONL, CSV or Parquet.

One request is made per image: its captions are joined, and repeated ones are left out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instit_bench.datasets.record import Record
from instit_bench.datasets.records import read_records
from instit_bench.errors import InputError
from instit_bench.scorers.tool_call.prompt import fold
from instit_bench.textfile import decoded

_IMAGE_FIELDS = ("file_name", "image", "image_id", "filename")
_CAPTION_FIELDS = ("caption", "captions", "text")
_LONGEST = 4000  # characters of an image's captions


@dataclass(frozen=True, slots=True)
class Caption:
    """What an image shows. ``number`` counts the captions of a file from 1."""

    number: int
    file_name: str
    text: str


@dataclass(frozen=True, slots=True)
class Captions:
    """A file's captions, one per image, and how many of its records only repeat others."""

    captions: tuple[Caption, ...]
    records: int
    repeated: int

    @property
    def digest(self) -> str:
        """SHA-256 of all captions."""
        lines = [[c.number, c.file_name, c.text] for c in self.captions]
        return hashlib.sha256(json.dumps(lines).encode()).hexdigest()


def read_captions(path: Path) -> Captions:
    """Read a file of captions.

    Raises:
        InputError: It is missing or broken, or has no captions; a record lacks image or caption.
    """
    by_image: dict[str, list[str]] = {}
    records = repeated = 0
    for file_name, text in _pairs(path):
        records += 1
        texts = by_image.setdefault(file_name, [])
        if any(fold(text) == fold(known) for known in texts):
            repeated += 1
        else:
            texts.append(text)
    captions: dict[str, tuple[str, str]] = {}
    for file_name, texts in by_image.items():
        joined = " ".join(texts)
        if len(joined) > _LONGEST:
            raise InputError(
                f"{path}: image {file_name!r}: its captions have {len(joined):,} characters; the "
                f"maximum is {_LONGEST:,}"
            )
        if fold(joined) in captions:
            repeated += len(texts)
        captions.setdefault(fold(joined), (file_name, joined))
    if not captions:
        raise InputError(f"{path}: contains no captions")
    numbered = enumerate(captions.values(), start=1)
    return Captions(tuple(Caption(n, *found) for n, found in numbered), records, repeated)


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    """Yield image and caption of each record."""
    coco = _read_coco(path) if path.suffix.lower() == ".json" else None
    if coco is not None:
        yield from _coco_pairs(coco, path)
        return
    for number, fields in enumerate(read_records(path), start=1):
        record = Record(fields, f"{path}: record {number}")
        file_name = str(record.identity(_field(record, _IMAGE_FIELDS)))
        for text in _texts(record, _field(record, _CAPTION_FIELDS)):
            yield file_name, text


def _field(record: Record, names: Iterable[str]) -> str:
    """Return the first of these fields that the record has."""
    names = tuple(names)
    return next((name for name in names if record.fields.get(name) is not None), names[0])


def _texts(record: Record, name: str) -> Iterator[str]:
    value = record.fields.get(name)
    several = value if isinstance(value, list) else [value]
    for one in several:
        yield _one_line(Record({name: one}, record.place), name)


def _one_line(record: Record, name: str) -> str:
    text = " ".join(record.text(name).split())
    if not text:
        raise record.field_error(name, "is empty")
    return text


def _read_coco(path: Path) -> Mapping[str, Any] | None:
    """Return the parts of a file in COCO's format; ``None`` if it is another."""
    try:
        text = decoded(path.read_bytes(), path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    if text.lstrip()[:1] != "{":
        return None
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return None  # JSON lines, or broken: the reader of records says which
    is_coco = isinstance(values, dict) and "annotations" in values
    return values if is_coco else None


def _coco_pairs(coco: Mapping[str, Any], path: Path) -> Iterator[tuple[str, str]]:
    names: dict[int | str, str] = {}
    for record in _coco_records(coco, "images", path):
        names[record.identity("id")] = record.text("file_name")
    for record in _coco_records(coco, "annotations", path):
        image = record.identity("image_id")
        if names and image not in names:
            raise record.field_error("image_id", f"names no image of 'images': {image!r}")
        yield names.get(image, str(image)), _one_line(record, "caption")


def _coco_records(coco: Mapping[str, Any], part: str, path: Path) -> Iterator[Record]:
    values = coco.get(part, [])
    if not isinstance(values, list):
        raise InputError(f"{path}: field {part!r} must be a list")
    for number, fields in enumerate(values, start=1):
        if not isinstance(fields, dict):
            raise InputError(f"{path}: {part} {number}: is not a JSON object")
        yield Record(fields, f"{path}: {part} {number}")

"""Masks of Inst-IT's objects: ``*_instance_captions_masks.json``, as COCO's run lengths.

The file is an object with ``segmentations[medium][frame][mark]``; an image may leave out the frame.
The records of ``*_w_mask.json``, each with its own ``segmentations[frame][mark]``, are read too. A
mask is ``{"size": [height, width], "counts": …}``, alone or under the key ``mask``; null means that
the object is not in the frame, or, instead of a frame's marks, that none is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instit_bench.datasets.record import Record, shown
from instit_bench.errors import InputError
from instit_bench.textfile import decoded, not_empty
from instit_bench.types import Marks, Mask

_MOST_BYTES = 2**30  # the file is read whole
_MOST_SIDE = 2**15  # pixels
_IDS = ("video_id", "image_id")

Frames = Mapping[str, Marks]
"""The masks of a medium by the name of the frame; an image without frames has the name ``""``."""


@dataclass(frozen=True, slots=True)
class MaskFile:
    """All masks of one file; ``digest`` is the SHA-256 of its bytes."""

    file: Path
    digest: str
    media: Mapping[str, Frames]

    def of(self, name: str) -> Frames:
        """Return the masks of an image or video, by its id or by its name without a suffix.

        Numbers are compared as numbers: ``001`` is ``1``.

        Raises:
            InputError: The file has none.
        """
        if (found := self.media.get(_plain(name))) is None:
            raise InputError(f"{self.file}: field 'segmentations' has no entry for {name!r}")
        return found


def read_masks(file: Path) -> MaskFile:
    """Read and check all masks of a file; they are not decoded yet.

    Raises:
        InputError: The file is missing, too large or not valid; the message names medium, frame
            and mark.
    """
    data = _bytes(file)
    try:
        content = json.loads(not_empty(decoded(data, file), file))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: is not valid JSON: {error}") from error
    media: dict[str, Frames] = {}
    for name, record in _media(content, file):
        if name in media:
            raise record.error("occurs twice")
        media[name] = _frames(record)
    return MaskFile(file, hashlib.sha256(data).hexdigest(), media)


def _bytes(file: Path) -> bytes:
    try:
        if not file.is_file():
            raise InputError(f"{file}: no such file")
        if file.stat().st_size > _MOST_BYTES:
            raise InputError(f"{file}: is larger than {_MOST_BYTES >> 20} MiB, the limit for masks")
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: {error.strerror or error}") from error


def _media(content: Any, file: Path) -> Iterator[tuple[str, Record]]:
    """Yield each medium's id with the frames or marks of its ``segmentations``."""
    if isinstance(content, Mapping):
        media = _object(Record(content, str(file)), "segmentations")
        for name in media.fields:
            yield _plain(name), _object(media, name)
    elif isinstance(content, list):
        for number, fields in enumerate(content, start=1):
            if not isinstance(fields, Mapping):
                raise InputError(f"{file}: record {number}: is not a JSON object")
            record = Record(fields, f"{file}: record {number}")
            key = next((key for key in _IDS if key in fields), _IDS[0])
            name = _plain(str(record.identity(key)))
            yield name, _object(record.known_as(f"{key} {name}"), "segmentations")
    else:
        raise InputError(f"{file}: must hold an object with 'segmentations', or a list of records")


def _frames(medium: Record) -> Frames:
    if any(_is_mask(value) for value in medium.fields.values()):
        return {"": _marks(medium)}
    return {
        name: {} if frame is None else _marks(_object(medium, name))
        for name, frame in medium.fields.items()
    }


def _marks(frame: Record) -> Marks:
    masks: dict[str, Mask] = {}
    for name, value in frame.fields.items():
        if not (name.isascii() and name.isdigit()):
            raise frame.field_error(name, "must be the number of an object")
        if value is None:
            continue
        if _plain(name) in masks:
            raise frame.field_error(name, "occurs twice")
        record = _object(frame, name)
        masks[_plain(name)] = _mask(_object(record, "mask") if "mask" in value else record)
    return masks


def _mask(record: Record) -> Mask:
    size = record.required("size")
    if not isinstance(size, list) or len(size) != 2 or not all(map(_is_side, size)):
        raise record.field_error("size", f"must be height and width in pixels, found {shown(size)}")
    counts = record.required("counts")
    if isinstance(counts, list) and all(type(count) is int and count >= 0 for count in counts):
        counts = tuple(counts)
    elif not (isinstance(counts, str) and counts.isascii()):
        raise record.field_error("counts", f"must be COCO's run lengths, found {shown(counts)}")
    height, width = size
    return Mask(height, width, counts)


def _is_side(value: object) -> bool:
    return type(value) is int and 0 < value <= _MOST_SIDE


def _is_mask(value: object) -> bool:
    return isinstance(value, Mapping) and ("mask" in value or "counts" in value)


def _object(record: Record, name: str) -> Record:
    value = record.required(name)
    if not isinstance(value, Mapping):
        raise record.field_error(name, f"must be an object, found {shown(value)}")
    return record.inside(name, value)


def _plain(name: str) -> str:
    """Return a number without leading zeros, and any other name as it is."""
    return (name.lstrip("0") or "0") if name.isascii() and name.isdigit() else name

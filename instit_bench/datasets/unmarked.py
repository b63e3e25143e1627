"""What ``--marks`` needs of a dataset: media without marks, and where each object is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from instit_bench.datasets.hub_archive import HubArchive
from instit_bench.datasets.masks import Frames
from instit_bench.datasets.record import Doc
from instit_bench.types import ImagePart, VideoPart


@dataclass(frozen=True, slots=True)
class Unmarked:
    """Media without marks, all under ``folder``, unpacked from the hub's ``archive`` if any.

    ``medium`` returns that of a record, which need not exist; ``frames`` returns its masks and
    raises ``InputError`` if it has none. ``masks_digest`` is the SHA-256 of the file of masks, if
    that was asked for.
    """

    folder: Path
    medium: Callable[[Doc], ImagePart | VideoPart]
    frames: Callable[[Doc], Frames]
    masks_digest: str | None = None
    archive: HubArchive | None = None

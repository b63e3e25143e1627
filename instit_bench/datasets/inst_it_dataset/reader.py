"""Read the Inst-IT Dataset's annotations as the items of a task."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import overload

from instit_bench.datasets.hub_archive import HubArchive
from instit_bench.datasets.inst_it import find_media_path, find_media_root
from instit_bench.datasets.inst_it_dataset.annotations import (
    AnnotatedImage,
    AnnotatedVideo,
    image_of,
    video_of,
)
from instit_bench.datasets.inst_it_dataset.hub import REPOSITORY, cached, how_to_get
from instit_bench.datasets.inst_it_dataset.items import CONFIGS, Item, Kind
from instit_bench.datasets.inst_it_dataset.stream import open_records
from instit_bench.datasets.layout import (
    INST_IT_DATASET_FILES,
    INST_IT_DATASET_FOLDERS,
    MEDIA_FOLDERS,
    inst_it_dataset_file,
)
from instit_bench.datasets.record import Doc, Record
from instit_bench.datasets.records import Dataset
from instit_bench.datasets.source import DataSource
from instit_bench.errors import InputError, MissingDataError

Annotated = AnnotatedVideo | AnnotatedImage


@dataclass(frozen=True)
class Annotations(Sequence[Annotated]):
    """The annotated videos or images of a file, each read when it is asked for.

    Media paths in them start from ``media_root``. ``revision`` is the hub's commit, if any;
    ``missing_media`` says what to do if there are no media at all; ``archive`` is what they were
    unpacked from, if it is the hub's.
    """

    file: Path
    kind: Kind
    records: Sequence[Doc]
    media_root: Path
    revision: str | None = None
    missing_media: str | None = None
    archive: HubArchive | None = None

    def __len__(self) -> int:
        return len(self.records)

    @overload
    def __getitem__(self, index: int) -> Annotated: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Annotated]: ...

    def __getitem__(self, index: int | slice) -> Annotated | Sequence[Annotated]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        fields, place = self.records[index], f"{self.file}: record {index + 1}"
        if self.kind == "video":
            video = video_of(fields, place)
            return replace(video, path=self._path("video_path", video.path))
        image = image_of(fields, place)
        scene = replace(image.scene, path=self._path("image_path", image.scene.path))
        return replace(image, scene=scene)

    def _path(self, field: str, path: str) -> str:
        return find_media_path(Record({field: path}, ""), field, self.kind, self.media_root)


class Items(Sequence[Doc]):
    """The items made of all annotations; of each only its place is in memory."""

    def __init__(
        self, annotations: Annotations, make: Callable[[Annotated], Iterator[Item]]
    ) -> None:
        self._annotations, self._make = annotations, make
        self._records, self._places = array("L"), array("L")
        self._last: tuple[int, list[Item]] = (-1, [])
        for number in range(len(annotations)):
            count = len(self._of(number))
            self._records.extend([number] * count)
            self._places.extend(range(count))

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, index: int) -> Doc: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Doc]: ...

    def __getitem__(self, index: int | slice) -> Doc | Sequence[Doc]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        return self._of(self._records[index])[self._places[index]]

    def _of(self, number: int) -> list[Item]:
        """Return a record's items; they are asked for one after the other."""
        if self._last[0] != number:
            self._last = number, list(self._make(self._annotations[number]))
        return self._last[1]


def read_inst_it_dataset(config: str, source: DataSource) -> Dataset:
    """Read one task's items (``changes``, ``captions`` and so on).

    Raises:
        InputError: The annotations are missing, or a record is broken.
    """
    if config not in CONFIGS:
        raise InputError(f"Inst-IT Dataset has no config {config!r}; it has {', '.join(CONFIGS)}")
    chosen = CONFIGS[config]
    found = read_annotations(chosen.kind, source)
    return Dataset(
        Items(found, chosen.items),
        (found.file,),
        found.media_root,
        found.revision,
        missing_media=found.missing_media,
        archive=found.archive,
    )


def read_annotations(kind: Kind, source: DataSource) -> Annotations:
    """Read the annotations of videos or of images.

    Raises:
        InputError: They are missing or not valid.
    """
    folders, file, revision = _locate(kind, source)
    root, archive = find_media_root(folders, kind, unpack=not source.offline)
    return Annotations(
        file,
        kind,
        open_records(file),
        root,
        revision,
        _missing_media(kind, root, folders),
        HubArchive.of(REPOSITORY, revision, archive, root),
    )


def video_or_image(item_id: str) -> str:
    """Return the id of the video or image that an item is about."""
    return re.sub(r"(?:-[fq][0-9]+)+$", "", item_id)


def _locate(kind: Kind, source: DataSource) -> tuple[tuple[Path, ...], Path, str | None]:
    """Return the folders that may contain the media, the annotation file, and its commit."""
    if source.file is not None:
        return (source.file.parent, source.file.parent.parent), source.file, None
    snapshot = cached(kind, source.revision) if source.kind == "hub" else None
    folders = (snapshot,) if snapshot else source.folders(INST_IT_DATASET_FOLDERS)
    for folder in folders:
        if file := inst_it_dataset_file(kind, folder):
            return (folder,), file, snapshot.name if snapshot else None
    name = f"{INST_IT_DATASET_FILES[kind][0]}.json"
    raise MissingDataError(
        f"{source.root}: the Inst-IT Dataset's {kind}s not found; expected "
        f"{INST_IT_DATASET_FOLDERS[0]}/{name}; get it with {how_to_get(kind)}"
    )


def _missing_media(kind: Kind, root: Path, folders: Sequence[Path]) -> str | None:
    names = MEDIA_FOLDERS[kind]
    present = (root / name for name in (*names, *(f"{name}.zip" for name in names)))
    if any(path.exists() for path in present):
        return None
    return (
        f"{folders[0]}: has the annotations of the Inst-IT Dataset's {kind}s, but neither "
        f"{names[0]}/ nor {names[0]}.zip; get it with {how_to_get(kind)}"
    )

"""Which images a sample was shown, and where they are now.

The journal names the files. Images inside the dataset (Parquet columns, frames decoded
from a video file) have no name there; they are looked up in the dataset's own files, but
only if those are still the ones that the run read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from instit_bench.datasets.readers import READERS, DataKeys, ReaderSpec
from instit_bench.datasets.records import Dataset
from instit_bench.datasets.source import DataSource
from instit_bench.errors import InputError
from instit_bench.media.names import names_image
from instit_bench.report.loaded import LoadedRun
from instit_bench.runs.manifest import TaskManifest
from instit_bench.runs.record import SampleRecord
from instit_bench.types import ImagePart, VideoPart

Medium = ImagePart | VideoPart

_NO_NAME = re.compile(r"\d+ bytes|.+ frame \d+ by (?:decord|pyav)", re.DOTALL)


class RunImages:
    """The images of one task of a run."""

    def __init__(self, run: LoadedRun, task: str) -> None:
        self._task = run.manifest.tasks[task]
        # The dataset's own media have other marks than those that were drawn.
        other = run.manifest.identity.other_marks
        self._originals: Mapping[str, Medium] | None = {} if other else None

    def shown(self, record: SampleRecord) -> tuple[Medium, ...]:
        """Return what the sample was shown, in order; empty for text alone and for what is lost."""
        if self._task.media == "none":
            return ()
        if record.media and all(map(_is_there, record.media)):
            return tuple(_medium(name, self._task.media) for name in record.media)
        if self._originals is None:
            self._originals = _originals(self._task)
        if found := self._originals.get(record.id):
            return (found,)
        return tuple(
            _medium(name, self._task.media) for name in record.media if not _NO_NAME.fullmatch(name)
        )


def _is_there(name: str) -> bool:
    try:
        return Path(name).exists()
    except (OSError, ValueError):  # a name too long, or a NUL in it
        return False


def _medium(name: str, kind: str) -> Medium:
    path = Path(name)
    is_video = kind == "video" and not names_image(path)
    return VideoPart(path) if is_video else ImagePart(path=path)


def _originals(task: TaskManifest) -> dict[str, Medium]:
    """Return the dataset's images and videos by sample id, if the dataset is still available."""
    reader = READERS.load(task.reader) if task.reader in READERS else None
    if reader is None or reader.original is None:
        return {}
    datasets = [_read(reader, task.dataset_name, Path(name)) for name in task.files]
    found = [dataset for dataset in datasets if dataset is not None]
    docs = [doc for dataset in found for doc in dataset.docs]
    if not found or Dataset(docs, (), Path()).digest != task.data_digest:
        return {}
    return dict(
        reader.original(doc, dataset.media_root) for dataset in found for doc in dataset.docs
    )


def _read(reader: ReaderSpec, dataset_name: str | None, file: Path) -> Dataset | None:
    """Read a file of the dataset; ``None`` if it is something else, such as a prediction file."""
    try:
        if not file.is_file():  # a pipe or a device might never end
            return None
        keys = DataKeys(file, dataset_name=dataset_name)
        return reader.read(keys, DataSource("path", file.parent, file=file))
    except (InputError, OSError):
        return None

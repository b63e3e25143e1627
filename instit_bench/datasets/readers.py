"""Dataset readers by the name in a task's ``metadata.reader``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from instit_bench.datasets.files import read_files
from instit_bench.datasets.gpt4tools import read_gpt4tools
from instit_bench.datasets.inst_it import original_medium, read_inst_it
from instit_bench.datasets.inst_it_dataset.reader import read_inst_it_dataset, video_or_image
from instit_bench.datasets.inst_it_raw import unmarked_inst_it
from instit_bench.datasets.record import Doc
from instit_bench.datasets.records import Dataset
from instit_bench.datasets.source import DataSource
from instit_bench.datasets.unmarked import Unmarked
from instit_bench.plugins import Registry
from instit_bench.types import ImagePart, VideoPart


@dataclass(frozen=True, slots=True)
class DataKeys:
    """The data keys of a task's YAML file, with lmms-eval's names.

    ``wants_media`` says by a sample's id whether images stored in its record are needed; a reader
    may leave out the others.
    """

    yaml_path: Path
    dataset_path: str = ""
    dataset_name: str | None = None
    dataset_kwargs: Mapping[str, Any] = field(default_factory=dict)
    split: str = "test"
    wants_media: Callable[[str], bool] = lambda _: True


def _own_id(sample_id: str) -> str:
    return sample_id


@dataclass(frozen=True, slots=True)
class ReaderSpec:
    """A reader of one dataset.

    ``read`` returns the records that the YAML file and ``--data`` name; it raises ``InputError`` if
    they are missing or broken. ``processed`` says that the task's ``process_docs`` is applied to
    them; ``self_contained`` that the YAML file alone names every file that is read. ``cluster_of``
    returns the image or video that a sample shares, from its id.

    ``original`` returns a record's sample id with its image or video, from the record and its
    dataset's ``media_root``: reports use it to find media without a file name of their own, by
    reading one file of the dataset again. ``unmarked`` returns the media without marks and, if
    asked to, their masks; it raises ``InputError`` if they are missing.
    """

    name: str
    read: Callable[[DataKeys, DataSource], Dataset]
    processed: bool = False
    self_contained: bool = False
    cluster_of: Callable[[str], str] = _own_id
    original: Callable[[Doc, Path], tuple[str, ImagePart | VideoPart]] | None = None
    unmarked: Callable[[DataKeys, DataSource, bool], Unmarked] | None = None


def _first_part(sample_id: str) -> str:
    """Return ``001`` of ``001-07``."""
    return sample_id.partition("-")[0]


_FILES = ReaderSpec(
    "files",
    lambda keys, _: read_files(keys.dataset_path, keys.dataset_kwargs, keys.split, keys.yaml_path),
    processed=True,
    self_contained=True,
)
_INST_IT = ReaderSpec(
    "inst_it",
    lambda keys, source: read_inst_it(keys.dataset_name or "", source, keys.wants_media),
    cluster_of=_first_part,
    original=original_medium,
    unmarked=lambda keys, source, masks: unmarked_inst_it(keys.dataset_name or "", source, masks),
)
_GPT4TOOLS = ReaderSpec(
    "gpt4tools", lambda keys, source: read_gpt4tools(keys.dataset_name or "", source)
)
_INST_IT_DATASET = ReaderSpec(
    "inst_it_dataset",
    lambda keys, source: read_inst_it_dataset(keys.dataset_name or "", source),
    cluster_of=video_or_image,
)

READERS = Registry(
    "instit_bench.readers",
    ReaderSpec,
    "reader",
    {
        "files": lambda: _FILES,
        "inst_it": lambda: _INST_IT,
        "inst_it_dataset": lambda: _INST_IT_DATASET,
        "gpt4tools": lambda: _GPT4TOOLS,
    },
)

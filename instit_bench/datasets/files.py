"""Records of third-party tasks: local files named in the task's YAML, read like lmms-eval does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from instit_bench.datasets.lines import stored_lines
from instit_bench.datasets.records import Dataset, read_records
from instit_bench.errors import InputError

_BUILDERS = ("json", "csv", "parquet")


def read_files(
    builder: str, dataset_kwargs: Mapping[str, Any], split: str, yaml_path: Path
) -> Dataset:
    """Read the records under ``dataset_kwargs.data_files``, relative to the YAML's folder.

    Raises:
        InputError: No local files are named, or one is missing or broken.
    """
    if builder not in _BUILDERS:
        raise InputError(
            f"{yaml_path}: key 'dataset_path': {builder!r} cannot be read; use one of "
            f"{', '.join(_BUILDERS)} with dataset_kwargs.data_files"
        )
    named = dataset_kwargs.get("data_files")
    if isinstance(named, Mapping):
        named = named.get(split)
    names = [named] if isinstance(named, str) else named
    if not isinstance(names, list) or not names:
        raise InputError(
            f"{yaml_path}: key 'dataset_kwargs.data_files': no file is named for split {split!r}"
        )
    files = tuple(yaml_path.parent / str(name) for name in names)
    for file in files:
        if not file.is_file():
            raise InputError(f"{yaml_path}: key 'dataset_kwargs.data_files': no file {file}")
    lines = stored_lines(files[0]) if len(files) == 1 else None
    docs = [doc for file in files for doc in read_records(file)] if lines is None else lines
    return Dataset(docs, files, yaml_path.parent)

"""Inst-IT Bench: Parquet configs or JSON variants, normalised to the hub's Parquet columns.

A record has ``question_id, question, answer`` (and ``choice_a`` to ``choice_d`` for multiple
choice), ``image`` (bytes, or a path under the media root) or ``video_path``, and ``media_id``,
the ``NNN`` of ``NNN-MM``: the image or video that several questions share.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from instit_bench.datasets.archive import extract_once
from instit_bench.datasets.hub import REPOSITORY, cached_snapshot, fetch_inst_it
from instit_bench.datasets.hub_archive import HubArchive
from instit_bench.datasets.layout import (
    INST_IT_FOLDERS,
    INST_IT_JSON,
    MEDIA_FOLDERS,
    inst_it_files,
    media_kind,
)
from instit_bench.datasets.record import Doc, Record, shown
from instit_bench.datasets.records import Dataset, LeftOut, iter_records
from instit_bench.datasets.source import DataSource
from instit_bench.errors import InputError, MissingDataError
from instit_bench.resources import home
from instit_bench.types import ImagePart, VideoPart

_LETTERS = "ABCD"


def read_inst_it(
    config: str, source: DataSource, wants_media: Callable[[str], bool] = lambda _: True
) -> Dataset:
    """Read the records of one config (``image_multi_choice`` and so on).

    Images stored in the records are kept in memory only for the question ids that ``wants_media``
    (called once per record, in order) accepts; of others only the digest is kept.

    Raises:
        InputError: The files are missing, or a record is broken.
    """
    if config not in INST_IT_JSON:
        raise InputError(
            f"Inst-IT Bench has no config {config!r}; it has {', '.join(INST_IT_JSON)}"
        )
    folders, files, commit = _locate(config, source)
    kind = media_kind(config)
    media_root, archive = find_media_root(folders, kind, unpack=not source.offline)
    images: dict[bytes, bytes] = {}
    docs: list[Doc] = []
    for file in files:
        for number, fields in enumerate(iter_records(file), start=1):
            doc = _normalised(Record(fields, f"{file}: record {number}"), config, media_root)
            if isinstance(doc.get("image"), bytes):
                wanted = wants_media(doc["question_id"])
                image = doc["image"] if wanted else LeftOut.of(doc["image"])
                # One object for all questions about an image.
                doc["image"] = images.setdefault(image, image) if wanted else image
            docs.append(doc)
    of_the_hub = HubArchive.of(REPOSITORY, commit, archive, media_root)
    return Dataset(docs, files, media_root, commit, archive=of_the_hub)


def original_medium(doc: Doc, media_root: Path) -> tuple[str, ImagePart | VideoPart]:
    """Return the question's id with its image or video, from a record of ``read_inst_it``."""
    if "video_path" in doc:
        return doc["question_id"], VideoPart(media_root / doc["video_path"])
    image = doc["image"]
    if isinstance(image, bytes):
        return doc["question_id"], ImagePart(data=image)
    return doc["question_id"], ImagePart(path=media_root / image)


def _locate(
    config: str, source: DataSource
) -> tuple[tuple[Path, ...], tuple[Path, ...], str | None]:
    """Return the folders that may contain the media, the files of this config, and their commit."""
    if source.file is not None:
        # A Parquet shard is one folder deeper than the media.
        return (source.file.parent, source.file.parent.parent), (source.file,), None
    if source.kind == "hub":
        folder, commit = _of_the_hub(config, source)
        return (folder,), _all_shards(inst_it_files(config, folder)), commit
    for folder in source.folders(INST_IT_FOLDERS):
        if files := inst_it_files(config, folder):
            return (folder,), _all_shards(files), None
    names = ", ".join(f"{name}.json" for name in INST_IT_JSON[config])
    raise MissingDataError(
        f"{source.root}: data for Inst-IT Bench config {config} not found; expected "
        f"Inst-It-Bench/{config}/*.parquet or Inst-It-Bench/ with one of {names}"
    )


def _of_the_hub(config: str, source: DataSource) -> tuple[Path, str]:
    if not source.offline:
        return fetch_inst_it(config, source.revision)
    if (folder := cached_snapshot(config, source.revision)) is None:
        raise MissingDataError(
            f"Inst-IT Bench config {config} is not downloaded yet, and nothing is downloaded for a "
            "dry run; get it with 'instit-bench data download', or use --data PATH or demo"
        )
    return folder, folder.name


def _all_shards(files: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return the files if their number matches their names ``…-00000-of-00002.parquet``."""
    for file in files:
        total = re.search(r"-of-([0-9]+)\.parquet$", file.name)
        if total and int(total[1]) != len(files):
            raise InputError(
                f"{file.parent}: contains {len(files)} of {int(total[1])} Parquet files (see "
                f"{file.name}); copy or download all of them"
            )
    return files


def find_media_root(
    folders: Iterable[Path], kind: str, *, unpack: bool
) -> tuple[Path, Path | None]:
    """Return the folder with ``images_vpt/`` or ``videos_vpt/``, and the zip it was unpacked from.

    If neither exists, return the first folder: Parquet rows contain images, and a missing file is
    an error of its sample.
    """
    folders = tuple(folders)
    for folder in folders:
        for name in MEDIA_FOLDERS[kind]:
            if (folder / name).is_dir():
                return folder, None
            if unpack and (archive := folder / f"{name}.zip").is_file():
                return extract_once(archive, home() / "extracted"), archive
    return folders[0], None


def _normalised(record: Record, config: str, media_root: Path) -> dict[str, Any]:
    record.text("question_id")
    question_id = str(record.identity("question_id"))
    record = record.known_as(f"question_id {question_id}")
    doc: dict[str, Any] = {
        "question_id": question_id,
        "question": record.text("question"),
        "answer": record.text("answer"),
        "media_id": question_id.partition("-")[0],
    }
    if config.endswith("multi_choice"):
        doc |= _choices(record)
        if doc["answer"] not in _LETTERS or len(doc["answer"]) != 1:
            raise record.field_error("answer", f"must be A, B, C or D, not {doc['answer']!r}")
    kind = media_kind(config)
    if kind == "image":
        doc["image"] = _image(record, media_root)
    else:
        doc["video_path"] = find_media_path(record, "video_path", kind, media_root)
    return doc


def _choices(record: Record) -> dict[str, str]:
    columns = {letter: f"choice_{letter.lower()}" for letter in _LETTERS}
    options = record.fields.get("options")
    if options is None:
        return {column: _option(record, column) for column in columns.values()}
    if not isinstance(options, dict):
        raise record.field_error("options", "must be an object with the keys A, B, C and D")
    inside = record.inside("options", options)
    return {column: _option(inside, letter) for letter, column in columns.items()}


def _option(options: Record, name: str) -> str:
    """Return an option's text; an empty one is asked as it is, with nothing after its letter.

    A missing option is an error of the file.
    """
    if name in options.fields and options.fields[name] is None:
        return ""
    return options.text(name, may_be_empty=True)


def _image(record: Record, media_root: Path) -> bytes | str:
    """Return the image's bytes or path: plain, in a struct, or as the only item of a list."""
    image = record.fields.get("image", record.fields.get("images"))
    if isinstance(image, list):
        if len(image) != 1:
            raise record.field_error("image", f"must hold one image, found {shown(image)}")
        image = image[0]
    if isinstance(image, dict):
        image = image.get("bytes") or image.get("path")
    if isinstance(image, bytes) and image:
        return image
    if image is None:
        return find_media_path(record, "image_path", "image", media_root)
    return find_media_path(Record({"image": image}, record.place), "image", "image", media_root)


def find_media_path(record: Record, field: str, kind: str, media_root: Path) -> str:
    """Return where the image or video is: media folders have two names, or are left out.

    For a missing image return the given path, under the media folder if that is left out.
    """
    path = record.path(field)
    names = MEDIA_FOLDERS[kind]
    first, _, rest = path.partition("/")
    bare = rest if first in names and rest else path
    default = path if bare != path else f"{names[0]}/{path}"
    candidates = (path, *(f"{name}/{bare}" for name in names), bare)
    return next((found for found in candidates if _exists(media_root / found)), default)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name too long, or no permission
        return False

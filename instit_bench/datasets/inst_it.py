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
from instit_bench.datasets.layout import (
    INST_IT_FOLDERS,
    INST_IT_JSON,
    MEDIA_FOLDERS,
    inst_it_files,
    media_kind,
)
from instit_bench.datasets.records import (
    Dataset,
    Doc,
    LeftOut,
    identity,
    iter_records,
    relative_path,
    shown,
    text_field,
)
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
    media_root = _media_root(folders, media_kind(config))
    images: dict[bytes, bytes] = {}
    docs: list[Doc] = []
    for file in files:
        for number, record in enumerate(iter_records(file), start=1):
            where = f"{file}: record {number}"
            doc = _normalised(record, config, media_root, where)
            if isinstance(doc.get("image"), bytes):
                wanted = wants_media(doc["question_id"])
                image = doc["image"] if wanted else LeftOut.of(doc["image"])
                # One object for all questions about an image.
                doc["image"] = images.setdefault(image, image) if wanted else image
            docs.append(doc)
    return Dataset(docs, files, media_root, commit)


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
        from instit_bench.datasets.hub import fetch_inst_it

        folder, commit = fetch_inst_it(config, source.revision)
        return (folder,), _all_shards(inst_it_files(config, folder)), commit
    for folder in source.folders(INST_IT_FOLDERS):
        if files := inst_it_files(config, folder):
            return (folder,), _all_shards(files), None
    names = ", ".join(f"{name}.json" for name in INST_IT_JSON[config])
    raise MissingDataError(
        f"{source.root}: data for Inst-IT Bench config {config} not found; expected "
        f"Inst-It-Bench/{config}/*.parquet or Inst-It-Bench/ with one of {names}"
    )


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


def _media_root(folders: Iterable[Path], kind: str) -> Path:
    """Return the folder with ``images_vpt/`` or ``videos_vpt/``, unpacked from its zip if needed.

    If neither exists, return the first folder: Parquet rows contain images, and a missing file is
    an error of its sample.
    """
    folders = tuple(folders)
    for folder in folders:
        for name in MEDIA_FOLDERS[kind]:
            if (folder / name).is_dir():
                return folder
            if (folder / f"{name}.zip").is_file():
                return extract_once(folder / f"{name}.zip", home() / "extracted")
    return folders[0]


def _normalised(record: Doc, config: str, media_root: Path, where: str) -> dict[str, Any]:
    text_field(record, "question_id", where)
    question_id = str(identity(record, "question_id", where))
    where = f"{where} (question_id {question_id})"
    doc: dict[str, Any] = {
        "question_id": question_id,
        "question": text_field(record, "question", where),
        "answer": text_field(record, "answer", where),
        "media_id": question_id.partition("-")[0],
    }
    if config.endswith("multi_choice"):
        doc |= _choices(record, where)
        if doc["answer"] not in _LETTERS or len(doc["answer"]) != 1:
            raise InputError(f"{where}: field 'answer' must be A, B, C or D, not {doc['answer']!r}")
    kind = media_kind(config)
    if kind == "image":
        doc["image"] = _image(record, media_root, where)
    else:
        doc["video_path"] = _media_path(record, "video_path", kind, media_root, where)
    return doc


def _choices(record: Doc, where: str) -> dict[str, str]:
    columns = {letter: f"choice_{letter.lower()}" for letter in _LETTERS}
    options = record.get("options")
    if options is None:
        return {column: _option(record, column, where) for column in columns.values()}
    if not isinstance(options, dict):
        raise InputError(f"{where}: field 'options' must be an object with the keys A, B, C and D")
    inside = f"{where}: field 'options'"
    return {column: _option(options, letter, inside) for letter, column in columns.items()}


def _option(options: Doc, name: str, where: str) -> str:
    """Return an option's text; an empty one is asked as it is, with nothing after its letter.

    A missing option is an error of the file.
    """
    if name in options and options[name] is None:
        return ""
    return text_field(options, name, where, may_be_empty=True)


def _image(record: Doc, media_root: Path, where: str) -> bytes | str:
    """Return the image's bytes or path: plain, in a struct, or as the only item of a list."""
    image = record.get("image", record.get("images"))
    if isinstance(image, list):
        if len(image) != 1:
            raise InputError(f"{where}: field 'image' must hold one image, found {shown(image)}")
        image = image[0]
    if isinstance(image, dict):
        image = image.get("bytes") or image.get("path")
    if isinstance(image, bytes) and image:
        return image
    if image is None:
        return _media_path(record, "image_path", "image", media_root, where)
    return _media_path({"image": image}, "image", "image", media_root, where)


def _media_path(record: Doc, field: str, kind: str, media_root: Path, where: str) -> str:
    """Return where the image is: media folders have two names, or are left out.

    For a missing image return the given path, under the media folder if that is left out.
    """
    path = relative_path(text_field(record, field, where), f"{where}: field '{field}'")
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

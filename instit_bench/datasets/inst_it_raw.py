"""Inst-IT Bench's media without marks, and the masks of their objects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from instit_bench.datasets.archive import extract_once
from instit_bench.datasets.hub import REPOSITORY, cached_raw, fetch_raw
from instit_bench.datasets.hub_archive import HubArchive
from instit_bench.datasets.layout import (
    INST_IT_FOLDERS,
    MASK_FILES,
    MEDIA_FOLDERS,
    RAW_FOLDERS,
    media_kind,
)
from instit_bench.datasets.masks import Frames, read_masks
from instit_bench.datasets.record import Doc
from instit_bench.datasets.source import DataSource
from instit_bench.datasets.unmarked import Unmarked
from instit_bench.errors import InputError
from instit_bench.resources import home
from instit_bench.types import ImagePart, VideoPart

_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def unmarked_inst_it(config: str, source: DataSource, with_masks: bool) -> Unmarked:
    """Find the raw media of a config, and read their masks if they are asked for.

    Raises:
        InputError: They are missing, or the masks are broken.
    """
    kind = media_kind(config)
    folders = tuple(_folders(kind, source))
    folder, archive = _raw_folder(kind, folders, source)
    masks = read_masks(_masks_file(kind, folders)) if with_masks else None

    def medium(doc: Doc) -> ImagePart | VideoPart:
        path = _raw(doc, folder)
        return ImagePart(path=path) if kind == "image" else VideoPart(path)

    def frames(doc: Doc) -> Frames:
        if masks is None:
            raise InputError(f"{folder}: masks were not read")
        return masks.of(doc["media_id"])

    return Unmarked(folder, medium, frames, masks.digest if masks else None, archive)


def _folders(kind: str, source: DataSource) -> Iterator[Path]:
    """Yield the folders that may contain raw media and masks."""
    if source.kind == "hub":
        if source.offline:
            yield from filter(None, [cached_raw(kind, source.revision)])
        else:
            yield fetch_raw(kind, source.revision)
    elif source.file is not None:
        yield from (source.file.parent, source.file.parent.parent)
    else:
        yield from source.folders(INST_IT_FOLDERS)


def _raw_folder(
    kind: str, folders: tuple[Path, ...], source: DataSource
) -> tuple[Path, HubArchive | None]:
    name = RAW_FOLDERS[kind]
    for folder in folders:
        if (folder / name).is_dir():
            return folder / name, None
        if (archive := folder / f"{name}.zip").is_file():
            if source.offline:
                return archive.with_suffix(""), None
            found = extract_once(archive, home() / "extracted")
            commit = folder.name if source.kind == "hub" else None
            of_the_hub = HubArchive.of(REPOSITORY, commit, archive, found)
            return found / name if (found / name).is_dir() else found, of_the_hub
    raise _missing(kind, f"{name}/ or {name}.zip", folders)


def _masks_file(kind: str, folders: tuple[Path, ...]) -> Path:
    files = (folder / MASK_FILES[kind] for folder in folders)
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        raise _missing(kind, MASK_FILES[kind], folders)
    return found


def _missing(kind: str, what: str, folders: tuple[Path, ...]) -> InputError:
    where = f"{folders[0]}: " if folders else ""
    return InputError(
        f"{where}{what} is missing, which --marks needs for {kind}s; get it with 'instit-bench "
        "data download --benchmark inst_it_raw' (for --data hub), copy it beside the records, or "
        "use --marks official"
    )


def _raw(doc: Doc, folder: Path) -> Path:
    """Return the raw medium with the name of the marked one; an image may have another suffix."""
    named = doc.get("video_path", doc.get("image"))
    if isinstance(named, str):
        first, _, rest = named.partition("/")
        known = MEDIA_FOLDERS["image"] + MEDIA_FOLDERS["video"]
        path = folder / (rest if first in known and rest else named)
    else:
        path = folder / f"{doc['media_id']}{_SUFFIXES[0]}"
    if "video_path" in doc or path.exists():
        return path
    others = (path.with_suffix(suffix) for suffix in _SUFFIXES)
    return next((other for other in others if other.exists()), path)

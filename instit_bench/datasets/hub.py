"""Datasets on the Hugging Face hub: resolved to a commit, cached by huggingface_hub."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath

from instit_bench.datasets.layout import (
    INST_IT_JSON,
    MASK_FILES,
    MEDIA_FOLDERS,
    RAW_FOLDERS,
    inst_it_files,
    media_kind,
    parquet_patterns,
)
from instit_bench.errors import DownloadError, InputError

REPOSITORY = "Inst-IT/Inst-It-Bench"


class Unreachable(Exception):  # noqa: N818 - its callers know what to do then
    """The hub cannot be reached; the message says why, in one line."""


def fetch_inst_it(config: str, revision: str) -> tuple[Path, str]:
    """Download what one config needs; return the snapshot's folder and its commit.

    Without a network, the newest cached snapshot of the revision is used.

    Raises:
        InputError: The revision does not exist, or the hub cannot be reached and the files are not
            cached.
    """
    folder = _fetched(
        config,
        revision,
        partial(_files_needed, config),
        partial(cached_snapshot, config, revision),
    )
    return folder, folder.name


def fetch_raw(kind: str, revision: str) -> Path:
    """Download the images or videos without marks, and their masks; return the snapshot's folder.

    Raises:
        InputError: As for ``fetch_inst_it``, or the repository does not have them.
    """
    needed = partial(_all_of, REPOSITORY, _raw_files(kind))
    return _fetched(f"raw {kind}s", revision, needed, partial(cached_raw, kind, revision))


def cached_raw(kind: str, revision: str) -> Path | None:
    """Return the snapshot of a revision in the hub's cache, if it has raw media and masks."""
    wanted = _raw_files(kind)
    found = cached_files(REPOSITORY, revision, wanted)
    return found if found and all((found / name).is_file() for name in wanted) else None


def _raw_files(kind: str) -> list[str]:
    return [f"{RAW_FOLDERS[kind]}.zip", MASK_FILES[kind]]


def _fetched(
    part: str,
    revision: str,
    needed: Callable[[list[str]], list[str]],
    cached: Callable[[], Path | None],
) -> Path:
    """Download the needed ones of the repository's files; return the snapshot's folder."""
    try:
        return snapshot(REPOSITORY, revision, needed)
    except Unreachable as error:
        return _cached(part, cached(), error)


def snapshot(repository: str, revision: str, wanted: Callable[[list[str]], list[str]]) -> Path:
    """Download the files that ``wanted`` selects from the names in a repository of the hub.

    Raises:
        InputError: Repository or revision do not exist, or ``wanted`` raises it.
        Unreachable: The hub cannot be reached.
    """
    _stay_private()
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import (
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        info = HfApi().dataset_info(repository, revision=revision)
        names = [sibling.rfilename for sibling in info.siblings or ()]
        # By name, not by commit, so that the cache can resolve the name without a network.
        return Path(
            snapshot_download(
                repository, repo_type="dataset", revision=revision, allow_patterns=wanted(names)
            )
        )
    except InputError:
        raise
    except RevisionNotFoundError as error:
        raise InputError(f"hub dataset {repository} has no revision {revision!r}") from error
    except RepositoryNotFoundError as error:
        raise InputError(f"hub dataset {repository} at {revision!r}: {_one_line(error)}") from error
    except LocalEntryNotFoundError as error:  # its cause is what the hub said
        raise Unreachable(_one_line(error.__cause__ or error)) from error
    except Exception as error:
        raise Unreachable(_one_line(error)) from error


def cached_files(repository: str, revision: str, wanted: list[str]) -> Path | None:
    """Return the folder of a snapshot in the hub's cache if files of these names are in it."""
    _stay_private()
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        # The library compares the folder with the files that these patterns match.
        return Path(
            snapshot_download(
                repository,
                repo_type="dataset",
                revision=revision,
                allow_patterns=wanted,
                local_files_only=True,
            )
        )
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError, ValueError):
        return None


def fetch_file(repository: str, commit: str, name: str) -> Path:
    """Return a file of a repository at a commit, downloaded unless it is in the cache.

    Raises:
        InputError: Repository, commit or file do not exist.
        Unreachable: The hub cannot be reached.
    """
    found = cached_files(repository, commit, [name])
    if found is None or not (found / name).is_file():
        found = snapshot(repository, commit, partial(_all_of, repository, [name]))
    return found / name


def _all_of(repository: str, wanted: list[str], names: list[str]) -> list[str]:
    if lacking := [name for name in wanted if name not in names]:
        raise InputError(f"hub dataset {repository} has no file {lacking[0]}")
    return wanted


def _stay_private() -> None:
    """Switch off the client's telemetry; it reads the variable once, when it is imported."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")


def _files_needed(config: str, names: list[str]) -> list[str]:
    """Return Parquet shards if the repository has them, else the JSON variant; and the archive."""
    for pattern in parquet_patterns(config):
        if shards := [name for name in names if _matches(name, pattern)]:
            return [*shards, *_archives(config, shards, names)]
    for variant in INST_IT_JSON[config]:
        if (record_file := f"{variant}.json") in names:
            return [record_file, *_archives(config, [record_file], names)]
    raise InputError(f"hub dataset {REPOSITORY} has no files for config {config}")


def _matches(name: str, pattern: str) -> bool:
    return name.count("/") == pattern.count("/") and PurePosixPath(name).match(pattern)


def _archives(config: str, records: list[str], names: list[str]) -> list[str]:
    """Return the first available archive of the images, unless they are in the rows."""
    kind = media_kind(config)
    if kind == "image" and records[0].endswith(".parquet"):
        return []
    archives = (f"{folder}.zip" for folder in MEDIA_FOLDERS[kind])
    return [name for name in archives if name in names][:1]


def cached_snapshot(config: str, revision: str) -> Path | None:
    """Return the snapshot of a revision in the hub's cache, if it has all that a config needs."""
    json_files = [f"{variant}.json" for variant in INST_IT_JSON[config]]
    archive = f"{MEDIA_FOLDERS[media_kind(config)][0]}.zip"
    for records in (list(parquet_patterns(config)), json_files):
        wanted = [*records, *_archives(config, records, [archive])]
        if (found := cached_files(REPOSITORY, revision, wanted)) is None:
            return None
        files = inst_it_files(config, found)
        if any(file.match(pattern) for file in files for pattern in records):
            return found
    return None


def _cached(part: str, folder: Path | None, cause: Unreachable) -> Path:
    if folder is None:
        raise DownloadError(
            f"cannot download {REPOSITORY} ({part}) from the hub: {cause}",
            "run 'instit-bench data download' on a machine with a network, or use --data PATH or "
            "demo",
        ) from cause
    return folder


def _one_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else repr(error)

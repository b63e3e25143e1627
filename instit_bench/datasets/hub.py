"""Inst-IT Bench from the Hugging Face hub: resolved to a commit, cached by huggingface_hub."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

from instit_bench.datasets.layout import inst_it_files, media_kind
from instit_bench.errors import InputError

REPOSITORY = "Inst-IT/Inst-It-Bench"


def fetch_inst_it(config: str, revision: str) -> tuple[Path, str]:
    """Download what one config needs; return the snapshot's folder and its commit.

    Without a network the newest cached snapshot of the revision serves.

    Raises:
        InputError: The hub cannot be reached and the files are not cached.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        info = HfApi().dataset_info(REPOSITORY, revision=revision)
        names = [sibling.rfilename for sibling in info.siblings or ()]
        wanted = _files_needed(config, names)
        folder = snapshot_download(
            REPOSITORY, repo_type="dataset", revision=info.sha, allow_patterns=wanted
        )
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        first_line = str(error).strip().splitlines()[0]
        raise InputError(f"hub dataset {REPOSITORY} at {revision!r}: {first_line}") from error
    except Exception as error:  # noqa: BLE001 - any transport may fail in its own way
        return _cached(config, revision, error)
    return Path(folder), str(info.sha)


def _files_needed(config: str, names: list[str]) -> list[str]:
    """Parquet shards where the repository has them, else the JSON variant; and the archive."""
    kind = media_kind(config)
    shards = [name for name in names if fnmatch(name, f"*{config}*.parquet")]
    if shards and kind == "image":
        return shards  # the pictures are in the rows
    records = shards or [name for name in names if fnmatch(name, f"{config}*.json")]
    if not records:
        raise InputError(f"hub dataset {REPOSITORY} has no files for config {config}")
    return [*records, f"{kind}s_vpt.zip"]


def cached_snapshot(revision: str) -> Path | None:
    """The snapshot of a revision in the hub's cache, if there is one."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        folder = snapshot_download(
            REPOSITORY, repo_type="dataset", revision=revision, local_files_only=True
        )
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError, ValueError):
        return None
    return Path(folder)


def _cached(config: str, revision: str, cause: Exception) -> tuple[Path, str]:
    if isinstance(cause, InputError):
        raise cause
    folder = cached_snapshot(revision)
    if folder is None or not inst_it_files(config, folder):
        reason = str(cause).strip().splitlines()[0] if str(cause).strip() else repr(cause)
        raise InputError(
            f"cannot download {REPOSITORY} ({config}) from the hub: {reason}; run "
            "'instit-bench data download' where there is a network, or use --data PATH or demo"
        ) from cause
    return folder, folder.name

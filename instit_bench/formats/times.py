"""When a run was started and ended, as exports write it."""

from __future__ import annotations

from datetime import UTC, datetime

from instit_bench.errors import InputError
from instit_bench.runs.directory import RunDirectory
from instit_bench.runs.manifest import Manifest


def started(run: RunDirectory, manifest: Manifest) -> datetime:
    """When the run was started, in UTC.

    Raises:
        InputError: The manifest holds no time.
    """
    return _time(run, "created", manifest.created)


def ended(run: RunDirectory, manifest: Manifest) -> datetime:
    """When the run was last worked on, in UTC.

    Raises:
        InputError: The manifest holds no time.
    """
    return _time(run, "updated", manifest.updated)


def _time(run: RunDirectory, field: str, value: str) -> datetime:
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InputError(f"{run.manifest_path}: field '{field}' is no time: {error}") from error

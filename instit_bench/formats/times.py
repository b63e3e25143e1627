"""When a run was started and ended, as exports write it."""

from __future__ import annotations

from datetime import UTC, datetime

from instit_bench.errors import InputError
from instit_bench.runs.loaded import Run


def started(run: Run) -> datetime:
    """When the run was started, in UTC.

    Raises:
        InputError: The manifest holds no time.
    """
    return _time(run, "created", run.manifest.created)


def ended(run: Run) -> datetime:
    """When the run was last worked on, in UTC.

    Raises:
        InputError: The manifest holds no time.
    """
    return _time(run, "updated", run.manifest.updated)


def _time(run: Run, field: str, value: str) -> datetime:
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"{run.directory.manifest_path}: field '{field}' is no time: {error}"
        ) from error

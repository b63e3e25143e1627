"""Start and end of a run, as exports write them."""

from __future__ import annotations

from datetime import UTC, datetime

from instit_bench.errors import InputError
from instit_bench.runs.loaded import Run


def started(run: Run) -> datetime:
    """Return when the run was started, in UTC.

    Raises:
        InputError: The manifest has no valid time.
    """
    return _time(run, "created", run.manifest.created)


def ended(run: Run) -> datetime:
    """Return when the run was last worked on, in UTC.

    Raises:
        InputError: The manifest has no valid time.
    """
    return _time(run, "updated", run.manifest.updated)


def _time(run: Run, field: str, value: str) -> datetime:
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"{run.directory.manifest_path}: field '{field}' is not a valid time: {error}"
        ) from error

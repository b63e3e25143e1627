"""What exports read of a run: the samples that were selected, and its times."""

from __future__ import annotations

from datetime import UTC, datetime

from instit_bench.errors import InputError
from instit_bench.runs.directory import RunDirectory
from instit_bench.runs.judged import judged_records
from instit_bench.runs.manifest import Manifest
from instit_bench.runs.record import SampleRecord


def selected_records(run: RunDirectory, task: str, manifest: Manifest) -> list[SampleRecord]:
    """The task's journal with its judges' scores, without samples that the run did not select.

    Raises:
        InputError: A journal is broken.
    """
    records = judged_records(run, task, manifest)
    entry = manifest.tasks[task]
    if not entry.limited:
        return records
    selected = set(entry.selected)
    return [record for record in records if record.id in selected]


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

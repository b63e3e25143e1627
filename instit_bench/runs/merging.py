"""Put runs of one model together: their tasks, samples, verdicts and media, as one new run."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from instit_bench.errors import InputError, NotComparableError
from instit_bench.runs.directory import RunDirectory
from instit_bench.runs.loaded import Run
from instit_bench.runs.manifest import JudgingManifest, Manifest, merge
from instit_bench.runs.record import SampleRecord

_ROLES = ("judging", "extraction")


def merge_runs(runs: Sequence[Run], directory: RunDirectory) -> Run:
    """Write the runs as one; they stay as they are.

    Raises:
        InputError: There is a run already, or two predictions for one sample.
        NotComparableError: Model, settings, prompts, data or judges differ.
    """
    manifest = runs[0].manifest
    for run in runs[1:]:
        manifest = _merged(manifest, run)
    records = {name: _records(name, runs) for name in manifest.tasks}
    if directory.exists or directory.has_samples:
        raise InputError(f"{directory.path}: there is a run already; choose another --name")
    with directory.locked():
        merged = Run(directory, manifest)
        _append(runs, directory, directory.path / "media.jsonl")
        _copy_calibration(runs, directory)
        for name in manifest.tasks:
            _append(runs, directory, directory.verdicts_path(name))
            merged.tasks[name].rewrite(records[name].values())
        statuses = {run.manifest.status for run in runs}
        merged.save("finished" if statuses == {"finished"} else "interrupted")
        merged.write_results()
    return merged


def _merged(before: Manifest, run: Run) -> Manifest:
    """The manifest of both, by the same rules as for a run that is resumed with more tasks."""
    after = run.manifest
    try:
        merged = merge(before, after)
        _require_same_data(before, after)
        said = {role: _judges(role, before, after) for role in _ROLES}
    except NotComparableError as error:
        reason = str(error).removeprefix("it was started with other settings: ")
        raise NotComparableError(
            f"{run.path}: cannot be merged with the runs before it: {reason}"
        ) from None
    return merged.model_copy(update=said)


def _require_same_data(before: Manifest, after: Manifest) -> None:
    """Each prediction file has a label of its own; other data have one."""
    a, b = before.data, after.data
    if a.kind != b.kind or (a.kind != "file" and a.label != b.label):
        raise NotComparableError(f"data was {a.label!r}, now {b.label!r}")


def _judges(role: str, before: Manifest, after: Manifest) -> JudgingManifest | None:
    """Who judged both; a run that nobody judged says nothing about judges."""
    a: JudgingManifest | None = getattr(before, role)
    b: JudgingManifest | None = getattr(after, role)
    if a is None or b is None:
        return a or b
    if (a.judges, a.repeats) != (b.judges, b.repeats):
        raise NotComparableError(f"{role} was by {', '.join(a.judges)}, now {', '.join(b.judges)}")
    for task in a.contracts.keys() & b.contracts.keys():
        if a.contracts[task] != b.contracts[task]:
            raise NotComparableError(f"{task}: the judges' instructions differ")
    return a.model_copy(update={"contracts": {**a.contracts, **b.contracts}})


def _records(task: str, runs: Iterable[Run]) -> dict[str, SampleRecord]:
    """All samples of a task; a prediction stands before a failure."""
    found: dict[str, SampleRecord] = {}
    for run in runs:
        if task not in run.tasks:
            continue
        for record in run.tasks[task].records.values():
            known = found.get(record.id)
            if known is None or not known.finished:
                found[record.id] = record
            elif record.finished and record.prediction != known.prediction:
                raise InputError(
                    f"{run.path}: {task} {record.id}: a run before it has another prediction for "
                    "this sample; merge runs of different tasks or samples"
                )
        run.tasks[task].release()
    return found


def _copy_calibration(runs: Iterable[Run], directory: RunDirectory) -> None:
    """Keep sheets and judge cards; a card says itself whether it applies to the merged scores."""
    for run in runs:
        for pattern in ("calibration/*.json", "calibration/sheets/*.json"):
            for source in sorted(run.path.glob(pattern)):
                target = directory.path / source.relative_to(run.path)
                if not target.exists():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(source, target)


def _append(runs: Iterable[Run], directory: RunDirectory, target: Path) -> None:
    """Write the same file of all runs as one."""
    for run in runs:
        source = run.path / target.relative_to(directory.path)
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            with source.open("rb") as lines, target.open("ab") as all_lines:
                shutil.copyfileobj(lines, all_lines)

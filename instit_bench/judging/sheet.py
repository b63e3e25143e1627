"""``judge sheet``: write a sheet of samples for humans to score, blind to the judge's verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from instit_bench.errors import InputError
from instit_bench.judging.sheet_file import SEPARATORS, SheetRow, write_sheet
from instit_bench.judging.sheet_plan import SheetPlan, judged_metric, plan_sheet, save_plan
from instit_bench.runs.directory import RunDirectory
from instit_bench.runs.loaded import Run

FILE = "sheet.csv"


@dataclass(frozen=True, slots=True)
class Sheet:
    """What was written: the file, and the number of samples of each task."""

    path: Path
    plan: SheetPlan

    @property
    def counts(self) -> dict[str, int]:
        """The number of samples to score, by task."""
        return {name: len(task.drawn) for name, task in self.plan.tasks.items()}


def make_sheet(
    directory: RunDirectory,
    n: int,
    *,
    tasks: Sequence[str] = (),
    stratify: bool = False,
    seed: int = 0,
    output: Path | None = None,
    separator: str = "comma",
) -> Sheet:
    """Draw ``n`` samples of each judged task, and write the sheet and its plan.

    Raises:
        InputError: The folder is not a run, has no judge's scores, a task is unknown, or the file
            exists, perhaps with human scores.
        StorageError: A file cannot be written.
    """
    if separator not in SEPARATORS:
        raise InputError(f"separator: use one of {', '.join(SEPARATORS)}, not {separator!r}")
    path = output or directory.path / FILE
    if path.exists():
        raise InputError(
            f"{path}: exists, and may have human scores; name another file with --output"
        )
    with directory.locked(create=False):
        run = Run.load(directory.path)
        plan = plan_sheet(run, tasks_to_draw(run, tasks), n, stratify=stratify, seed=seed)
        save_plan(plan, directory)
        write_sheet(path, _rows(run, plan), separator)
    return Sheet(path, plan)


def tasks_to_draw(run: Run, patterns: Sequence[str]) -> list[str]:
    """Return the judged tasks that match any of the patterns; all of them without patterns.

    Raises:
        InputError: No task is judged, or a pattern matches none of those that are.
    """
    known = [name for name in run.tasks if judged_metric(run, name)]
    if not known:
        raise InputError(f"{run.path}: no task has a judge's scores; judge the run first")
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in known):
            raise InputError(
                f"--tasks {pattern}: no judged task has this name; there are {', '.join(known)}"
            )
    return [
        name
        for name in known
        if not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)
    ]


def _rows(run: Run, plan: SheetPlan) -> Iterator[SheetRow]:
    for name, task in plan.tasks.items():
        records = run.tasks[name].records
        for drawn in task.drawn:
            record = records[drawn.id]
            yield SheetRow(
                sample=record.id,
                task=name,
                question=record.question,
                image=shown_media(record.media),
                target=record.target,
                prediction=record.prediction or "",
                sheet=plan.sheet,
            )


def shown_media(media: Sequence[str]) -> str:
    """Return where the images are: the file, or the folder of a video's frames."""
    if len(media) < 2:
        return "".join(media)
    folders = {str(Path(name).parent) for name in media}
    return folders.pop() if len(folders) == 1 else "; ".join(media)

"""What ``--dry-run`` prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from instit_bench.cli.console import fail, note, stdout
from instit_bench.display import one_line, path_text

if TYPE_CHECKING:
    from rich.table import Table

    from instit_bench.evaluation.preview import Preview, TaskPreview
    from instit_bench.judging.outlook import JudgeCalls

_COLUMNS = ("samples", "requests", "images", "videos", "prompt tokens")


def show_dry_run(preview: Preview) -> int:
    """Print what a run would do; fail if it would be refused."""
    console = stdout()
    table = _table("task")
    for task in preview.tasks:
        table.add_row(one_line(task.task), *_counts([task]))
    if len(preview.tasks) > 1:
        table.add_section()
        table.add_row("all", *_counts(preview.tasks))
    console.print(table)
    console.print(f"run: {_where(preview)}", markup=False, soft_wrap=True)
    _tell([preview])
    for line in preview.skipped:
        note(f"warning: {line}", warning=True)
    if preview.problem:
        fail(preview.problem.message, preview.problem.exit_code)
    return 0


def show_suite_dry_run(previews: Sequence[tuple[str, Preview]], parallel: int) -> int:
    """Print what the runs of a suite would do; fail if any would be refused."""
    console = stdout()
    table = _table("run")
    for label, preview in previews:
        table.add_row(one_line(label), *_counts(preview.tasks))
    table.add_section()
    table.add_row("all", *_counts([task for _, preview in previews for task in preview.tasks]))
    console.print(table)
    for label, preview in previews:
        console.print(f"{label}: {_where(preview)}", markup=False, soft_wrap=True)
        for line in preview.skipped:
            note(f"warning: {label}: {line}", warning=True)
    console.print(f"at most {parallel} endpoints are asked at the same time")
    _tell([preview for _, preview in previews])
    refused = [(label, preview.problem) for label, preview in previews if preview.problem]
    for label, problem in refused:
        note(f"{label}: {problem.message}", warning=True)
    if refused:
        fail(f"{len(refused)} of {len(previews)} runs would be refused", refused[0][1].exit_code)
    return 0


def show_judge_dry_run(calls: Sequence[JudgeCalls], run: Path, free: int) -> int:
    """Print what judging a run would take."""
    console = stdout()
    told = [f"judged by {call.told}" for call in calls]
    for line in [_TITLE, f"run: {path_text(run)}", *told, _disk(free)]:
        console.print(line, markup=False, soft_wrap=True)
    return 0


_TITLE = "Dry run: nothing is sent or written"


def _table(first: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(title=_TITLE, title_justify="left", box=box.SIMPLE)
    table.add_column(first, overflow="fold")
    for column in _COLUMNS:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _counts(tasks: Sequence[TaskPreview]) -> tuple[str, ...]:
    sums = (
        sum(task.samples for task in tasks),
        sum(task.requests for task in tasks),
        sum(task.images for task in tasks),
        sum(task.videos for task in tasks),
        sum(task.prompt_tokens for task in tasks),
    )
    return tuple(f"{number:,}" for number in sums)


def _where(preview: Preview) -> str:
    path = path_text(preview.path)
    total = sum(task.samples for task in preview.tasks)
    return (
        f"{path}, resumed: {preview.done:,} of {total:,} done" if preview.exists else f"{path}, new"
    )


def _tell(previews: Sequence[Preview]) -> None:
    """Say what the table leaves open, who judges, and how much room there is."""
    tasks = [task for preview in previews for task in preview.tasks]
    lines = ["prompt tokens are estimated from the texts; images and frames add to them"]
    if any(task.videos for task in tasks):
        frames = max(preview.max_frames for preview in previews)
        lines.append(f"a video is sent as at most {frames} frames")
    lines += [f"judged by {line}" for line in _judges(previews)] or ["judged by nobody"]
    lines.append(_disk(min(preview.free_bytes for preview in previews)))
    console = stdout()
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def _judges(previews: Sequence[Preview]) -> list[str]:
    from instit_bench.judging.outlook import added

    return [call.told for call in added([call for run in previews for call in run.calls])]


def _disk(free: int) -> str:
    return f"free disk space: {free / 2**30:,.1f} GiB"

"""A run in the formats that the benchmarks' own evaluators read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from instit_bench.errors import InputError
from instit_bench.runs.atomic import write_atomically
from instit_bench.runs.directory import RunDirectory
from instit_bench.runs.record import SampleRecord

Writer = Callable[[str, Iterable[SampleRecord], Path], Path]


def export_official(run: RunDirectory, output: Path) -> dict[str, Path]:
    """Write one file a task in its benchmark's own format; samples without a reply are left out.

    Raises:
        InputError: The folder is no run, or a task has no upstream format.
    """
    written = {}
    for task in run.manifest().tasks:
        writer = _WRITERS.get(task.rsplit("_", 1)[0] if task.startswith("gpt4tools") else task)
        if writer is None:
            continue
        records = [record for record in run.records(task).values() if record.finished]
        written[task] = writer(task, records, output)
    if not written:
        raise InputError(f"{run.path}: none of its tasks has an official prediction format")
    return written


def _inst_it(task: str, records: Iterable[SampleRecord], output: Path) -> Path:
    """``image_mc_inference.json`` and so on, as the benchmark's inference scripts write them."""
    name = task.removeprefix("inst_it_")
    rows = [
        {
            "question_id": record.id,
            "question": record.question,
            "model_prediction": record.prediction,
            "ground_truth": record.target,
            "split": name.split("_")[0],
        }
        for record in records
    ]
    return _write(output / f"{name}_inference.json", rows)


def _gpt4tools(task: str, records: Iterable[SampleRecord], output: Path) -> Path:
    """The layout its evaluator gathers: ``<name>/<name>_0.json`` under its ``--save_path``.

    That evaluator cuts the prompt off by its length, so it has to be there.
    """
    rows = [
        {"id": _upstream_id(record.id), "output": f"{record.question}{record.prediction}"}
        for record in records
    ]
    return _write(output / task / f"{task}_0.json", rows)


def _upstream_id(sample_id: str) -> int | str:
    return int(sample_id) if sample_id.isdecimal() else sample_id


def _write(path: Path, rows: list[dict[str, Any]]) -> Path:
    write_atomically(path, json.dumps(rows, indent=4, ensure_ascii=False) + "\n")
    return path


_WRITERS: dict[str, Writer] = {
    "inst_it_image_mc": _inst_it,
    "inst_it_image_oe": _inst_it,
    "inst_it_video_mc": _inst_it,
    "inst_it_video_oe": _inst_it,
    "gpt4tools": _gpt4tools,
}

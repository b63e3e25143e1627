"""A run in the formats that the benchmarks' own evaluators read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from instit_bench.errors import InputError
from instit_bench.runs.atomic import write_atomically
from instit_bench.runs.loaded import Run
from instit_bench.runs.record import SampleRecord

Writer = Callable[[str, Iterable[SampleRecord], Path], Path]


def export_official(run: Run, output: Path) -> dict[str, Path]:
    """Write one file a task in its benchmark's own format; samples without a reply are left out.

    Raises:
        InputError: A journal is broken, or no task has an upstream format.
    """
    written = {}
    for task in run.one_by_one():
        name = task.name
        writer = _WRITERS.get(name.rsplit("_", 1)[0] if name.startswith("gpt4tools") else name)
        if writer is None:
            continue
        records = [record for record in task.records.values() if record.finished]
        records.sort(key=lambda record: record.repeat_of is None)  # the last of several counts
        written[name] = writer(name, records, output)
    if not written:
        raise InputError(f"{run.path}: none of its tasks has an official prediction format")
    return written


def _inst_it(task: str, records: Iterable[SampleRecord], output: Path) -> Path:
    """``image_mc_inference.json`` and so on, as the benchmark's inference scripts write them."""
    name = task.removeprefix("inst_it_")
    rows = [
        {
            "question_id": record.repeat_of or record.id,
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
        {"id": _upstream_id(record.id), "output": f"{record.question}{_official_text(record)}"}
        for record in records
        if record.repeat_of is None
    ]
    return _write(output / task / f"{task}_0.json", rows)


def _official_text(record: SampleRecord) -> str | None:
    return record.prediction if record.official_text is None else record.official_text


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

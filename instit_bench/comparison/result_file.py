"""A comparison as JSON, for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from instit_bench.comparison.compare import RunComparison, TaskComparison
from instit_bench.comparison.scored_run import ScoredRun


def comparison_json(comparisons: Sequence[RunComparison]) -> str:
    """Return the comparisons with one baseline, every flip listed; figures are fractions 0..1."""
    values = {
        "format": "instit-bench comparison 1",
        "comparisons": [
            {
                "a": _identity(comparison.a),
                "b": _identity(comparison.b),
                "tasks": {task.task: _task(task) for task in comparison.tasks},
                "not_compared": {
                    task.task: list(map(str, task.mismatches)) for task in comparison.refused
                },
                "only_a": comparison.only_a,
                "only_b": comparison.only_b,
            }
            for comparison in comparisons
        ],
    }
    return json.dumps(values, indent=1, ensure_ascii=False) + "\n"


def _identity(run: ScoredRun) -> dict[str, str]:
    return {"name": run.name, "model": run.model, "backend": run.backend, "data": run.data}


def _task(task: TaskComparison) -> dict[str, Any]:
    values = asdict(task)
    del values["task"]
    for metric in values["metrics"]:
        metric["verdict"] = metric.pop("conclusion")
        metric["left_out"] = dict(zip("ab", metric["left_out"], strict=True))
    values["metrics"] = {metric.pop("metric"): metric for metric in values["metrics"]}
    values["flips"] = {group.pop("kind"): group for group in values["flips"]}
    return values

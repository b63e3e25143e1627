"""Export a run as Inspect eval logs (``.eval``), one per task, with the ``inspect_ai`` package.

The viewer shows each sample's media (by path), prompt, prediction and scores, and each metric with
its clustered standard error. Names and ids are derived from the run, so exporting again replaces
the same files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from instit_bench._version import __version__
from instit_bench.errors import InputError
from instit_bench.formats.times import ended, started
from instit_bench.runs.loaded import Run, RunTask
from instit_bench.runs.manifest import Manifest
from instit_bench.runs.record import SampleRecord
from instit_bench.runs.results import TaskResult
from instit_bench.types import Metric

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalResults, EvalScore, EvalSpec, EvalStats

_STATUS = {
    "running": "started",
    "interrupted": "cancelled",
    "failed": "error",
    "settled": "cancelled",
    "finished": "success",
}


def export_inspect(run: Run, output: Path) -> dict[str, Path]:
    """Write one log per task.

    Raises:
        InputError: A file of the run is not valid, or ``inspect_ai`` is not installed.
    """
    try:
        from inspect_ai.log import write_eval_log
    except ImportError as error:
        raise InputError(
            "--format inspect needs the inspect_ai package; install it with "
            "pip install 'instit-bench[inspect]'"
        ) from error
    output.mkdir(parents=True, exist_ok=True)
    written = {}
    for task in run.one_by_one():
        log = _log(run, task)
        path = written[task.name] = output / _file_name(log.eval)
        staging = output / f".{path.name}"
        try:
            write_eval_log(log, staging.absolute(), format="eval")
            staging.replace(path)
        finally:
            staging.unlink(missing_ok=True)
    return written


def _log(run: Run, task: RunTask) -> EvalLog:
    from inspect_ai.log import EvalLog, EvalPlan, EvalPlanStep

    from instit_bench.formats.inspect.samples import eval_sample

    manifest, entry = run.manifest, task.entry
    model = manifest.identity.model
    created = started(run).isoformat()
    return EvalLog.model_validate(
        {
            "status": _STATUS[manifest.status],
            "eval": _spec(task.name, manifest, task.result, task.samples, created),
            "plan": EvalPlan(steps=[EvalPlanStep(solver="generate")]),
            "results": _results(entry.scorer, task.result, task.samples),
            "stats": _stats(manifest, task.result, created, ended(run).isoformat()),
            "samples": [
                eval_sample(record, model, entry.scorer, task.metrics) for record in task.samples
            ],
        }
    )


def _spec(
    task: str,
    manifest: Manifest,
    result: TaskResult,
    records: Sequence[SampleRecord],
    created: str,
) -> EvalSpec:
    from inspect_ai.log import EvalConfig, EvalDataset, EvalSpec
    from inspect_ai.model import GenerateConfig

    entry, identity = manifest.tasks[task], manifest.identity
    settings = entry.generation
    run_id = _digest(created, identity.backend, identity.model)
    return EvalSpec(
        eval_id=_digest(run_id, task, "eval"),
        run_id=run_id,
        created=created,
        task=task,
        task_id=_digest(run_id, task),
        dataset=EvalDataset(
            name=manifest.data.label,
            samples=entry.n_dataset,
            sample_ids=[record.id for record in records],
            shuffled=False,
        ),
        model=identity.model,
        model_generate_config=GenerateConfig(
            max_tokens=settings.get("max_tokens"),
            temperature=settings.get("temperature"),
            top_p=settings.get("top_p"),
            top_k=settings.get("top_k"),
            stop_seqs=settings.get("stop") or None,
            seed=None if identity.seed == "none" else identity.seed,
        ),
        config=EvalConfig(limit=result.n_total if entry.limited else None),
        packages={"instit_bench": __version__},
        metadata={
            "identity": identity.model_dump(mode="json"),
            "data": manifest.data.model_dump(),
            "data_digest": entry.data_digest,
            "prompts": entry.prompts,
            "prompt_digest": entry.prompt_digest,
            "environment": manifest.environment,
            "states": result.states,
            "coverage": result.coverage,
            "marks": result.marks,
            "notes": result.notes,
            **({"extraction": result.extraction.model_dump()} if result.extraction else {}),
        },
    )


def _results(scorer: str, result: TaskResult, records: Sequence[SampleRecord]) -> EvalResults:
    from inspect_ai.log import EvalResults

    return EvalResults(
        total_samples=result.n_total,
        completed_samples=sum(record.finished for record in records),
        scores=[
            _score(name, scorer, metric, result.n_total)
            for name, metric in result.metrics.items()
            if metric.value is not None
        ],
    )


def _score(name: str, scorer: str, metric: Metric, n_total: int) -> EvalScore:
    from inspect_ai.log import EvalMetric, EvalScore

    values = {"mean": metric.value, "stderr": metric.stderr}
    return EvalScore(
        name=name,
        scorer=scorer,
        scored_samples=metric.n,
        unscored_samples=n_total - metric.n,
        metrics={
            key: EvalMetric(name=key, value=value)
            for key, value in values.items()
            if value is not None
        },
        metadata={"ci95": metric.ci95},
    )


def _stats(manifest: Manifest, result: TaskResult, created: str, updated: str) -> EvalStats:
    from inspect_ai.log import EvalStats

    from instit_bench.formats.inspect.samples import model_usage

    usage = model_usage(**result.usage)
    return EvalStats(
        started_at=created,
        completed_at=updated,
        model_usage={manifest.identity.model: usage} if usage else {},
    )


def _file_name(spec: EvalSpec) -> str:
    """Name the log like Inspect does: time, task and id, with underscores between them only."""
    time, task = (spec.created.replace(":", "-").replace("+", "-"), spec.task.replace("_", "-"))
    return f"{time}_{task}_{spec.task_id}.eval"


def _digest(*parts: str) -> str:
    """Return an id of 22 characters, like Inspect's."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:22]

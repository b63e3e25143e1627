"""Export a run as lmms-eval 0.7 writes it with ``--output_path`` and ``--log_samples``.

``<model>/<time>_results.json`` and ``<model>/<time>_samples_<task>.jsonl``, with the keys of its
``loggers/evaluation_tracker.py`` and ``evaluator.py``. Times are UTC and the run's own, so the
same run always gives the same files.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from instit_bench._version import __version__
from instit_bench.formats.lmms_eval.samples import sample_rows
from instit_bench.formats.times import started
from instit_bench.runs.atomic import write_atomically
from instit_bench.runs.loaded import Run
from instit_bench.runs.manifest import Manifest
from instit_bench.runs.results import RunResults, TaskResult
from instit_bench.tasks.functions import FunctionRef
from instit_bench.tasks.registry import load_registry
from instit_bench.tasks.task import Task

_FILTER = "none"  # its name for unfiltered replies
# Its terms for what runs a model; a scored file of others' predictions may have neither.
_INTERFACES = {"chat": "chat", "raw": "simple", "unknown": "unknown"}
_UNKNOWN = "N/A"  # its term for a missing number


def export_lmms_eval(
    run: Run, output: Path, include_path: Sequence[Path] = (), data: str | None = None
) -> dict[str, Path]:
    """Write a results file and one samples file per task.

    Raises:
        InputError: A file of the run is not valid, a task's plugin is not found, or the data are
            needed to number the samples but not given.
    """
    registry = load_registry(include_path)
    tasks = {name: registry.resolve([name])[0] for name in run.tasks}
    rows = {name: sample_rows(run, task, data) for name, task in tasks.items()}
    date = started(run).strftime("%Y%m%d_%H%M%S")
    stem = output / _folder_name(run.manifest.identity.model) / date
    results = _results(run.manifest, run.results, tasks, date) | {
        "task_hashes": {name: _task_hash(found) for name, found in rows.items()},
        **_tracker(run.manifest),
    }
    written = {"results": stem.with_name(f"{stem.name}_results.json")}
    write_atomically(written["results"], json.dumps(results, indent=2, ensure_ascii=False))
    for name, found in rows.items():
        written[name] = stem.with_name(f"{stem.name}_samples_{name}.jsonl")
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in found)
        write_atomically(written[name], "".join(lines))
    return written


def _results(
    manifest: Manifest, results: RunResults, tasks: Mapping[str, Task], date: str
) -> dict[str, Any]:
    environment = manifest.environment
    better = {
        name: dict.fromkeys(results.tasks[name].metrics, True)
        | {entry.metric: entry.higher_is_better for entry in task.config.metric_list}
        for name, task in tasks.items()
    }
    return {
        "results": {name: _metrics(name, task) for name, task in results.tasks.items()},
        "group_subtasks": {name: [] for name in tasks},
        "configs": {name: _config(task, manifest) for name, task in sorted(tasks.items())},
        "versions": {n: task.config.metadata.version for n, task in sorted(tasks.items())},
        "n-shot": dict.fromkeys(sorted(tasks), 0),
        "higher_is_better": dict(sorted(better.items())),
        "n-samples": {
            name: {"original": manifest.tasks[name].n_dataset, "effective": task.n_total}
            for name, task in results.tasks.items()
        },
        "config": _run_config(manifest, results),
        "git_hash": environment.get("git_commit"),
        "git_branch": None,
        "lmms_eval_version": None,
        "date": date,
        "usage": {},
    }


def _metrics(name: str, task: TaskResult) -> dict[str, Any]:
    """Return ``<metric>,none`` and its clustered errors. A metric without samples is left out."""
    found: dict[str, Any] = {"alias": name}
    for metric, result in task.metrics.items():
        if result.value is None:
            continue
        stderr = _UNKNOWN if result.stderr is None else result.stderr
        found |= {
            f"{metric},{_FILTER}": result.value,
            f"{metric}_stderr,{_FILTER}": stderr,
            f"{metric}_stderr_clt,{_FILTER}": _UNKNOWN,
            f"{metric}_stderr_clustered,{_FILTER}": stderr,
        }
    return found


def _config(task: Task, manifest: Manifest) -> dict[str, Any]:
    """Return the plugin's keys, functions by name, and what the run records about the data."""
    entry = manifest.tasks[task.name]
    own = entry.model_dump(include={"data_digest", "prompt_digest", "prompts", "generation"})
    config = dict(task.config) | {"metadata": {**dict(task.config.metadata), **own}}
    if entry.generation:
        config["generation_kwargs"] = _generation_kwargs(entry.generation)
    set_keys = {key: value for key, value in config.items() if value is not None}
    plain: dict[str, Any] = json.loads(json.dumps(set_keys, default=_plain))
    return plain


def _generation_kwargs(generation: Mapping[str, Any]) -> dict[str, Any]:
    """Return the run's sampling settings under lmms-eval's names."""
    settings = {name: generation.get(name) for name in ("temperature", "top_p", "top_k")}
    return {
        "max_new_tokens": generation.get("max_tokens"),
        "do_sample": bool(generation.get("temperature")),
        "until": generation.get("stop", []),
        **{name: value for name, value in settings.items() if value is not None},
    }


def _plain(value: object) -> object:
    if isinstance(value, FunctionRef):
        return value.dotted
    return dict(value) if isinstance(value, BaseModel) else str(value)


def _run_config(manifest: Manifest, results: RunResults) -> dict[str, Any]:
    identity = manifest.identity
    limits = [results.tasks[name].n_total for name, task in manifest.tasks.items() if task.limited]
    return {
        "model": identity.backend,
        "model_args": f"model={identity.model}",
        "model_backend": f"instit_bench.{identity.backend} ({_INTERFACES[identity.prompt_style]})",
        "batch_size": None,
        "batch_sizes": [],
        "device": None,
        "use_cache": None,
        "limit": max(limits, default=None),
        "offset": 0,
        "bootstrap_iters": 0,
        "gen_kwargs": "",
        "random_seed": identity.seed,
        "numpy_seed": identity.seed,
        "torch_seed": identity.seed,
        "fewshot_seed": identity.seed,
        "instit_bench": {
            "version": __version__,
            "status": manifest.status,
            "identity": identity.model_dump(mode="json"),
            "data": manifest.data.model_dump(),
            "marks": {name: task.marks for name, task in results.tasks.items()},
            "extraction": {
                name: task.extraction.model_dump()
                for name, task in results.tasks.items()
                if task.extraction
            },
        },
    }


def _tracker(manifest: Manifest) -> dict[str, Any]:
    """Return the keys that its tracker adds at the end."""
    model = manifest.identity.model
    return {
        "model_source": manifest.identity.backend,
        "model_name": model,
        "model_name_sanitized": _folder_name(model),
        "system_instruction": None,
        "system_instruction_sha": None,
        "fewshot_as_multiturn": False,
        "chat_template": None,
        "chat_template_sha": None,
        "start_time": None,
        "end_time": None,
        "total_evaluation_time_seconds": None,
    }


def _task_hash(rows: Sequence[Mapping[str, Any]]) -> str:
    text = "".join(f"sample_{index}{row['doc_hash']}" for index, row in enumerate(rows))
    return hashlib.sha256(text.encode()).hexdigest()


def _folder_name(model: str) -> str:
    """Like its ``sanitize_model_name``: the last two parts of a path, joined and safe."""
    last_two = "/".join(model.split("/")[-2:])
    name = re.sub(r'["<>:/|\\?*\[\]\x00-\x1f]+', "__", last_two)
    return name if name.strip(".") else "model"

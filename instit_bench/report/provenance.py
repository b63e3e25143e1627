"""Where a report's numbers come from: settings, versions, tokens, time and cost of each run."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from instit_bench.display import counted
from instit_bench.report.loaded import LoadedRun
from instit_bench.runs.extracted import ExtractionResult
from instit_bench.runs.judged import JudgeResult
from instit_bench.runs.manifest import JudgingManifest
from instit_bench.runs.results import TaskResult

_LONGEST = 300  # characters of a value


@dataclass(frozen=True, slots=True)
class Fact:
    """One line: a value per run, empty where a run does not record it."""

    name: str
    values: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether the runs differ in it."""
        return len(set(self.values)) > 1


@dataclass(frozen=True, slots=True)
class FactGroup:
    """The facts on one subject."""

    title: str
    facts: tuple[Fact, ...]


def provenance(runs: Sequence[LoadedRun]) -> list[FactGroup]:
    """Return all facts that any run records."""
    groups: Mapping[str, Sequence[Mapping[str, Any]]] = {
        "Run": [_run(run) for run in runs],
        "Settings": [_settings(run) for run in runs],
        "Versions": [_versions(run) for run in runs],
        "Tokens, time and cost": [_effort(run) for run in runs],
    }
    return [group for title, of_runs in groups.items() if (group := _group(title, of_runs)).facts]


def _group(title: str, of_runs: Sequence[Mapping[str, Any]]) -> FactGroup:
    names = dict.fromkeys(name for of_run in of_runs for name in of_run)
    facts = (Fact(name, tuple(_text(of_run.get(name)) for of_run in of_runs)) for name in names)
    return FactGroup(title, tuple(fact for fact in facts if any(fact.values)))


def _run(run: LoadedRun) -> dict[str, Any]:
    manifest = run.manifest
    tasks = manifest.tasks.values()
    return {
        "model": manifest.identity.model,
        "backend": manifest.identity.backend,
        "status": manifest.status,
        "created": _moment(manifest.created),
        "last written": _moment(manifest.updated),
        "data": manifest.data.label,
        "data revision": manifest.data.revision,
        "samples": f"{sum(task.n_selected for task in tasks):,}",
        "part of the dataset": [name for name, task in manifest.tasks.items() if task.limited],
    }


def _settings(run: LoadedRun) -> dict[str, Any]:
    identity = run.manifest.identity.model_dump(exclude={"model", "backend"})
    tasks = run.manifest.tasks.values()
    for name in ("temperature", "top_p", "max_tokens"):
        if identity[name] is None:  # the tasks' own
            identity[name] = _distinct(task.generation.get(name) for task in tasks)
    return {
        "prompts": _distinct(task.prompts for task in tasks),
        **{name.replace("_", " "): value for name, value in identity.items()},
        "judge": _judges(run.manifest.judging),
        "letters extracted by": _judges(run.manifest.extraction),
    }


def _judges(judging: JudgingManifest | None) -> str:
    if judging is None:
        return ""
    repeats = f", {counted(judging.repeats, 'repeat')}" if judging.repeats > 1 else ""
    return f"{', '.join(judging.judges)} ({judging.prompts} instructions{repeats})"


def _versions(run: LoadedRun) -> dict[str, Any]:
    environment = run.manifest.environment
    packages = environment.get("packages")
    named = {"instit_bench": "instit-bench", "git_commit": "commit"}
    facts = {named.get(name, name): value for name, value in environment.items()}
    facts.pop("packages", None)
    return facts | (packages if isinstance(packages, dict) else {})


def _effort(run: LoadedRun) -> dict[str, Any]:
    results = run.results
    tasks, engine = list(results.tasks.values()), results.engine
    seconds = sorted(
        record.latency_s
        for task in run.manifest.tasks
        for record in run.samples(task)
        if record.latency_s is not None
    )
    facts: dict[str, Any] = {
        "prompt tokens": _sum(task.usage.get("prompt_tokens") for task in tasks),
        "of them cached": _sum(task.usage.get("cached_tokens") for task in tasks),
        "generated tokens": _sum(task.usage.get("completion_tokens") for task in tasks),
        "seconds per reply": f"{statistics.median(seconds):.2f} (median)" if seconds else "",
    }
    if engine is not None:
        facts |= {
            "generated per second": f"{engine.generated_tokens_per_s or 0:,}",
            "engine": f"{engine.seconds_starting:.0f} s starting, {engine.seconds_working:.0f} s "
            f"working, {engine.seconds_waiting:.0f} s waiting",
        }
    return facts | _judging_effort(tasks)


def _judging_effort(tasks: Iterable[TaskResult]) -> dict[str, Any]:
    spent = [judge for task in tasks if task.judging for judge in task.judging.judges.values()]
    reading = [task.extraction for task in tasks if task.extraction]
    calls: list[JudgeResult | ExtractionResult] = [*spent, *reading]
    costs = [one.cost_usd for one in calls if one.cost_usd is not None]
    return {
        "judge calls": _sum(one.calls for one in calls),
        "verdicts from the cache": _sum(one.from_cache for one in calls),
        "judge tokens": _sum(one.prompt_tokens + one.completion_tokens for one in calls),
        "judge cost": f"${sum(costs):.2f}" if costs else "",
    }


def _sum(counts: Iterable[int | None]) -> str:
    total = sum(count or 0 for count in counts)
    return f"{total:,}" if total else ""


def _distinct(values: Iterable[Any]) -> str:
    return ", ".join(dict.fromkeys(_text(value) for value in values if value is not None))


def _moment(created: str) -> str:
    return created[:16].replace("T", " ") + (" UTC" if created.endswith("+00:00") else "")


def _text(value: Any) -> str:
    """Return a value as text; nothing for one that is not set."""
    if value is None or value in ("", [], {}, ()):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    elif isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False)
    text = str(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"

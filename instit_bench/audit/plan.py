"""Plan an audit: the plain run, and a run for each intervention on the tasks it applies to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instit_bench.audit.checks import Check, checks_named
from instit_bench.errors import InputError
from instit_bench.evaluation.config import RunConfig, make_config
from instit_bench.evaluation.plan import RunPlan, TaskPlan, make_plan
from instit_bench.interventions.base import Intervention
from instit_bench.runs.directory import default_name
from instit_bench.suites.plan import PlannedRun, Suite, plan_run

PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class PlannedCheck:
    """A check, the tasks of each of its interventions, and why it leaves out the others."""

    check: Check
    tasks: Mapping[str, tuple[str, ...]]
    skipped: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Audit:
    """An audit: its folder with all runs, and its checks.

    ``tasks`` are those of the plain run, ``notes`` what to know of it.
    """

    model: str
    folder: Path
    suite: Suite
    tasks: tuple[str, ...]
    checks: tuple[PlannedCheck, ...]
    notes: tuple[str, ...] = ()

    def path(self, run: str) -> Path:
        """Return the folder of the plain run or of an intervention's."""
        return self.folder / run


def plan_audit(
    settings: Mapping[str, Any], checks: Sequence[str] = (), *, offline: bool = False
) -> Audit:
    """Read tasks and data, and plan all runs; nothing is sent.

    ``settings`` are those of a run; its ``name`` is the audit's. With ``offline``, data that are
    not there are not downloaded either.

    Raises:
        InputError: A setting or a check is not valid, or no check applies to any task.
    """
    chosen = checks_named(checks)
    config = make_config(None, dict(settings))
    if config.intervention is not None:
        raise InputError("--intervention: an audit chooses its interventions; leave it out")
    plan = make_plan(config, offline=offline)
    planned = tuple(_planned(check, plan, config) for check in chosen)
    if not any(check.tasks for check in planned):
        raise InputError(_nothing(planned))
    name = config.name or f"{default_name(config.model_label, plan.source.label)}-audit"
    folder = config.output / name
    tasks = tuple(task.task.name for task in plan.tasks)
    names = {PLAIN: tasks}
    for check in planned:
        names.update(check.tasks)
    runs = tuple(_run(run, of, config, settings, folder) for run, of in names.items())
    return Audit(config.model_label, folder, Suite(runs), tasks, planned, plan.skipped)


def _planned(check: Check, plan: RunPlan, config: RunConfig) -> PlannedCheck:
    tasks: dict[str, tuple[str, ...]] = {}
    reasons: dict[str, list[str | None]] = {}
    for intervention in check.interventions:
        found = {task.task.name: _why_not(intervention, task, config) for task in plan.tasks}
        for name, why_not in found.items():
            reasons.setdefault(name, []).append(why_not)
        if applies := tuple(name for name, why_not in found.items() if why_not is None):
            tasks[intervention.name] = applies
    skipped = {name: why[0] for name, why in reasons.items() if all(why) and why[0] is not None}
    return PlannedCheck(check, tasks, skipped)


def _why_not(intervention: Intervention, task: TaskPlan, config: RunConfig) -> str | None:
    if intervention.needs_frames and config.video_as == "video":
        return "videos are sent as files (choose --video-as frames)"
    return intervention.why_not(task.task)


def _nothing(checks: Sequence[PlannedCheck]) -> str:
    reasons = dict.fromkeys(
        f"{check.check.name}: {task}: {why}"
        for check in checks
        for task, why in check.skipped.items()
    )
    return f"--checks: no check applies to any task ({'; '.join(reasons)})"


def _run(
    name: str,
    tasks: Sequence[str],
    config: RunConfig,
    settings: Mapping[str, Any],
    folder: Path,
) -> PlannedRun:
    own = {"tasks": list(tasks), "output": str(folder), "name": name}
    if name != PLAIN:
        own["intervention"] = name
    return plan_run(name, config.model, {**settings, **own})

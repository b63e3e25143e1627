"""Plan an audit: the plain run, and a run for each variant on the tasks it applies to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instit_bench.audit.checks import PLAIN, Check, Variant, checks_named
from instit_bench.errors import InputError
from instit_bench.evaluation.config import RunConfig, make_config
from instit_bench.evaluation.marked_media import marked_media
from instit_bench.evaluation.plan import RunPlan, TaskPlan, make_plan
from instit_bench.runs.directory import default_name
from instit_bench.suites.plan import PlannedRun, Suite, plan_run


@dataclass(frozen=True, slots=True)
class PlannedCheck:
    """A check, the tasks of each of its runs, and why it leaves out the others."""

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
    planned = tuple(_planned(check, plan) for check in chosen)
    if not any(check.tasks for check in planned):
        raise InputError(_nothing(planned))
    name = config.name or f"{default_name(config.model_label, plan.source.label)}-audit"
    folder = config.output / name
    tasks = tuple(task.task.name for task in plan.tasks)
    runs = [_run(Variant(PLAIN, "", lambda _: None), tasks, config, settings, folder)]
    for check in planned:
        runs += [
            _run(variant, check.tasks[variant.name], config, settings, folder)
            for variant in check.check.variants
            if variant.name in check.tasks
        ]
    return Audit(config.model_label, folder, Suite(tuple(runs)), tasks, planned, plan.skipped)


def _planned(check: Check, plan: RunPlan) -> PlannedCheck:
    tasks: dict[str, tuple[str, ...]] = {}
    reasons: dict[str, list[str | None]] = {}
    for variant in check.variants:
        found = {task.task.name: _why_not(variant, task, plan) for task in plan.tasks}
        for name, why_not in found.items():
            reasons.setdefault(name, []).append(why_not)
        if applies := tuple(name for name, why_not in found.items() if why_not is None):
            tasks[variant.name] = applies
    skipped = {name: why[0] for name, why in reasons.items() if all(why) and why[0] is not None}
    return PlannedCheck(check, tasks, skipped)


def _why_not(variant: Variant, planned: TaskPlan, plan: RunPlan) -> str | None:
    if variant.needs_frames and plan.config.video_as == "video":
        return "videos are sent as files (choose --video-as frames)"
    if why_not := variant.why_not(planned.task):
        return why_not
    if style := variant.settings.get("marks"):
        try:
            marked_media(planned.task, plan.source, style, {})
        except InputError as error:
            return str(error)
    return None


def _nothing(checks: Sequence[PlannedCheck]) -> str:
    reasons = dict.fromkeys(
        f"{check.check.name}: {task}: {why}"
        for check in checks
        for task, why in check.skipped.items()
    )
    return f"--checks: no check applies to any task ({'; '.join(reasons)})"


def _run(
    variant: Variant,
    tasks: Sequence[str],
    config: RunConfig,
    settings: Mapping[str, Any],
    folder: Path,
) -> PlannedRun:
    own = {"tasks": list(tasks), "output": str(folder), "name": variant.name}
    return plan_run(variant.name, config.model, {**settings, **variant.settings, **own})

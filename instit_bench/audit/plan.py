"""Plan an audit: the plain run, and a run for each variant on the tasks it applies to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from instit_bench.audit.checks import CHECKS, PLAIN, Check, Variant, checks_named
from instit_bench.datasets.source import DataSource
from instit_bench.errors import InputError
from instit_bench.evaluation.config import RunConfig, make_config
from instit_bench.evaluation.marked_media import marked_media
from instit_bench.evaluation.plan import RunPlan, TaskPlan, make_plan
from instit_bench.runs.directory import RunDirectory, default_name
from instit_bench.suites.plan import PlannedRun, Suite, plan_run


@dataclass(frozen=True, slots=True)
class PlannedCheck:
    """A check, the tasks of each of its runs, and why it leaves out the others."""

    check: Check
    tasks: Mapping[str, tuple[str, ...]]
    skipped: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Audit:
    """An audit: its folder with all runs, the runs to carry out, and its checks.

    ``checks`` include those that an earlier call of the same audit has carried out. ``tasks`` are
    those of the plain run, ``notes`` what to know of it.
    """

    model: str
    folder: Path
    suite: Suite
    tasks: tuple[str, ...]
    checks: tuple[PlannedCheck, ...]
    notes: tuple[str, ...] = ()

    @property
    def stored(self) -> Mapping[str, Path]:
        """The folders of the runs that have begun, by name."""
        names = [variant.name for found in self.checks for variant in found.check.variants]
        folders = {name: self.folder / name for name in (PLAIN, *names)}
        return {name: path for name, path in folders.items() if RunDirectory(path).exists}


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
    # Only who names a check of marks wants their media downloaded.
    source = plan.source if checks else replace(plan.source, offline=True)
    planned = {check.name: _planned(check, plan, source) for check in chosen}
    if not any(check.tasks for check in planned.values()):
        raise InputError(_nothing(tuple(planned.values())))
    name = config.name or f"{default_name(config.model_label, plan.source.label)}-audit"
    folder = config.output / name
    tasks = tuple(task.task.name for task in plan.tasks)
    runs = [_run(Variant(PLAIN, "", lambda _: None), tasks, config, settings, folder)]
    for found in planned.values():
        runs += [
            _run(variant, found.tasks[variant.name], config, settings, folder)
            for variant in found.check.variants
            if variant.name in found.tasks
        ]
    for check in _begun(folder):
        if check.name not in planned:
            planned[check.name] = _planned(check, plan, replace(plan.source, offline=True))
    ordered = tuple(planned[name] for name in CHECKS if name in planned)
    return Audit(config.model_label, folder, Suite(tuple(runs)), tasks, ordered, plan.skipped)


def _begun(folder: Path) -> Iterator[Check]:
    """Yield the checks of which an earlier call has begun a run."""
    for check in CHECKS.values():
        if any(RunDirectory(folder / variant.name).exists for variant in check.variants):
            yield check


def _planned(check: Check, plan: RunPlan, source: DataSource) -> PlannedCheck:
    tasks: dict[str, tuple[str, ...]] = {}
    reasons: dict[str, list[str | None]] = {}
    for variant in check.variants:
        found = {
            task.task.name: _why_not(variant, task, plan.config, source) for task in plan.tasks
        }
        for name, why_not in found.items():
            reasons.setdefault(name, []).append(why_not)
        if applies := tuple(name for name, why_not in found.items() if why_not is None):
            tasks[variant.name] = applies
    skipped = {name: why[0] for name, why in reasons.items() if all(why) and why[0] is not None}
    return PlannedCheck(check, tasks, skipped)


def _why_not(
    variant: Variant, planned: TaskPlan, config: RunConfig, source: DataSource
) -> str | None:
    if variant.needs_frames and config.video_as == "video":
        return "videos are sent as files (choose --video-as frames)"
    task = planned.task
    if why_not := variant.why_not(task) or variant.why_not_records(task, planned.dataset.docs):
        return why_not
    if style := variant.settings.get("marks"):
        try:
            marked_media(task, source, style, {})
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

"""The plan of a suite: a list of runs, their folders, and which may go side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from instit_bench.backends import BACKENDS
from instit_bench.errors import InputError
from instit_bench.evaluation.config import RunConfig
from instit_bench.evaluation.plan import directory_of
from instit_bench.runs.directory import RunDirectory, default_name
from instit_bench.suites.file import Entry, Settings, entries, read_suite
from instit_bench.validation import did_you_mean


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run of a suite.

    ``settings`` are those of ``config`` as they were written. ``alone`` runs use this machine's
    GPU, one after the other; the others only wait for endpoints and go side by side.
    """

    label: str
    model: str
    variant: str
    settings: Settings
    config: RunConfig
    directory: RunDirectory
    alone: bool


@dataclass(frozen=True, slots=True)
class Suite:
    """All runs in their order, and the model that the others are compared with, if any."""

    runs: tuple[PlannedRun, ...]
    baseline: str | None = None
    parallel: int = 4

    def baseline_of(self, run: PlannedRun) -> PlannedRun | None:
        """The run to compare with: the baseline itself, or the baseline model's of its variant."""
        for other in self.runs:
            named = other.label == self.baseline
            if named or (other.model == self.baseline and other.variant == run.variant):
                return None if other is run else other
        return None


def plan_suite(path: Path, overrides: Settings, only: Sequence[str] = ()) -> Suite:
    """Read a suite file and plan its runs; ``only`` are patterns of labels to keep.

    Raises:
        InputError: The file is not valid, or two runs would share a folder.
    """
    file = read_suite(path)
    shared = dict(overrides)
    shared.setdefault("output", str(file.output or Path("results") / path.stem))
    planned = [
        _planned(entry, default_name(entry.label, "hub")) for entry in entries(file, path, shared)
    ]
    _refuse_one_folder_twice(planned, str(path))
    suite = Suite(tuple(planned), file.baseline, file.parallel)
    known = {name for run in planned for name in (run.label, run.model)}
    if file.baseline is not None and file.baseline not in known:
        raise InputError(
            f"{path}: field 'baseline': no entry of models is named {file.baseline!r}"
            + (did_you_mean(file.baseline, known) or f"; there are {', '.join(sorted(known))}")
        )
    return replace(suite, runs=_kept(suite, only)) if only else suite


def suite_of_models(models: Sequence[str], settings: Settings) -> Suite:
    """Plan one run per model, all with the same settings and named as ``run`` names each alone.

    Raises:
        InputError: A setting is not valid, or two runs would share a folder.
    """
    if settings.get("name"):
        raise InputError("--name: with several models, each run is named after its model")
    planned = []
    for model in models:
        values = {**settings, "model": model}
        entry = Entry(model, model, "", values, {}, f"--model {model}")
        planned.append(_planned(entry, None))
    _refuse_one_folder_twice(planned, "--model")
    return Suite(tuple(planned), baseline=models[0])


def plan_run(label: str, model: str, settings: Settings) -> PlannedRun:
    """Plan one run of a suite that is made by the program; the settings name its folder.

    Raises:
        InputError: A setting is not valid.
    """
    return _planned(Entry(label, model, "", settings, {}, f"run {label}"), None)


def _planned(entry: Entry, name: str | None) -> PlannedRun:
    settings: dict[str, Any] = dict(entry.settings)
    if name is not None:
        settings["name"] = name
    entry = replace(entry, settings=settings)
    config = entry.config()
    return PlannedRun(
        label=entry.label,
        model=entry.model,
        variant=entry.variant,
        settings=settings,
        config=config,
        directory=directory_of(config),
        alone=_needs_this_gpu(config),
    )


def _needs_this_gpu(config: RunConfig) -> bool:
    """Whether the run loads a model here: its own, or a judge."""
    loads = BACKENDS.load(config.backend).loads_a_model and config.base_url is None
    asked = (*config.judges, config.extractor or "")
    return loads or any(name.startswith("vllm:") for name in asked)


def _refuse_one_folder_twice(runs: Sequence[PlannedRun], source: str) -> None:
    seen: dict[Path, PlannedRun] = {}
    for run in runs:
        other = seen.setdefault(run.directory.path, run)
        if other is not run:
            raise InputError(
                f"{source}: {other.label} and {run.label} would both be written to "
                f"{run.directory.path}; give one of them another name"
            )


def _kept(suite: Suite, only: Sequence[str]) -> tuple[PlannedRun, ...]:
    for pattern in only:
        if not any(_matches(run, pattern) for run in suite.runs):
            labels = ", ".join(run.label for run in suite.runs)
            raise InputError(f"--only {pattern}: matches no run of the suite; there are {labels}")
    return tuple(run for run in suite.runs if any(_matches(run, pattern) for pattern in only))


def _matches(run: PlannedRun, pattern: str) -> bool:
    return fnmatchcase(run.label, pattern) or fnmatchcase(run.model, pattern)

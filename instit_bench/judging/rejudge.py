"""Judging an existing run: nothing is generated, and earlier verdicts are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

from instit_bench.datasets.prompts import OfficialPrompts, read_prompts
from instit_bench.datasets.source import open_source
from instit_bench.errors import InputError, Problem
from instit_bench.judging.config import JudgeConfig
from instit_bench.judging.contracts import contract_for, prompts_near
from instit_bench.judging.stage import JudgingStage, judge_all, problem_of
from instit_bench.progress import Reporter
from instit_bench.runs.directory import RunDirectory
from instit_bench.runs.loaded import Run
from instit_bench.runs.manifest import Manifest
from instit_bench.scorers.judge import JudgeContract
from instit_bench.scorers.registry import spec_of


def judge_run(
    directory: RunDirectory, config: JudgeConfig, data: str | None, reporter: Reporter
) -> tuple[Run, Problem | None]:
    """Judge a run's open-ended answers; return the run and the problem that stopped it, if any.

    Without any verdict, manifest and results remain unchanged.

    Raises:
        InputError: The folder is not a run, has no open-ended answers, or no judge is named.
    """
    with directory.locked():
        run = Run.load(directory.path)
        contracts = contracts_of(run.manifest, data)
        if not contracts:
            raise InputError(f"{run.path}: has no open-ended task to judge")
        if not config.judges:
            raise InputError("no judge: name one with --judge, or set OPENAI_API_KEY")
        if not any(r.finished for task in contracts for r in run.tasks[task].records.values()):
            raise InputError(f"{run.path}: has no predictions to judge yet")
        reporter.begin(run.path)
        try:
            problem = judge_answers(run, config, contracts, reporter)
        finally:
            reporter.end()
        named = run.manifest.judging
        if named is None or tuple(named.judges) != config.judges:
            return run, problem
        return _settled(run, contracts), problem


def judge_answers(
    run: Run,
    config: JudgeConfig,
    contracts: dict[str, JudgeContract],
    reporter: Reporter,
) -> Problem | None:
    """Judge all answers in a run's journals, now or in a batch."""
    if config.judge_batch:
        from instit_bench.judging.batch_run import submit_batch

        reporter.status(submit_batch(run, config, contracts, reporter.status))
        return None
    stage = JudgingStage(run, config, contracts, reporter)
    asyncio.run(judge_all(stage))
    return problem_of(stage)


def collect_run(
    directory: RunDirectory, config: JudgeConfig, data: str | None
) -> tuple[Run, Problem | None]:
    """Fetch the verdicts of the run's batch; return the run and the problem, if any.

    Raises:
        InputError: No batch was submitted, or the judge's instructions are not available.
        InstitBenchError: The endpoint cannot be reached or refuses.
    """
    from instit_bench.judging.batch_run import collect_batch, submitted_judging

    with directory.locked():
        run = Run.load(directory.path)
        contracts = contracts_of(run.manifest, data)
        submitted = submitted_judging(run).contracts
        if {name: contract.digest for name, contract in contracts.items()} != submitted:
            raise InputError(
                f"{run.path}: the judge's instructions differ from those submitted; name the data "
                "folder that has them with --data"
            )
        problem = collect_batch(run, config, contracts)
        return _settled(run, contracts), problem


def _settled(run: Run, tasks: Iterable[str]) -> Run:
    """Add the verdicts to the journals of these tasks and write the results."""
    for task in tasks:
        run.tasks[task].settle()
    run.save()
    run.write_results()
    return run


def contracts_of(manifest: Manifest, data: str | None) -> dict[str, JudgeContract]:
    """Return the judge's instructions for each open-ended task of a run."""
    prompts = _prompts(manifest, data)
    return {
        name: contract_for(task.media, prompts)
        for name, task in manifest.tasks.items()
        if spec_of(task).needs_judge
    }


def _prompts(manifest: Manifest, data: str | None) -> OfficialPrompts | None:
    if data is not None:
        file = open_source(data).prompts_file()
        return read_prompts(file) if file else None
    if manifest.data.kind == "demo":
        return None
    return prompts_near(Path(file) for task in manifest.tasks.values() for file in task.files)

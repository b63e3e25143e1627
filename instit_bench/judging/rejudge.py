"""Judging an existing run: nothing is generated, and earlier verdicts are kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from instit_bench.datasets.prompts import OfficialPrompts, read_prompts
from instit_bench.datasets.source import open_source
from instit_bench.errors import InputError, Problem
from instit_bench.judging.config import JudgeConfig
from instit_bench.judging.contracts import contract_for, extraction_contracts, prompts_near
from instit_bench.judging.panels import panels_of
from instit_bench.judging.stage import JudgingStage, judge_now
from instit_bench.progress import Reporter, Tell
from instit_bench.runs.directory import RunDirectory
from instit_bench.runs.loaded import Run
from instit_bench.runs.manifest import Manifest
from instit_bench.scorers.contract import Contract
from instit_bench.scorers.judge import JudgeContract
from instit_bench.scorers.registry import spec_of


def judge_run(
    directory: RunDirectory, config: JudgeConfig, data: str | None, reporter: Reporter
) -> tuple[Run, Problem | None]:
    """Judge a run's open-ended answers, and extract letters if ``extract_with`` is set.

    With ``extract_with`` alone, nothing is judged. Returns the run and the problem that stopped it,
    if any. Without any verdict, manifest and results remain unchanged.

    Raises:
        InputError: The folder is not a run, has nothing to judge, or no judge is named.
    """
    with directory.locked(create=False):
        run = Run.load(directory.path)
        judges = config.extractor is None or config.judge
        contracts = contracts_of(run.manifest, data) if judges else {}
        letters = extraction_contracts(run.manifest, run.tasks) if config.extractor else {}
        check_there_is_work(run, config, contracts, letters)
        reporter.begin(run.path)
        try:
            problem = judge_answers(run, config, contracts, reporter, letters)
        finally:
            reporter.end()
        return _settled(run, _named_for(run, config, contracts, letters)), problem


def check_there_is_work(
    run: Run, config: JudgeConfig, contracts: Collection[str], letters: Collection[str]
) -> None:
    """Check that the run has predictions to judge, and that there is a judge.

    Raises:
        InputError: It has none, or there is none.
    """
    if config.extractor and not letters:
        raise InputError(f"{run.path}: has no multiple-choice task to extract letters from")
    if not contracts and not letters:
        raise InputError(f"{run.path}: has no open-ended task to judge")
    if not config.judges and not letters:
        raise InputError("no judge: name one with --judge, or set OPENAI_API_KEY")
    tasks = (run.tasks[name] for name in (*contracts, *letters))
    if not any(record.finished for task in tasks for record in task.records.values()):
        raise InputError(f"{run.path}: has no predictions to judge yet")


def _named_for(
    run: Run, config: JudgeConfig, contracts: Iterable[str], letters: Iterable[str]
) -> list[str]:
    """The tasks for which the run names these judges now."""
    judging, extraction = run.manifest.judging, run.manifest.extraction
    scored = contracts if judging and tuple(judging.judges) == config.judges else ()
    read = letters if extraction and extraction.judges == [config.extractor] else ()
    return [*scored, *read]


def judge_answers(
    run: Run,
    config: JudgeConfig,
    contracts: Mapping[str, JudgeContract],
    reporter: Reporter,
    letters: Mapping[str, Contract],
) -> Problem | None:
    """Have all answers in a run's journals judged, now or in a batch, and unread ones read."""
    if config.judge_batch and contracts:
        from instit_bench.judging.batch_run import submit_batch

        reporter.status(submit_batch(run, config, contracts, reporter.status))
        return None
    panels = panels_of(config, contracts, letters)
    if not panels:
        return None
    return judge_now(JudgingStage(run, config, panels, reporter))


def collect_run(
    directory: RunDirectory, config: JudgeConfig, data: str | None, tell: Tell
) -> tuple[Run, Problem | None]:
    """Fetch the verdicts of the run's batch; return the run and the problem, if any.

    Raises:
        InputError: No batch was submitted, or the judge's instructions are not available.
        InstitBenchError: The endpoint cannot be reached or refuses.
    """
    from instit_bench.judging.batch_run import collect_batch, submitted_judging

    with directory.locked(create=False):
        run = Run.load(directory.path)
        contracts = contracts_of(run.manifest, data)
        submitted = submitted_judging(run).contracts
        if {name: contract.digest for name, contract in contracts.items()} != submitted:
            raise InputError(
                f"{run.path}: the judge's instructions differ from those submitted; name the data "
                "folder that has them with --data"
            )
        problem = collect_batch(run, config, contracts, tell)
        return _settled(run, contracts), problem


def _settled(run: Run, tasks: Iterable[str]) -> Run:
    """The run, with verdicts brought into the journals of these tasks and the results written.

    Without any task it stays as it is.
    """
    names = list(tasks)
    if not names:
        return run
    for task in names:
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

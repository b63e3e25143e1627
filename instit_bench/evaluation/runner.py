"""The runner: requests every selected sample from a backend, scores it, and keeps a journal."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from dataclasses import replace

from instit_bench.backends import (
    Backend,
    create_backend,
)
from instit_bench.backends.asker import Reading
from instit_bench.errors import (
    InputError,
    InstitBenchError,
    NotComparableError,
    Problem,
    StorageError,
)
from instit_bench.evaluation.asking import Asking
from instit_bench.evaluation.config import RunConfig, errors_allowed
from instit_bench.evaluation.failures import group_failures
from instit_bench.evaluation.looks import Gate, Watch, in_looks, require_scores_in_the_run
from instit_bench.evaluation.order import Asked, in_order
from instit_bench.evaluation.outcome import RunOutcome, Status
from instit_bench.evaluation.plan import RunPlan, directory_of, make_plan
from instit_bench.evaluation.scoring import (
    scorer_for,
)
from instit_bench.evaluation.shown_media import ShownMedia
from instit_bench.evaluation.unchanged import FinishedBy, finished_before, note_finished
from instit_bench.evaluation.workload import hub_archives, workload_of
from instit_bench.judging.contracts import nobody_judges
from instit_bench.judging.panels import panels_of
from instit_bench.judging.stage import JudgingStage, problem_of
from instit_bench.progress import Reporter
from instit_bench.runs.directory import RunDirectory
from instit_bench.runs.loaded import Run
from instit_bench.runs.manifest import add_engine_totals, merge
from instit_bench.runs.record import SampleRecord
from instit_bench.runs.results import TaskResult
from instit_bench.scheduling.engines import Engines, engines_for
from instit_bench.stopping import run_until_stopped
from instit_bench.types import State


def run(config: RunConfig, reporter: Reporter, gate: Gate | None = None) -> RunOutcome:
    """Evaluate a model, or resume where an earlier process stopped.

    With ``gate``, which ``--until-verdict`` needs, the run stops as soon as its verdict is settled.

    Raises:
        InputError: Settings, tasks or data are not valid; nothing was requested.
        NotComparableError: The run directory contains a run with other settings.
    """
    started_ns = time.time_ns()
    directory = directory_of(config)
    directory.refuse_if_held()
    if config.existing == "resume" and not directory.exists:
        raise InputError(f"--resume: there is no run at {directory.path}")
    if (before := finished_before(config, directory)) is not None:
        return _nothing_to_ask(*before, reporter)
    plan = make_plan(config)
    if config.until_verdict and gate is None:
        raise InputError(
            "--until-verdict: this run has no gate; use instit_bench.run or the command"
        )
    if gate is not None:
        require_scores_in_the_run(plan)
        plan = in_looks(plan)
    options = config.backend_options(workload_of(plan))
    backend = create_backend(config.backend, options)
    reading = Reading(config.max_frames, config.video_as, config.video_decoder)
    engines: Engines[Asked] = engines_for(
        *(config.backend, backend, options, config, config.gpus_per_replica, reading),
        archives=hub_archives(plan),
    )
    if gate is not None:
        _begin(gate, plan, backend, directory)
    if config.existing == "fresh" and (kept := directory.set_aside()):
        reporter.status(f"the earlier run of this name is kept at {kept}")
    with directory.locked():
        media = ShownMedia(directory.path)
        stored = _open(directory, plan, backend, media)
        watch = _watch(stored, gate, reporter)
        try:
            interrupted, problem, warnings = _generate(
                stored, plan, engines, media, reporter, watch
            )
        except InstitBenchError:
            with suppress(StorageError):
                stored.save("failed")
            raise
        stored.manifest.settings["backend"] |= engines.learned()
        stored.manifest.settings |= engines.settings()
        add_engine_totals(stored.manifest.engine, engines.totals())
        if config.judge_batch and not interrupted and problem is None:
            problem = _submit_batch(stored, plan, reporter)
        outcome = _finish(stored, plan, interrupted, problem, reporter)
        note_finished(stored, plan, started_ns)
        skipped = tuple(f"warning: {line}" for line in plan.skipped)
        return replace(outcome, warnings=(*skipped, *warnings))


def _open(directory: RunDirectory, plan: RunPlan, backend: Backend, media: ShownMedia) -> Run:
    manifest = plan.manifest(backend.settings())
    if directory.has_samples:  # otherwise other settings would lose nothing
        try:
            manifest = merge(Run.load(directory.path).manifest, manifest)
            media.require_unchanged()
        except NotComparableError as error:
            raise NotComparableError(
                f"{directory.path}: cannot resume this run: {error}; choose another --name, "
                "or --fresh to start again (the old run is set aside)"
            ) from None
    run = Run(directory, manifest)
    run.save()
    return run


def _generate(
    run: Run,
    plan: RunPlan,
    engines: Engines[Asked],
    media: ShownMedia,
    reporter: Reporter,
    watch: Watch | None,
) -> tuple[bool, Problem | None, tuple[str, ...]]:
    """Request all that remains; return whether it was interrupted, what stopped it, warnings."""
    names = [task_plan.task.name for task_plan in plan.tasks]
    done = {name: run.tasks[name].answered for name in names}
    reporter.begin(run.path)
    for line in plan.skipped:
        reporter.status(f"warning: {line}")
    with ExitStack() as stack:
        stack.enter_context(media.appending(reporter.status))
        state = Asking(
            plan,
            engines,
            reporter,
            run,
            in_order(plan, done),
            scorers={p.task.name: scorer_for(p.task) for p in plan.tasks},
            journals={
                name: stack.enter_context(run.tasks[name].journal(reporter.status))
                for name in names
            },
            judging=_judging_stage(run, plan, reporter),
            media=media,
            watch=watch,
        )
        stack.callback(reporter.end)
        if run_until_stopped(state.ask(), state.finish):
            return True, None, state.warnings()
    if state.unavailable:
        return False, Problem(state.unavailable[0]), state.warnings()
    problem = state.faults.problem(run.path) or state.no_judge or problem_of(state.judging)
    return False, problem, state.warnings()


def _finish(
    run: Run, plan: RunPlan, interrupted: bool, problem: Problem | None, reporter: Reporter
) -> RunOutcome:
    """Sort the journals into the dataset's order and write the results."""
    try:
        for task_plan in plan.tasks:
            run.tasks[task_plan.task.name].settle(task_plan.samples.ids)
    except StorageError as error:  # the order is a convenience, and sorting needs a second copy
        reporter.status(f"warning: not sorted: {error}")
    failures = _failures(run, plan)
    problem = problem or _too_many_errors(failures, plan)
    status: Status = "interrupted" if interrupted else "failed" if problem else "finished"
    if status == "finished" and _stopped(run, plan):
        status = "settled"
    run.save(status)
    run.write_results()
    return RunOutcome(run, status, problem, group_failures(failures))


def _begin(gate: Gate, plan: RunPlan, backend: Backend, directory: RunDirectory) -> None:
    """Have the gate refuse what it cannot compare, before anything is written or set aside."""
    if plan.config.existing == "fresh":  # what is there now is not of this run
        directory = replace(directory, path=directory.path / "new")
    if plan.looks is not None:
        gate.begin(Run(directory, plan.manifest(backend.settings())), plan.looks)


def _watch(run: Run, gate: Gate | None, reporter: Reporter) -> Watch | None:
    looks = run.manifest.looks
    return None if gate is None or looks is None else Watch(run, gate, looks, reporter)


def _stopped(run: Run, plan: RunPlan) -> bool:
    """Whether a settled verdict left samples unasked."""
    return plan.looks is not None and any(
        not run.tasks[p.task.name].records.keys() >= set(p.selected.ids) for p in plan.tasks
    )


def _nothing_to_ask(run: Run, found: FinishedBy, reporter: Reporter) -> RunOutcome:
    """Report a run that this command has finished before; nothing is written."""
    reporter.begin(run.path)
    for name, samples in found.selected.items():
        reporter.lane(name, samples, samples)
    reporter.end()
    return RunOutcome(run, "finished")


def _judging_stage(run: Run, plan: RunPlan, reporter: Reporter) -> JudgingStage | None:
    contracts = plan.judge_contracts()
    if told := nobody_judges(plan.config, contracts):
        reporter.status(told)
    at_once = {} if plan.config.judge_batch else contracts
    panels = panels_of(plan.config, at_once, plan.letter_contracts())
    return JudgingStage(run, plan.config, panels, reporter) if panels else None


def _submit_batch(run: Run, plan: RunPlan, reporter: Reporter) -> Problem | None:
    from instit_bench.judging.batch_run import submit_batch

    try:
        contracts = plan.judge_contracts()
        reporter.status(submit_batch(run, plan.config, contracts, reporter.status))
    except InstitBenchError as error:
        return Problem(str(error), error.exit_code)
    return None


def _failures(run: Run, plan: RunPlan) -> list[tuple[str, SampleRecord]]:
    """Return the selected samples that ended in an error, each with its task."""
    errors = (State.INFER_ERROR, State.JUDGE_ERROR)
    asked = {
        p.task.name: set(p.selected.ids)
        for p in plan.tasks
        if _has_failures(run.tasks[p.task.name].result)
    }
    records = [
        (name, record)
        for name, ids in asked.items()
        for record in run.tasks[name].records.values()
        if record.id in ids
    ]
    failures = [(name, record) for name, record in records if record.state in errors]
    return failures + [
        (name, record.model_copy(update={"error": f"no letter extracted: {error}"}))
        for name, record in records
        if (error := record.details.get("extraction_error"))
    ]


def _has_failures(result: TaskResult) -> bool:
    failed = result.states[State.INFER_ERROR] + result.states[State.JUDGE_ERROR]
    return bool(failed or (result.extraction and result.extraction.errors))


def _too_many_errors(errors: list[tuple[str, SampleRecord]], plan: RunPlan) -> Problem | None:
    total = sum(len(p.selected) for p in plan.tasks)
    setting = plan.config.fail_on_error
    if len(errors) <= errors_allowed(setting, total):
        return None
    name, record = errors[0]
    return Problem(
        f"{len(errors)} of {total} samples failed (--fail-on-error {setting}); the first is "
        f"{name} {record.id}: {record.error}; the same command retries them"
    )

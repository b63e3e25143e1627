"""The functions that write runs: evaluate, score, judge, and score again."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from instit_bench.api.notebook import make_reporter
from instit_bench.api.settings import JudgeSettings, RunSettings, spelt_out
from instit_bench.api.threads import beside_the_loop, outside_any_loop
from instit_bench.api.values import RunFrames
from instit_bench.comparison.gate import gate_of
from instit_bench.errors import Problem
from instit_bench.evaluation.config import RunConfig, make_config, make_judge_config
from instit_bench.evaluation.outcome import RunOutcome
from instit_bench.evaluation.rescore import rescore_run
from instit_bench.evaluation.runner import run as run_to_outcome
from instit_bench.evaluation.score import ScoreOptions, score_file
from instit_bench.judging.config import JudgeConfig
from instit_bench.judging.rejudge import judge_run
from instit_bench.runs.directory import RunDirectory
from instit_bench.runs.loaded import Run


class RunWarning(UserWarning):
    """A run has frames, but something is wrong with it: its ``problem``."""


@spelt_out(RunSettings, RunConfig)
def run(
    config: Path | str | None = None,
    *,
    progress: bool | None = None,
    **settings: Unpack[RunSettings],
) -> RunFrames:
    """Evaluate a model, or resume the run of that name where an earlier process stopped.

    If samples failed or could not be scored, there are frames nevertheless: a ``RunWarning`` says
    what is wrong, ``problem`` keeps it, and ``raise_for_problem()`` makes an error of it. The same
    call asks failed samples again.

    Args:
        config: YAML file of settings; keyword arguments override it.
        progress: Show a progress bar; by default in a notebook or on a terminal.
        settings: The options of ``instit-bench run``, with underscores.

    Raises:
        InputError: Settings, tasks or data are not valid; nothing was requested.
        NotComparableError: The run directory contains a run with other settings.
        InstitBenchError: The run stopped before all samples were asked, for example because the
            endpoint cannot be reached. Finished samples are kept.
        KeyboardInterrupt: Interrupted; the same call resumes the run.
    """
    chosen = _config(config, settings)
    gate = gate_of(chosen)
    return _concluded(
        outside_any_loop(lambda: run_to_outcome(chosen, make_reporter(progress), gate))
    )


@spelt_out(RunSettings, RunConfig)
async def arun(
    config: Path | str | None = None,
    *,
    progress: bool | None = None,
    **settings: Unpack[RunSettings],
) -> RunFrames:
    """Evaluate a model like ``run``, without blocking the event loop.

    ``await asyncio.gather(arun(model="a", …), arun(model="b", …))`` evaluates models side by side.
    """
    chosen = _config(config, settings)
    gate = gate_of(chosen)
    return _concluded(
        await beside_the_loop(lambda: run_to_outcome(chosen, make_reporter(progress), gate))
    )


def _config(config: Path | str | None, settings: RunSettings) -> RunConfig:
    return make_config(Path(config) if config else None, dict(settings))


def _concluded(outcome: RunOutcome) -> RunFrames:
    """Return the frames, with a warning if there is a problem, or raise if there is no more."""
    if outcome.status == "interrupted":
        raise KeyboardInterrupt
    for line in outcome.warnings:
        warnings.warn(line.removeprefix("warning: "), RunWarning, stacklevel=3)
    whole = all(len(t.records) >= t.entry.n_selected for t in outcome.run.tasks.values())
    if outcome.problem and not whole:
        raise outcome.problem.error()
    return _framed(outcome.run, outcome.problem)


def _framed(run: Run, problem: Problem | None) -> RunFrames:
    if problem:
        warnings.warn(problem.message, RunWarning, stacklevel=4)
    return RunFrames(run, problem)


@spelt_out(JudgeSettings, JudgeConfig)
def score(
    file: Path | str,
    task: str,
    *,
    data: str | None = None,
    revision: str = "main",
    model: str | None = None,
    prompts: str = "unknown",
    output: Path | str = "results",
    name: str | None = None,
    include_path: Sequence[Path | str] = (),
    progress: bool | None = None,
    **judging: Unpack[JudgeSettings],
) -> RunFrames:
    """Score a prediction file without a model, into a run.

    Args:
        file: Predictions in any format that ``instit-bench score`` reads.
        task: The task of the predictions.
        data: ``hub``, ``demo`` or a path; by default the file's own targets, if it has any.
        revision: Hub revision of the dataset.
        model: The model's name; by default from a log, or the file's name.
        prompts: Whose words asked: ``official``, ``own``, ``dataset`` or ``unknown``.
        output: Folder for runs.
        name: Folder name of the run; an existing run of that name is set aside.
        include_path: Folders with task plugins.
        progress: Show a progress bar while a judge is asked.
        judging: How open-ended predictions are judged.

    Raises:
        InputError: File, task or data are missing or not valid, or the task's scorer fails.
    """
    options = ScoreOptions(
        file=Path(file),
        task=task,
        judging=make_judge_config(dict(judging)),
        data=data,
        revision=revision,
        model=model,
        prompts=prompts,
        output=Path(output),
        name=name,
        include_path=_paths(include_path),
    )
    scored = outside_any_loop(lambda: score_file(options, lambda: make_reporter(progress)))
    return _framed(scored.run, scored.problem)


@spelt_out(JudgeSettings, JudgeConfig)
def judge(
    run: RunFrames | Path | str,
    *,
    data: str | None = None,
    progress: bool | None = None,
    **settings: Unpack[JudgeSettings],
) -> RunFrames:
    """Judge a run's open-ended predictions, or judge them again; earlier verdicts are kept.

    Args:
        run: A run, or its folder.
        data: Data folder with the official prompts; by default the run's.
        progress: Show a progress bar; by default in a notebook or on a terminal.
        settings: The options of ``instit-bench judge run``, such as ``judge="openai:gpt-4o"``.

    Raises:
        InputError: The folder is not a run, has nothing to judge, or no judge is named.
    """
    config = make_judge_config(dict(settings))
    directory = RunDirectory(folder_of(run))
    judged, problem = outside_any_loop(
        lambda: judge_run(directory, config, data, make_reporter(progress))
    )
    return _framed(judged, problem)


def rescore(
    run: RunFrames | Path | str, *, data: str | None = None, include_path: Sequence[Path | str] = ()
) -> RunFrames:
    """Score a run's predictions again, after its scorer or metrics changed; no model is asked.

    Args:
        run: A run, or its folder.
        data: Where the data are; by default where the run found them.
        include_path: Folders with task plugins; by default the run's.

    Raises:
        InputError: The folder is not a run, or a task or its data are missing or not valid.
        NotComparableError: The data are not those of the run.
    """
    directory = RunDirectory(folder_of(run))
    rescored = rescore_run(directory, lambda _: None, data, _paths(include_path))
    return _framed(rescored.run, rescored.problem)


def folder_of(run: RunFrames | Path | str) -> Path:
    """Return a run's folder."""
    return run.path if isinstance(run, RunFrames) else Path(run)


def _paths(folders: Sequence[Path | str]) -> tuple[Path, ...]:
    return tuple(map(Path, [folders] if isinstance(folders, str | Path) else folders))

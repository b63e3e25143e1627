"""Score prediction files, without a model, into a run directory."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from instit_bench.errors import INTERRUPTED, InputError, Problem
from instit_bench.evaluation.file_part import (
    Part,
    ReadFile,
    ScoreOptions,
    read_file,
    scored_part,
)
from instit_bench.judging.config import JudgeConfig
from instit_bench.judging.contracts import (
    extraction_contracts,
    has_spoken,
    nobody_judges,
)
from instit_bench.judging.rejudge import contracts_of, judge_answers
from instit_bench.progress import Reporter
from instit_bench.runs.directory import RunDirectory, default_name, run_directory
from instit_bench.runs.loaded import Run
from instit_bench.runs.manifest import (
    JudgingManifest,
    Manifest,
)
from instit_bench.scorers.contract import Contract
from instit_bench.scorers.judge import JudgeContract

__all__ = ["ScoreOptions", "Scored", "score_file", "score_files"]


@dataclass(frozen=True, slots=True)
class Scored:
    """The resulting run; ``problem`` says why judging stopped early, if it did.

    ``kept`` is where an earlier run of that name is now, if there was one.
    """

    run: Run
    problem: Problem | None
    kept: Path | None = None


def score_file(options: ScoreOptions, make_reporter: Callable[[], Reporter]) -> Scored:
    """Score a file's predictions; an existing run of that name is set aside, its verdicts are kept.

    Raises:
        InputError: File, task or data are missing or not valid.
    """
    return score_files([options], make_reporter)


def score_files(files: Sequence[ScoreOptions], make_reporter: Callable[[], Reporter]) -> Scored:
    """Score one model's files, each of another task, into one run.

    All share the options of the first but ``file`` and ``task``.

    Raises:
        InputError: A file, task or data are missing or not valid, or the files are not one model's.
    """
    options = files[0]
    read = [read_file(file) for file in files]
    name = options.name or _run_name(read, options)
    directory = run_directory(options.output, name, lock=options.lock)
    directory.refuse_if_held()
    parts = [scored_part(one, of) for one, of in zip(read, files, strict=True)]
    manifest = _one_manifest(parts, files)
    contracts = contracts_of(manifest, options.data)
    letters = _letters(parts, manifest, options.judging)
    kept = directory.set_aside()
    with directory.locked():
        earlier = _keep_verdicts(kept, directory) if kept else {}
        run = Run(directory, manifest)
        for part in parts:
            run.tasks[part.task.name].rewrite(part.records)
        for role, judging in earlier.items():
            if has_spoken(run, judging):
                setattr(manifest, role, judging)
        run.save()
        problem = _judge(run, options.judging, contracts, letters, make_reporter)
        for part in parts:
            run.tasks[part.task.name].settle()
        interrupted = problem is not None and problem.exit_code == INTERRUPTED
        run.save("interrupted" if interrupted else "failed" if problem else "finished")
        run.write_results()
        return Scored(run, problem, kept)


def _one_manifest(parts: Sequence[Part], files: Sequence[ScoreOptions]) -> Manifest:
    """The manifest of all parts, which must be one model's and scored against one source."""
    first = parts[0].manifest
    tasks = dict(first.tasks)
    if len(parts) > 1 and files[0].model is None and not any(p.logged_model for p in parts):
        raise InputError(
            "several files are scored as one run of one model, and none of them names it; name it "
            "with --model, or score each file by itself"
        )
    for part, options in zip(parts[1:], files[1:], strict=True):
        own = part.manifest
        if own.identity.model != first.identity.model:
            raise InputError(
                f"{options.file}: is from model {own.identity.model!r}, and {files[0].file} from "
                f"{first.identity.model!r}; name the model with --model if they are the same"
            )
        if own.data.kind != first.data.kind:
            raise InputError(
                f"{options.file}: has its targets from another source than {files[0].file}; name "
                "the dataset with --data, or score them apart"
            )
        if part.task.name in tasks:
            raise InputError(f"{options.file}: there is another file of task {part.task.name}")
        tasks |= own.tasks
    styles = {part.manifest.identity.prompt_style for part in parts}
    style = styles.pop() if len(styles) == 1 else "unknown"
    labels = dict.fromkeys(part.manifest.data.label for part in parts)
    return first.model_copy(
        update={
            "tasks": tasks,
            "identity": first.identity.model_copy(update={"prompt_style": style}),
            "data": first.data.model_copy(update={"label": ", ".join(labels)}),
        }
    )


def _keep_verdicts(kept: Path, directory: RunDirectory) -> dict[str, JudgingManifest]:
    """Copy verdicts and batches of the run that was set aside; return who judged, by role.

    Both record which answers they are for, so they are right for the new run too.
    """
    if (kept / "judgements").is_dir():
        shutil.copytree(kept / "judgements", directory.path / "judgements")
    for batch in kept.glob("judge_batch*.json"):
        shutil.copy2(batch, directory.path)
    with suppress(InputError):
        manifest = Run.load(kept).manifest
        roles = {"judging": manifest.judging, "extraction": manifest.extraction}
        return {role: judging for role, judging in roles.items() if judging}
    return {}


def _letters(parts: Sequence[Part], manifest: Manifest, config: JudgeConfig) -> dict[str, Contract]:
    """What a judge is asked to extract letters, if one is named."""
    if config.extractor is None:
        return {}
    names = [part.task.name for part in parts]
    letters = extraction_contracts(manifest, names)
    if not letters:
        raise InputError(f"--extract-with: task {', '.join(names)} is not multiple choice")
    return letters


def _judge(
    run: Run,
    config: JudgeConfig,
    contracts: dict[str, JudgeContract],
    letters: dict[str, Contract],
    make_reporter: Callable[[], Reporter],
) -> Problem | None:
    if not contracts and not letters:
        return None
    reporter = make_reporter()
    if told := nobody_judges(config, contracts):
        reporter.status(told)
    if not config.judges and not letters:
        return None
    reporter.begin(run.path)
    try:
        return judge_answers(run, config, contracts, reporter, letters)
    finally:
        reporter.end()


def _run_name(read: Sequence[ReadFile], options: ScoreOptions) -> str:
    """Name the run after the model; a single log, which names it itself, with the task's name too.

    One model has one log per task, and none may replace another.
    """
    logged = read[0].predictions.run.model
    if options.model is None and logged is not None:
        return default_name(f"{logged}-{read[0].task.name}" if len(read) == 1 else logged, "hub")
    return default_name(options.model or options.file.stem, "hub")

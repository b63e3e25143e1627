"""Ask a model for instructions on every caption, and journal each reply at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from instit_bench.backends import create_backend
from instit_bench.backends.base import Workload
from instit_bench.errors import Problem
from instit_bench.evaluation.config import errors_allowed
from instit_bench.generation.asking import Writing
from instit_bench.generation.captions import Caption
from instit_bench.generation.config import WriterConfig
from instit_bench.generation.manifest import WriterManifest
from instit_bench.generation.plan import plan_writing
from instit_bench.generation.replies import JOURNAL
from instit_bench.generation.spending import make_spending
from instit_bench.progress import Reporter
from instit_bench.runs.directory import RunDirectory
from instit_bench.runs.journal import JournalWriter
from instit_bench.runs.manifest import add_engine_totals
from instit_bench.scheduling.engines import Engines, engines_for
from instit_bench.stopping import run_until_stopped


@dataclass(frozen=True, slots=True)
class Written:
    """How it went: the replies of all captions, what they took, and what went wrong."""

    folder: Path
    replies: int
    failed: int
    cut_off: int
    spent: str
    interrupted: bool
    problem: Problem | None


def write_instructions(config: WriterConfig, reporter: Reporter) -> Written:
    """Ask for instructions on every caption without a reply.

    Raises:
        InputError: Settings, captions or tools are not valid; nothing was requested.
        NotComparableError: The folder has replies that were asked for with other settings.
    """
    make_spending(config)  # an unusable budget is told first
    with RunDirectory(config.output).locked():
        plan = plan_writing(config)
        options = config.backend_options(Workload(heaviest=plan.heaviest))
        backend = create_backend(config.backend, options)
        engines: Engines[Caption] = engines_for(
            config.backend, backend, options, config, config.gpus_per_replica
        )
        manifest = plan.manifest(backend.settings())
        manifest.save(config.output)
        reporter.begin(config.output)
        try:
            with JournalWriter(config.output / JOURNAL, reporter.status) as journal:
                writing = Writing(plan, engines, reporter, journal.append)
                interrupted = run_until_stopped(writing.work(), writing.finish)
        finally:
            reporter.end()
        if plan.left:
            manifest.settings["backend"] |= engines.learned()
            manifest.settings |= engines.settings()
            add_engine_totals(manifest.engine, engines.totals())
        return _concluded(writing, manifest, interrupted)


def _concluded(writing: Writing, manifest: WriterManifest, interrupted: bool) -> Written:
    plan, used = writing.plan, writing.spending.used
    ended = [(one, writing.ended[one.number]) for one in plan.chosen if one.number in writing.ended]
    failed = [(caption.number, how.error) for caption, how in ended if how.error is not None]
    answered = [how for _, how in ended if how.answered]
    manifest.replies, manifest.failed = len(answered), len(failed)
    manifest.prompt_tokens = used.prompt_tokens or 0
    manifest.completion_tokens = used.completion_tokens or 0
    manifest.save(plan.config.output)
    problem = writing.problem
    setting = plan.config.fail_on_error
    if problem is None and len(failed) > errors_allowed(setting, len(plan.chosen)):
        number, error = failed[0]
        problem = Problem(
            f"{len(failed)} of {len(plan.chosen)} captions failed (--fail-on-error {setting}); the "
            f"first is caption {number}: {error}; the same command retries them"
        )
    cut_off = sum(how.cut_off for how in answered)
    return Written(
        plan.config.output,
        len(answered),
        len(failed),
        cut_off,
        writing.spending.told,
        interrupted,
        problem,
    )

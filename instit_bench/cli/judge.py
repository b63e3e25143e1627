"""``instit-bench judge RUN`` and its helpers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instit_bench.cli.calibrate import calibrate_command, sheet_command
from instit_bench.cli.complete import run_folders
from instit_bench.cli.console import fail, note
from instit_bench.cli.options import App, DryRun, Group, NoLock, settings_command

if TYPE_CHECKING:
    from instit_bench.runs.manifest import Price
    from instit_bench.types import Usage


class _RunByDefault(Group):
    """``judge RUN`` means ``judge run RUN``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default command's name in front of a run's folder."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = App(
    cls=_RunByDefault,
    help="Judge open-ended predictions, or extract letters: judge RUN, or a command below.",
)
cache_app = App(help="Manage the cache of verdicts.")
app.add_typer(cache_app, name="cache")

SETTINGS = "instit_bench.judging.config:JudgeConfig"
RUN = typer.Argument(help="Run folder.", autocompletion=run_folders)
DATA = typer.Option(
    help="Data folder with the official prompts (default: the run's, else the home folder)."
)


@app.command("run", cls=settings_command(SETTINGS))
def run_command(
    ctx: typer.Context,
    run: Annotated[Path, RUN],
    data: Annotated[str | None, DATA] = None,
    fail_on_error: Annotated[
        str,
        typer.Option(help="Predictions that may stay unjudged: a count (10) or a fraction (0.05)."),
    ] = "0",
    dry_run: DryRun = False,
    no_lock: NoLock = False,
) -> int:
    """Judge a run's predictions, or judge them again. Earlier verdicts are kept.

    With --extract-with alone, a judge only names the letters of unparsed predictions.
    """
    if dry_run:
        return _show_dry_run(run, ctx.obj, data)
    from instit_bench.cli.progress import make_reporter
    from instit_bench.cli.tables import print_results
    from instit_bench.evaluation.config import make_judge_config
    from instit_bench.judging.rejudge import judge_run
    from instit_bench.runs.directory import RunDirectory

    config = make_judge_config(ctx.obj)
    directory = RunDirectory(run, lock=not no_lock)
    judged, problem = judge_run(directory, config, data, make_reporter())
    print_results(judged.results)
    return conclude_judging(judged.results, problem, fail_on_error)


def _show_dry_run(path: Path, given: dict[str, Any], data: str | None) -> int:
    from instit_bench.cli.dry_run import show_judge_dry_run
    from instit_bench.evaluation.config import make_judge_config
    from instit_bench.evaluation.preview import free_bytes
    from instit_bench.judging.outlook import calls_left_in_run
    from instit_bench.runs.loaded import Run

    calls = calls_left_in_run(Run.load(path), make_judge_config(given), data)
    return show_judge_dry_run(calls, path, free_bytes(path))


def conclude_judging(results: object, problem: object, fail_on_error: str) -> int:
    """Fail if judging stopped early or left more errors than allowed."""
    from instit_bench.errors import Problem
    from instit_bench.evaluation.config import errors_allowed
    from instit_bench.runs.results import RunResults

    assert isinstance(results, RunResults)  # noqa: S101 - imported late, hence not in the signature
    if isinstance(problem, Problem):
        fail(problem.message, problem.exit_code)
    errors = sum(task.states["judge_error"] for task in results.tasks.values())
    unread = sum(task.extraction.errors for task in results.tasks.values() if task.extraction)
    total = sum(task.n_total for task in results.tasks.values())
    if errors + unread > errors_allowed(fail_on_error, total):
        told = {
            f"{errors} answers have no verdict (judge_error)": errors,
            f"{unread} unparsed answers have no extracted letter because of the judge": unread,
        }
        missing = " and ".join(text for text, count in told.items() if count)
        fail(f"{missing}; run the same command again to retry", 1)
    return 0


@app.command("collect", cls=settings_command(SETTINGS, "judge_base_url", "judge_api_key_env"))
def collect_command(
    ctx: typer.Context,
    run: Annotated[Path, RUN],
    data: Annotated[str | None, DATA] = None,
    no_lock: NoLock = False,
) -> int:
    """Fetch the verdicts of a batch submitted with --judge-batch."""
    from instit_bench.cli.tables import print_results
    from instit_bench.evaluation.config import make_judge_config
    from instit_bench.judging.rejudge import collect_run
    from instit_bench.runs.directory import RunDirectory

    config = make_judge_config(ctx.obj)
    judged, problem = collect_run(RunDirectory(run, lock=not no_lock), config, data, note)
    print_results(judged.results)
    return conclude_judging(judged.results, problem, "0")


@app.command(
    "estimate",
    cls=settings_command(SETTINGS, "judge", "extract_with", "judge_repeats", "judge_prices"),
)
def estimate_command(
    ctx: typer.Context,
    run: Annotated[
        Path | None,
        typer.Argument(help="Run folder (default: estimate for --tasks, before any run)."),
    ] = None,
    tasks: Annotated[
        str, typer.Option(help="Tasks to estimate, if no run is named.")
    ] = "inst_it_bench",
    data: Annotated[
        str | None,
        typer.Option(
            help="hub, demo, or a path to a folder or file.",
            envvar="INSTIT_BENCH_DATA",
            show_envvar=False,
        ),
    ] = None,
) -> int:
    """Estimate the calls, tokens and cost of judging."""
    from instit_bench.errors import InputError
    from instit_bench.evaluation.config import make_judge_config
    from instit_bench.evaluation.estimate import estimate_letters, estimate_run, estimate_tasks
    from instit_bench.judging.prices import read_prices
    from instit_bench.types import Usage

    config = make_judge_config(ctx.obj)
    prices = read_prices(config.judge_prices)
    if config.extractor:
        if run is None:
            raise InputError("--extract-with: name a run whose unparsed predictions can be counted")
        _tell_estimate(config.extractor, *estimate_letters(run), prices)
    if config.judge or not config.extractor:
        answers, once = estimate_run(run, data) if run else estimate_tasks(tasks, data or "hub")
        times = config.judge_repeats
        usage = Usage(times * (once.prompt_tokens or 0), times * (once.completion_tokens or 0))
        for name in config.judges or ("a judge",):
            _tell_estimate(name, times * answers, usage, prices)
    return 0


def _tell_estimate(judge: str, calls: int, usage: Usage, prices: Mapping[str, Price]) -> None:
    from instit_bench.display import counted
    from instit_bench.judging.prices import cost_told

    cost = cost_told(prices.get(judge.partition(":")[2]), usage)
    typer.echo(
        f"{judge}: {counted(calls, 'call')}, about {usage.prompt_tokens:,} prompt and "
        f"{usage.completion_tokens:,} reply tokens, {cost}"
    )


app.command("sheet")(sheet_command)
app.command("calibrate")(calibrate_command)


@cache_app.command("stats")
def stats_command() -> int:
    """Show the number of cached verdicts per judge."""
    from instit_bench.judging.cache import VerdictCache
    from instit_bench.judging.create import cache_path

    cache = VerdictCache(cache_path())
    typer.echo(f"{cache.path}")
    for line in cache.stats():
        counts = {"scores": line.scores, "letters": line.letters}
        kept = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        typer.echo(f"{line.judge}: {kept}, {line.tokens:,} tokens")
    return 0


@cache_app.command("clear")
def clear_command() -> int:
    """Clear the cache; verdicts stored in runs are kept."""
    from instit_bench.judging.cache import VerdictCache
    from instit_bench.judging.create import cache_path

    note(f"{VerdictCache(cache_path()).clear()} verdicts deleted")
    return 0

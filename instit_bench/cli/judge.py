"""``instit-bench judge RUN`` and its helpers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from instit_bench.cli.console import fail, note
from instit_bench.cli.options import App, Group, NoLock, settings_command


class _RunByDefault(Group):
    """``judge RUN`` means ``judge run RUN``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default command's name in front of a run's folder."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = App(
    cls=_RunByDefault,
    help="Judge open-ended answers: judge RUN (or collect, estimate, cache).",
)
cache_app = App(help="The scores that were paid for once.")
app.add_typer(cache_app, name="cache")

SETTINGS = "instit_bench.judging.config:JudgeConfig"
RUN = typer.Argument(help="The run's folder.")
DATA = typer.Option(help="Data folder with the official prompts (default: the run's, or home).")


@app.command("run", cls=settings_command(SETTINGS))
def run_command(
    ctx: typer.Context,
    run: Annotated[Path, RUN],
    data: Annotated[str | None, DATA] = None,
    fail_on_error: Annotated[
        str, typer.Option(help="How many answers may stay unjudged by error.")
    ] = "0",
    no_lock: NoLock = False,
) -> int:
    """Judge a run's answers, or judge them again; earlier verdicts are kept. Generates nothing."""
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


def conclude_judging(results: object, problem: object, fail_on_error: str) -> int:
    """Fail if judging stopped early or left more errors than allowed."""
    from instit_bench.errors import Problem
    from instit_bench.evaluation.config import errors_allowed
    from instit_bench.runs.results import RunResults

    assert isinstance(results, RunResults)  # noqa: S101 - imported late, hence not in the signature
    if isinstance(problem, Problem):
        fail(problem.message, problem.exit_code)
    errors = sum(task.states["judge_error"] for task in results.tasks.values())
    total = sum(task.n_total for task in results.tasks.values())
    if errors > errors_allowed(fail_on_error, total):
        fail(f"{errors} answers have no verdict (judge_error); the same command asks again", 1)
    return 0


@app.command("collect")
def collect_command(
    run: Annotated[Path, RUN],
    data: Annotated[str | None, DATA] = None,
    no_lock: NoLock = False,
) -> int:
    """Fetch the verdicts of a batch that was submitted with --judge-batch."""
    from instit_bench.cli.tables import print_results
    from instit_bench.judging.rejudge import collect_run
    from instit_bench.runs.directory import RunDirectory

    judged, problem = collect_run(RunDirectory(run, lock=not no_lock), data)
    print_results(judged.results)
    return conclude_judging(judged.results, problem, "0")


@app.command("estimate", cls=settings_command(SETTINGS, "judge", "judge_repeats", "judge_prices"))
def estimate_command(
    ctx: typer.Context,
    run: Annotated[
        Path | None, typer.Argument(help="A run's folder (default: before any run).")
    ] = None,
    tasks: Annotated[str, typer.Option(help="Without a run: which tasks.")] = "inst_it_bench",
    data: Annotated[
        str | None, typer.Option(help="hub, demo, or a folder or file.", envvar="INSTIT_BENCH_DATA")
    ] = None,
) -> int:
    """About how many calls and tokens judging will take, and what they cost."""
    from instit_bench.evaluation.config import make_judge_config
    from instit_bench.evaluation.estimate import estimate_run, estimate_tasks
    from instit_bench.judging.prices import read_prices
    from instit_bench.types import Usage

    config = make_judge_config(ctx.obj)
    answers, once = estimate_run(run, data) if run else estimate_tasks(tasks, data or "hub")
    prices = read_prices(config.judge_prices)
    times = config.judge_repeats
    usage = Usage(times * (once.prompt_tokens or 0), times * (once.completion_tokens or 0))
    for name in config.judges or ("a judge",):
        price = prices.get(name.partition(":")[2])
        cost = f"about {price.of(usage):.2f} US dollars" if price else "price not known"
        typer.echo(
            f"{name}: {times * answers} calls, about {usage.prompt_tokens:,} prompt and "
            f"{usage.completion_tokens:,} reply tokens, {cost}"
        )
    return 0


@cache_app.command("stats")
def stats_command() -> int:
    """How many scores are kept, by judge."""
    from instit_bench.judging.cache import VerdictCache
    from instit_bench.judging.create import cache_path

    cache = VerdictCache(cache_path())
    typer.echo(f"{cache.path}")
    for line in cache.stats():
        typer.echo(f"{line.judge}: {line.scores} scores, {line.tokens:,} tokens")
    return 0


@cache_app.command("clear")
def clear_command() -> int:
    """Forget all scores; runs keep theirs."""
    from instit_bench.judging.cache import VerdictCache
    from instit_bench.judging.create import cache_path

    note(f"{VerdictCache(cache_path()).clear()} scores forgotten")
    return 0

"""``instit-bench check``."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instit_bench.cli.compare import FLIPS, number_or_all
from instit_bench.cli.complete import run_folders
from instit_bench.cli.console import note
from instit_bench.cli.options import OnlyTasks
from instit_bench.validation import names_in

if TYPE_CHECKING:
    from instit_bench.comparison.check import CheckReport


def check_command(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="runs...", help="Runs, or folders of runs.", autocompletion=run_folders
        ),
    ],
    baseline: Annotated[
        Path | None, typer.Option(help="Run folder, or a file from `baseline save`.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="YAML file of rules (see docs/ci.md).")
    ] = None,
    tasks: OnlyTasks = None,
    junit: Annotated[
        Path | None, typer.Option(help="Write JUnit XML, one test case per rule.")
    ] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write the findings as Markdown.")] = None,
    adaptive: Annotated[
        bool,
        typer.Option("--adaptive", help="Replay the looks of --until-verdict; see docs/ci.md."),
    ] = False,
    stop_rule: Annotated[
        str | None,
        typer.Option(metavar="<obf|curtailed|cs>", help="Rule of --adaptive [default: the run's]."),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(help="Drop beyond the allowed one that a pass of --adaptive rules out."),
    ] = None,
    order_seed: Annotated[
        int | None, typer.Option(help="Seed of the order of images and videos, for --adaptive.")
    ] = None,
    flips: Annotated[str, typer.Option(help=f"{FLIPS} Used by --markdown.")] = "5",
    seed: Annotated[int, typer.Option(help="Seed of the permutation test.", min=0)] = 0,
) -> int:
    """Check runs against a baseline. Exit 0: passed, 1: regression, 3: not comparable.

    Of several runs, the highest code counts.
    """
    from instit_bench.comparison.check import check_against
    from instit_bench.comparison.gate import adaptive_check, replay_options
    from instit_bench.comparison.policy import Policy, read_policy

    limit = number_or_all("--flips", flips)
    replay = replay_options(stop_rule, margin, order_seed, adaptive=adaptive, baseline=baseline)
    with _exit_1_for_regressions_alone():
        for file in (junit, markdown):
            if file and file.is_file():
                file.unlink()  # an earlier check's must not speak for one that ends in an error
        rules = read_policy(policy) if policy else Policy()
        codes = []
        for run in _checked(runs, baseline, junit or markdown):
            if replay is not None and baseline is not None:
                report = adaptive_check(
                    run, baseline, rules, str(policy), replay, tasks=names_in(tasks)
                )
            else:
                report = check_against(
                    run, baseline, rules, str(policy), tasks=names_in(tasks), seed=seed
                )
            held = {finding.task for finding in report.findings}
            if not tasks and (idle := rules.idle(held)):
                note(f"optional, and not in these runs: {', '.join(idle)}")
            _print(report)
            _write(report, limit, junit, markdown)
            _tell_more(report, run, baseline)
            typer.echo(report.conclusion)
            codes.append(report.exit_code)
    return max(codes)


def _checked(runs: list[Path], baseline: Path | None, file: Path | None) -> list[Path]:
    """The runs to check: not the baseline itself, as among ``results/*``."""
    from instit_bench.errors import InputError
    from instit_bench.runs.directory import runs_among

    found = runs_among(runs, note)
    others = [run for run in found if baseline is None or run.resolve() != baseline.resolve()]
    if len(others) > 1 and file:
        raise InputError(f"{file}: is written for one run, and there are {len(others)}")
    return others if len(found) > 1 and others else found


def _tell_more(report: CheckReport, run: Path, baseline: Path | None) -> None:
    if report.exit_code and report.comparison and report.comparison.tasks:
        words = ["instit-bench", "compare", str(baseline), str(run)]
        allow = ["--allow-mismatch"] if report.comparison.mismatches else []
        note(f"more, with the flips: {shlex.join(words + allow)}")


@contextmanager
def _exit_1_for_regressions_alone() -> Iterator[None]:
    """A file that cannot be read or written is exit code 2: 1 would say that the model is worse."""
    from instit_bench.errors import InputError

    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(f"{error.filename or 'a file'}: {error.strerror or error}") from error


def _write(
    report: CheckReport, flips: int | None, junit: Path | None, markdown: Path | None
) -> None:
    """The files that were asked for, and the step summary where the environment offers one."""
    from instit_bench.comparison.markdown import check_markdown
    from instit_bench.comparison.services import junit_xml
    from instit_bench.runs.atomic import write_atomically

    if junit:
        write_atomically(junit, junit_xml(report))
        note(f"junit: {junit}")
    page = check_markdown(report, flips)
    if markdown:
        write_atomically(markdown, page)
        note(f"markdown: {markdown}")
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(page)


def _print(report: CheckReport) -> None:
    """The findings, and under GitHub Actions an annotation for each that did not hold."""
    import secrets

    from instit_bench.cli.console import stdout
    from instit_bench.comparison.services import error_lines, without_commands
    from instit_bench.comparison.show import check_view

    console = stdout()
    with console.capture() as captured:
        console.print(check_view(report))
    if os.environ.get("GITHUB_ACTIONS") != "true":
        typer.echo(captured.get().rstrip() + "\n")
        return
    typer.echo(without_commands(captured.get(), secrets.token_hex(16)))
    for line in error_lines(report):
        typer.echo(line)

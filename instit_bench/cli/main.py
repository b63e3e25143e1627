"""The command line: one file a command, and one place where errors become exit codes."""

from __future__ import annotations

import errno
import io
import os
import sys
import traceback
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from instit_bench import __version__
from instit_bench.cli import (
    audit,
    baseline,
    check,
    compare,
    data,
    explain,
    export,
    export_dataset,
    generate,
    judge,
    leaderboard,
    models,
    report,
    rescore,
    run,
    runs,
    score,
    suite,
    tasks,
    view,
)
from instit_bench.cli.console import fail, note, settings, write_nowhere
from instit_bench.cli.environment import load_env_file, taken, unknown_variables
from instit_bench.cli.options import READER_GONE, App, settings_command
from instit_bench.errors import INTERRUPTED, InstitBenchError

# Of the click that Typer brings along or uses: a wrong command, option or value.
_UsageError: Any = typer.BadParameter.__base__

# A shell asks for completions; what is printed then is taken for them.
_COMPLETING = "_INSTIT_BENCH_COMPLETE"

app = App(
    name="instit-bench",
    help="Evaluate large multimodal models on Inst-IT Bench and GPT4Tools.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run", cls=settings_command(run.SETTINGS))(run.run_command)
app.command("suite")(suite.suite_command)
app.command("models")(models.models_command)
app.command("audit", cls=settings_command(audit.SETTINGS))(audit.audit_command)
app.command("score", cls=settings_command(score.SETTINGS))(score.score_command)
app.command("rescore")(rescore.rescore_command)
app.command("export")(export.export_command)
app.command("export-dataset")(export_dataset.export_dataset_command)
app.command("leaderboard")(leaderboard.leaderboard_command)
app.command("compare")(compare.compare_command)
app.command("explain")(explain.explain_command)
app.command("report")(report.report_command)
app.command("view")(view.view_command)
app.command("check")(check.check_command)
app.add_typer(runs.app, name="runs")
app.add_typer(baseline.app, name="baseline")
app.add_typer(judge.app, name="judge")
app.add_typer(tasks.app, name="tasks")
app.add_typer(data.app, name="data")
app.add_typer(generate.app, name="generate")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"instit-bench {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Evaluate large multimodal models on Inst-IT Bench and GPT4Tools."""


def main() -> NoReturn:
    """Run a command; every failure is one line on standard error and a non-zero exit code.

    0 done; 1 the run failed, or a file cannot be written; 2 wrong usage or bad input; 3 not
    comparable or coverage too low; 130 interrupted.
    """
    # Looking for its plugins in every installed package takes longer than some commands.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    for stream in (sys.stdout, sys.stderr):
        # A model's name or reply may hold what a narrow terminal's encoding does not.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        if _COMPLETING not in os.environ:
            _look_around()
        code = app(prog_name="instit-bench", standalone_mode=False)
    except InstitBenchError as error:
        if settings.debug:
            traceback.print_exc()
        fail(taken.explained(str(error)), error.exit_code)
    except _UsageError as error:
        fail(taken.explained(error.format_message()), 2)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except OSError as error:  # a full disk, a folder that may not be written
        if error.errno == errno.EIO and error.filename is None:  # the terminal has gone
            write_nowhere(sys.stdout)
            sys.exit(129)  # as if SIGHUP had ended us
        fail(f"{error.filename or 'file system'}: {error.strerror or error}", 1)
    _leave(code)


def _look_around() -> None:
    """Take what ``.env`` says, and tell of variables that mean nothing."""
    load_env_file(Path(".env"))
    for line in unknown_variables(partial(typer.main.get_command, app)):
        note(line, warning=True)


def _leave(code: object) -> NoReturn:
    """End the process with a command's exit code."""
    if code == INTERRUPTED:  # Typer makes a code of most
        fail("interrupted", INTERRUPTED)
    try:
        sys.stdout.flush()
    except OSError:
        code = READER_GONE
    if code == READER_GONE:
        write_nowhere(sys.stdout)
    sys.exit(code if isinstance(code, int) else 0)

"""Runs ``instit-bench …`` for tests, in this process or in a separate one."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from unittest import mock

REPOSITORY = Path(__file__).resolve().parents[1]

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def cli_environment(**extra: str) -> dict[str, str]:
    """Return the process environment without variables that would affect a run."""
    # Python's readline exports the terminal's size to the processes of pytest -n.
    dropped = ("INSTIT_BENCH_", "OPENAI_", "HF_", "GITHUB_", "COLUMNS", "LINES")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
    return kept | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": str(REPOSITORY)} | extra


def cli_in(folder: Path) -> Cli:
    """Return a function that runs ``instit-bench …`` in a folder, in this process.

    Its keyword arguments are environment variables. Folder, environment, arguments, streams and
    warnings are those of a separate process, and the package's caches are cleared before each call.
    Variables that are read once per process need `cli_process_in`.
    """

    def run(*args: object, **env: str) -> subprocess.CompletedProcess[str]:
        from instit_bench.cli.main import main

        assert not [name for name in env if name.startswith(("HF_", "PYTHON"))], "use a process"
        arguments = ["instit-bench", *map(str, args)]
        variables = cli_environment(INSTIT_BENCH_HOME=str(folder / "home"), **env)
        stdin, out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(3))
        _forget()
        with (
            chdir(folder),
            mock.patch.dict(os.environ, variables, clear=True),
            mock.patch.multiple(sys, argv=arguments, stdin=stdin, stdout=out, stderr=err),
            _warnings_on_standard_error(),
        ):
            code = _exit_code(main)
        return subprocess.CompletedProcess(arguments, code, _text(out), _text(err))

    return run


def cli_process_in(folder: Path) -> Cli:
    """Return the same as a separate process, for tests of its start, its signals and so on."""

    def run(*args: object, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "instit_bench", *map(str, args)],
            cwd=folder,
            env=cli_environment(INSTIT_BENCH_HOME=str(folder / "home"), **env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def _forget() -> None:
    """Clear the package's caches, as a plugin may have changed since the last call."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == "instit_bench":
            for value in list(vars(module).values()):
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


@contextmanager
def _warnings_on_standard_error() -> Iterator[None]:
    """Show warnings as Python does outside pytest."""

    def show(message, category, filename, lineno, file=None, line=None):
        sys.stderr.write(warnings.formatwarning(message, category, filename, lineno, line))

    with warnings.catch_warnings():
        warnings.resetwarnings()
        for kind in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", kind)
        warnings.showwarning = show
        yield


def _exit_code(main: Callable[[], object]) -> int:
    """Return the code that the interpreter would exit with."""
    try:
        main()
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return error.code or 0
        sys.stderr.write(f"{error.code}\n")
        return 1
    except Exception:  # noqa: BLE001 - the interpreter prints them all
        traceback.print_exc()
        return 1
    return 0


def _text(stream: io.TextIOWrapper) -> str:
    """Return what was written. The stream stays open, as a log handler may still hold it."""
    stream.flush()
    return stream.buffer.getvalue().decode()

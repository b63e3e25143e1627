"""Every command and code block of README and docs runs and prints what the page shows."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.command_line import REPOSITORY, cli_environment
from tests.docs.pages import commands, examples, is_printed

PAGES = [
    *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md")),
    *sorted((REPOSITORY / "docs").glob("*.md")),
]
MARK = "-- 8< --"


@pytest.fixture
def folder(tmp_path):
    """A user's folder, with ``instit-bench`` on the path and the real data beside it."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, command in (("python", ""), ("instit-bench", " -m instit_bench")):
        # Not a link, because Python would not find its virtual environment through it.
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}"{command} "$@"\n')
        (programs / name).chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    return work


def bash(script, folder):
    """Run a script as a user's shell would; return its output and exit code."""
    environment = cli_environment(
        INSTIT_BENCH_HOME=str(folder.parent / "home"),
        PATH=f"{folder.parent / 'bin'}:{os.environ['PATH']}",
        CHECKOUT=str(REPOSITORY),
    )
    environment.pop("COLUMNS", None)  # tables are as wide as their content
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=170,
        check=False,
    )
    return done.stdout, done.returncode


def run(example, folder):
    """Run one example and compare its output with the page."""
    for setup in example.setup:
        output, code = bash(f"set -e\n{setup}", folder)
        assert code == 0, f"setup: {setup}\n{output}"
    if example.writes:
        path = folder / example.writes
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(example.code, encoding="utf-8")
        return
    if example.language == "console":
        run_console(example, folder)
        return
    script = example.code
    if example.language == "python":
        (folder / "_example.py").write_text(script, encoding="utf-8")
        script = "python _example.py"
    output, code = bash(f"set -e\n{script}", folder)
    assert code == example.exit_code, output
    if example.printed:
        assert is_printed(example.printed, output, whole=False), output


def run_console(example, folder):
    pairs = list(commands(example.code))
    # The commands share one shell, and each sees the exit code of the previous one.
    between = f"__code=$?; printf '%s' '{MARK}'; (exit $__code)"
    output, _ = bash("\n".join(f"{command}\n{between}" for command, _ in pairs), folder)
    for (command, printed), actual in zip(pairs, output.split(MARK)[:-1], strict=True):
        assert is_printed(printed, actual, whole=True), f"$ {command}\n{actual}"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_examples_of_a_page_run_as_printed(page, folder):
    for example in examples(page):
        absent = example.needs and not (REPOSITORY / example.needs).exists()
        if example.not_run is None and not absent:
            try:
                run(example, folder)
            except AssertionError as error:
                pytest.fail(f"{page.name}:{example.line}: {error}", pytrace=False)


def test_an_example_that_is_not_run_gives_a_reason():
    for page in PAGES:
        for example in examples(page):
            assert example.not_run is None or len(example.not_run) > 10, (page, example.line)

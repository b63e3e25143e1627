"""The docs say what the program does."""

from __future__ import annotations

import re

import pytest

from instit_bench.runs.config import RunConfig
from instit_bench.runs.results import MARKS
from instit_bench.types import State
from tests.conftest import REPOSITORY

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


def read(name):
    return (REPOSITORY / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "command",
    [
        *("run", "score", "export", "leaderboard", "compare", "check", "baseline save"),
        "data verify",
    ],
)
def test_the_command_line_page_has_every_option(cli, command):
    options = set(re.findall(r"--[a-z][a-z-]+", cli(*command.split(), "--help").stdout))
    section = read("docs/cli.md").split(f"## `instit-bench {command}`")[1].split("\n## ")[0]
    assert options <= set(re.findall(r"--[a-z][a-z-]+", section))


def test_every_setting_is_an_option(cli):
    shown = cli("run", "--help").stdout
    settings = {name.replace("_", "-") for name in RunConfig.model_fields} - {"existing"}
    assert {name for name in settings if f"--{name}" not in shown} == set()


def test_the_run_page_names_every_state_and_mark():
    page = read("docs/runs.md")
    assert all(f"`{state}`" in page for state in State)
    assert all(f"| {letter} | `{mark}` |" in page for mark, (letter, _) in MARKS.items())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target

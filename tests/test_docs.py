"""The docs agree with the program."""

from __future__ import annotations

import re

import pytest
import typer

from instit_bench.backends import BackendOptions, BackendSpec
from instit_bench.backends.options import AdapterOptions
from instit_bench.cli.main import app
from instit_bench.datasets.readers import DataKeys, ReaderSpec
from instit_bench.datasets.source import open_source
from instit_bench.evaluation.config import RunConfig
from instit_bench.runs.manifest import Manifest
from instit_bench.runs.marks import MARKS
from instit_bench.runs.record import SampleRecord
from instit_bench.runs.results import RunResults, TaskResult
from instit_bench.scorers.base import ScorerSpec
from instit_bench.types import Metric, Prediction, Sample, State
from scripts import cli_reference
from tests.command_line import REPOSITORY

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


def read(name):
    return (REPOSITORY / name).read_text(encoding="utf-8")


def test_the_first_page_leads_to_every_other():
    first = read("docs/index.md")
    pages = {page.name for page in PAGES} - {"README.md", "index.md"}
    assert pages == {page for page in pages if f"]({page})" in first}
    assert "](docs/index.md)" in read("README.md")


@pytest.mark.parametrize("page", [read("docs/cli.md"), cli_reference.page()], ids=["kept", "made"])
def test_the_command_line_page_has_every_command_and_option(page):
    """Only the names: the next version of the parser may format its help differently."""
    assert documented_options(page) == {
        f"`{path}`": options_of(command) for path, command in COMMANDS.items()
    }


def commands(command, path="instit-bench"):
    """Return the parser's commands by path, including groups."""
    inner = getattr(command, "commands", {}).items()
    return {path: command} | {
        found: of for name, one in inner for found, of in commands(one, f"{path} {name}").items()
    }


COMMANDS = commands(typer.main.get_command(app))


def options_of(command):
    """Return the long options that the parser accepts and shows."""
    shown = command.get_params(command.context_class(command))
    names = {name for one in shown for name in (*one.opts, *one.secondary_opts)} | {"--help"}
    return {name for name in names if name.startswith("--")}


def documented_options(page):
    """Return each command's long options, from the lines that define one."""
    _, *sections = page.split("\n## ")
    return {
        section.split("\n")[0]: {
            name
            for line in re.findall(r"^  (-\S.*?)(?:  |$)", section, re.MULTILINE)
            for name in re.findall(r"--[a-z][a-z-]*", line)
        }
        for section in sections
    }


def test_every_setting_is_an_option():
    settings = {f"--{name.replace('_', '-')}" for name in RunConfig.model_fields}
    assert settings - {"--existing", "--renamed-marks"} <= options_of(COMMANDS["instit-bench run"])


def test_the_run_page_describes_every_state_and_mark():
    page = read("docs/runs.md")
    assert all(f"`{state}`" in page for state in State)
    assert all(f"| {letter} | `{mark}` |" in page for mark, (letter, _) in MARKS.items())


@pytest.mark.parametrize(
    ("model", "heading"),
    [
        (SampleRecord, "## `samples/<task>.jsonl`"),
        (RunResults, "## `results.json`"),
        (TaskResult, "## `results.json`"),
        (Metric, "## `results.json`"),
        (Manifest, "## `manifest.json`"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_run_page_describes_every_field(model, heading):
    section = read("docs/runs.md").split(f"\n{heading}\n")[1].split("\n## ")[0]
    named = {name.partition(".")[0] for name in re.findall(r"`([^`]+)`", section)}
    fields = getattr(model, "model_fields", None) or model.__annotations__
    written = {name for name in fields if not getattr(fields[name], "exclude", False)}
    assert written <= named


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_are_valid(page):
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_plugins_in_the_tasks_page_work(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", read("docs/tasks.md"), re.DOTALL)
    parts: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "docs/tasks.md", "exec"), parts)
    scorer, backend, reader = parts["EXACT"], parts["SHOUTING"], parts["SKY"]
    assert isinstance(scorer, ScorerSpec)
    assert isinstance(backend, BackendSpec)
    assert isinstance(reader, ReaderSpec)
    sample = Sample(task="t", id="1", doc={}, target="blue", cluster="1")
    assert scorer.make(None).score(sample, Prediction(" blue ")).values == {"exact": 1.0}
    options = BackendOptions("m", adapter=AdapterOptions(model_arg=("word=red",)))
    assert backend.make(options).settings() == {"word": "red"}
    (tmp_path / "sky").mkdir()
    (tmp_path / "sky/bright.json").write_text('[{"id": 1}]')
    keys = DataKeys(tmp_path / "stars.yaml", dataset_name="bright")
    assert reader.read(keys, open_source(str(tmp_path))).docs == [{"id": 1}]

"""The docs say what the program does."""

from __future__ import annotations

import re

import pytest

from instit_bench.backends import BackendOptions, BackendSpec
from instit_bench.backends.options import AdapterOptions
from instit_bench.datasets.readers import DataKeys, ReaderSpec
from instit_bench.datasets.source import open_source
from instit_bench.evaluation.config import RunConfig
from instit_bench.runs.manifest import Manifest
from instit_bench.runs.marks import MARKS
from instit_bench.runs.record import SampleRecord
from instit_bench.runs.results import MetricResult, RunResults, TaskResult
from instit_bench.scorers.base import ScorerSpec
from instit_bench.types import Prediction, Sample, State
from scripts import cli_reference
from tests.conftest import REPOSITORY

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


def read(name):
    return (REPOSITORY / name).read_text(encoding="utf-8")


def test_the_command_line_page_has_every_command_and_option():
    """Not every letter: the parser's next version may lay its help out otherwise."""
    assert names(read("docs/cli.md")) == names(cli_reference.page())


def names(page):
    """Each command's options."""
    _, *sections = page.split("\n## ")
    return {
        section.split("\n")[0]: set(re.findall(r"--[a-z][a-z-]+", section)) for section in sections
    }


def test_every_setting_is_an_option(cli):
    shown = cli("run", "--help").stdout
    settings = {name.replace("_", "-") for name in RunConfig.model_fields} - {"existing"}
    assert {name for name in settings if f"--{name}" not in shown} == set()


def test_the_run_page_names_every_state_and_mark():
    page = read("docs/runs.md")
    assert all(f"`{state}`" in page for state in State)
    assert all(f"| {letter} | `{mark}` |" in page for mark, (letter, _) in MARKS.items())


@pytest.mark.parametrize(
    ("model", "heading"),
    [
        (SampleRecord, "## `samples/<task>.jsonl`"),
        (RunResults, "## `results.json`"),
        (TaskResult, "## `results.json`"),
        (MetricResult, "## `results.json`"),
        (Manifest, "## `manifest.json`"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_run_page_names_every_field(model, heading):
    section = read("docs/runs.md").split(f"\n{heading}\n")[1].split("\n## ")[0]
    named = {name.partition(".")[0] for name in re.findall(r"`([^`]+)`", section)}
    written = {name for name, field in model.model_fields.items() if not field.exclude}
    assert written <= named


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
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

"""The example notebook runs in a real Jupyter kernel and gives its stored outputs."""

from __future__ import annotations

import inspect

import nbformat
import pytest
from nbclient import NotebookClient

import instit_bench
from tests.command_line import REPOSITORY, cli_environment

NOTEBOOK = REPOSITORY / "examples/notebook.ipynb"


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(
        notebook, timeout=120, resources={"metadata": {"path": str(folder)}}, kernel_name="python3"
    )
    client.execute(env=cli_environment(INSTIT_BENCH_HOME=str(folder / "home")))
    return notebook


def outputs(notebook):
    """Return the output of each code cell as one text: what is printed may come in pieces."""
    return [
        "".join(o.get("data", {}).get("text/plain") or o.get("text", "") for o in cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def test_the_notebook_runs_and_gives_its_stored_outputs(executed):
    assert outputs(executed) == outputs(nbformat.read(NOTEBOOK, as_version=4))


def test_it_uses_every_public_function():
    source = "\n".join(c.source for c in nbformat.read(NOTEBOOK, as_version=4).cells)
    functions = [
        name for name in instit_bench.__all__ if inspect.isfunction(getattr(instit_bench, name))
    ]
    assert len(functions) == 16
    assert [name for name in functions if f"instit_bench.{name}(" not in source] == []


def test_it_shows_tables_and_bars(executed):
    pages = [
        output.data.get("text/html", "")
        for cell in executed.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "data" in output
    ]
    for shown in ("<progress", "random-demo: random, finished", "compared with random-demo"):
        assert any(shown in page for page in pages), shown

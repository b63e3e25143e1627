"""The example notebook runs in a real Jupyter kernel and gives its stored outputs."""

from __future__ import annotations

import nbformat
import pytest
from nbclient import NotebookClient

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
    """Return the output of each code cell as text."""
    return [
        [output.get("data", {}).get("text/plain", output.get("text")) for output in cell.outputs]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def test_the_notebook_runs_and_gives_its_stored_outputs(executed):
    assert outputs(executed) == outputs(nbformat.read(NOTEBOOK, as_version=4))


def test_a_run_works_inside_a_running_event_loop(tmp_path):
    import asyncio

    import instit_bench

    async def inside():
        return instit_bench.run(
            model="first", backend="baseline", data="demo", tasks="gpt4tools_seen", output=tmp_path
        )

    assert asyncio.run(inside()).metrics.task.unique() == ["gpt4tools_seen"]

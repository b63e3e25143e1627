"""``--ray`` together with other ways to run (``-m ray``)."""

from __future__ import annotations

import json

import pytest

from tests.cluster.test_replicas import journals
from tests.command_line import cli_process_in

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

SUITE = """
baseline: first
output: {output}
defaults: {{data: demo, backend: baseline{more}}}
models:
  - {{name: first, model: random}}
  - {{name: second, model: "text:A"}}
"""


def results(folder, name):
    """What a run found of each task."""
    return json.loads((folder / name / "results.json").read_text())["tasks"]


def test_a_suite_on_ray_is_the_suite_without(tmp_path):
    cli = cli_process_in(tmp_path)
    for output, more in (("alone", ""), ("spread", ", ray: local, replicas: 1")):
        (tmp_path / f"{output}.yaml").write_text(SUITE.format(output=output, more=more))
        done = cli("suite", f"{output}.yaml")
        assert done.returncode == 0, done.stderr
    for name in ("first", "second"):
        kept = json.loads((tmp_path / f"spread/{name}/manifest.json").read_text())
        assert kept["settings"]["ray"]["replicas"] == 1
        assert journals(tmp_path, f"spread/{name}") == journals(tmp_path, f"alone/{name}")
        assert results(tmp_path, f"spread/{name}") == results(tmp_path, f"alone/{name}")

"""``instit-bench explain``: faults of each class, injected and found again."""

from __future__ import annotations

import pytest

from scripts.explain_faults import FAULTS, begin, measure, table
from tests.command_line import cli_in
from tests.comparison.scripted_model import ScriptedModel
from tests.openai_server import openai_server

MODELS = {
    "plain": ScriptedModel(),
    "noisy": ScriptedModel(noise=0.06),
    "other": ScriptedModel(weights=1),
}
MEDIA = 8


@pytest.fixture(scope="module")
def faults(tmp_path_factory):
    """The runs with faults, and how their flips were classed."""
    folder = tmp_path_factory.mktemp("faults")
    cli = cli_in(folder)
    rows = []
    for name, model in MODELS.items():
        with openai_server(model) as server:
            if name == "plain":
                begin(cli, folder, server.base_url, MEDIA)
            rows += measure(cli, folder, name, server.base_url)
    return folder, rows


def test_injected_faults_are_classed_right(faults):
    _, rows = faults
    assert [row.fault for row in rows] == list(FAULTS)
    for row in rows:
        assert row.flips >= 8, row.fault.name
        assert row.right >= 0.95 * row.flips, table(rows)

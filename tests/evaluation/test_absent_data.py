"""``run`` where the data of some tasks are not there."""

from __future__ import annotations

import json
import shutil

import pytest

from instit_bench.resources import demo_data


@pytest.fixture
def only_tools(tmp_path):
    """A data folder that lacks Inst-IT Bench."""
    folder = tmp_path / "data"
    shutil.copytree(demo_data() / "gpt4tools", folder / "gpt4tools")
    return folder


def test_a_task_without_data_is_skipped_with_a_warning(cli, tmp_path, only_tools):
    options = ["--model", "echo-gold", "--backend", "baseline", "--data", only_tools]
    done = cli("run", *options, "--name", "r")
    assert done.returncode == 0, done.stderr
    warning = "warning: inst_it_video_oe is skipped: "
    assert done.stderr.count(warning) == 2  # at the start and at the end
    results = json.loads((tmp_path / "results/r/results.json").read_text())
    assert list(results["tasks"]) == ["gpt4tools_seen", "gpt4tools_unseen"]
    dry = cli("run", *options, "--dry-run")
    assert "inst_it_video_oe is skipped: " in dry.stderr


@pytest.mark.parametrize("tasks", ["gpt4tools,inst_it_video_oe", "inst_it_bench"])
def test_a_task_without_data_is_an_error_if_it_is_named_or_none_is_left(cli, only_tools, tasks):
    done = cli(
        *("run", "--model", "echo-gold", "--backend", "baseline"),
        *("--data", only_tools, "--tasks", tasks),
    )
    assert done.returncode == 2
    assert "data for Inst-IT Bench config" in done.stderr
    assert "skipped" not in done.stderr

"""What the program starts or calls reports nothing about its use."""

from __future__ import annotations

import subprocess
import sys

import pytest

from instit_bench.backends.lmms_eval import process
from instit_bench.backends.vllm import server
from instit_bench.resources import NO_TELEMETRY
from tests.command_line import cli_environment

NAMES = {"VLLM_NO_USAGE_STATS", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK"}


@pytest.mark.parametrize(
    "environment", [lambda: server._environment("k", None), process._environment]
)
def test_an_engine_or_model_reports_no_usage(monkeypatch, environment):
    for name in NAMES:
        monkeypatch.setenv(name, "0")
    assert {name: environment()[name] for name in NAMES} == dict.fromkeys(NAMES, "1")
    assert NO_TELEMETRY.keys() == NAMES


def test_neither_does_the_hub_s_client():
    program = (
        "from instit_bench.datasets.hub import cached_snapshot\n"
        "assert cached_snapshot('image_multi_choice', 'main') is None\n"
        "from huggingface_hub import constants\n"
        "print(constants.HF_HUB_DISABLE_TELEMETRY)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=cli_environment(HF_HOME="/nowhere"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "True\n", done.stderr

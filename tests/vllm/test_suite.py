"""``examples/suite.yaml`` with the real engine: killed, resumed, and one model failing."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from tests.command_line import REPOSITORY, cli_environment
from tests.finished_run import read_jsonl
from tests.openai_server import Reply, openai_server
from tests.vllm.conftest import SMALL

pytestmark = pytest.mark.vllm

TASKS = {"inst_it_image_mc": 16, "inst_it_video_mc": 16, "gpt4tools_unseen": 24}


def test_the_example_is_killed_resumed_with_one_model_failing_and_finished(tmp_path, models):
    (tmp_path / "models").symlink_to(models)
    example = (REPOSITORY / "examples/suite.yaml").read_text()
    file = tmp_path / "suite.yaml"
    environment = cli_environment(INSTIT_BENCH_HOME=str(tmp_path / "home"), COLUMNS="80", **SMALL)

    def suite(address: str) -> subprocess.Popen[str]:
        file.write_text(example.replace("http://127.0.0.1:8000/v1", address))
        return subprocess.Popen(
            [sys.executable, "-m", "instit_bench", "suite", file.name],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def states(run: str) -> list[str]:
        journals = (tmp_path / f"results/suite/{run}/samples/{task}.jsonl" for task in TASKS)
        return [r["state"] for path in journals if path.is_file() for r in read_jsonl(path)]

    with openai_server(lambda _: Reply("A", delay_s=0.4)) as server:
        address = server.base_url
        process = suite(address)
        while len(server.requests) < 12:
            assert process.poll() is None
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    before = len(states("local"))
    assert 0 < before < sum(TASKS.values())

    out, err = suite(address).communicate()  # the endpoint is gone now
    assert re.search(r"^\[2/3\] local: .* failed: cannot reach", err, re.MULTILINE)
    assert "instit-bench: error: 1 of 3 runs did not succeed: local; " in err
    assert "local (failed)" in out
    assert len(states("tiny")) == 12  # its limit holds for each of the three tasks
    answered = len(states("local")) - states("local").count("infer_error")
    assert answered >= before

    with openai_server(lambda _: Reply("A")) as server:
        process = suite(server.base_url)
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert len(server.requests) == sum(TASKS.values()) - answered
    for run in ("local", "tiny"):
        assert f"{run} against random" in out
        assert re.search(rf"^ {run} +\S+ D", out, re.MULTILINE)
    engine = json.loads((tmp_path / "results/suite/tiny/results.json").read_text())["engine"]
    assert engine["starts"] == 1  # a finished run starts no engine

"""The real engine as a judge: its grammar lets nothing but a score through."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.command_line import cli_environment
from tests.vllm.conftest import SMALL

pytestmark = pytest.mark.vllm
QUICK = ("enforce-eager", "max-num-seqs=8", "dtype=float32")


def run(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "instit_bench", *map(str, arguments)],
        cwd=folder,
        env=cli_environment(INSTIT_BENCH_HOME=str(folder / "home"), **SMALL),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_every_reply_of_the_engine_is_a_score(models, tmp_path):
    generated = run(
        tmp_path,
        *("run", "--model", "echo-gold", "--backend", "baseline", "--data", "demo"),
        *("--tasks", "inst_it_image_oe,inst_it_video_oe", "--name", "r"),
    )
    assert generated.returncode == 0, generated.stderr
    options = [word for option in QUICK for word in ("--judge-engine-arg", option)]
    judged = run(tmp_path, "judge", "results/r", "--judge", f"vllm:{models / 'text'}", *options)
    assert judged.returncode == 0, judged.stderr
    results = json.loads((tmp_path / "results/r/results.json").read_text())
    for task in results["tasks"].values():
        assert task["coverage"] == 1.0
        (judge,) = task["judging"]["judges"].values()
        assert (judge["n"], judge["calls"], judge["errors"]) == (16, 16, 0)
    said = (tmp_path / "results/r/judgements/inst_it_image_oe.jsonl").read_text().splitlines()
    steps = [step / 10 for step in range(11)]
    assert all(json.loads(line)["score"] in steps for line in said)
    log = (tmp_path / "results/r/judge-engine.log").read_text()
    assert "VLLM_API_KEY" not in log

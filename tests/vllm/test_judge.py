"""The real engine as a judge: its grammar allows nothing but a score."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.command_line import cli_environment
from tests.vllm.conftest import SMALL
from tests.vllm.processes import key_of_engine

pytestmark = pytest.mark.vllm
QUICK = ("enforce-eager", "max-num-seqs=8", "dtype=float32")


def test_every_reply_of_the_engine_is_a_score_and_its_key_is_never_recorded(cli, models, tmp_path):
    generated = cli(
        *("run", "--model", "echo-gold", "--backend", "baseline", "--data", "demo"),
        *("--tasks", "inst_it_image_oe,inst_it_video_oe", "--name", "r"),
    )
    assert generated.returncode == 0, generated.stderr
    options = [word for option in QUICK for word in ("--judge-engine-arg", option)]
    judge = ("judge", "results/r", "--judge", f"vllm:{models / 'text'}", *options)
    judging = subprocess.Popen(
        [sys.executable, "-m", "instit_bench", *judge],
        cwd=tmp_path,
        env=cli_environment(INSTIT_BENCH_HOME=str(tmp_path / "home"), **SMALL),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    key = key_of_engine(judging.pid)
    out, err = judging.communicate(timeout=500)
    assert judging.returncode == 0, err
    results = json.loads((tmp_path / "results/r/results.json").read_text())
    for task in results["tasks"].values():
        assert task["coverage"] == 1.0
        (judge,) = task["judging"]["judges"].values()
        assert (judge["n"], judge["calls"], judge["errors"]) == (16, 16, 0)
    said = (tmp_path / "results/r/judgements/inst_it_image_oe.jsonl").read_text().splitlines()
    steps = [step / 10 for step in range(11)]
    assert all(json.loads(line)["score"] in steps for line in said)
    assert (tmp_path / "results/r/judge-engine.log").stat().st_size > 0
    assert key not in out + err
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in files if key.encode() in path.read_bytes()] == []

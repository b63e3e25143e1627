"""A tiny random model as the instruction writer: nonsense in, every line dropped, no crash.

On demand, as it starts an engine of its own: ``pytest -m vllm tests/vllm/test_generate.py``.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.command_line import cli_environment
from tests.finished_run import read_jsonl
from tests.vllm.conftest import QUICK, SMALL

pytestmark = [pytest.mark.vllm, pytest.mark.reliability]


def test_every_line_of_a_random_writer_is_dropped_with_a_reason(models, tmp_path):
    captions = [{"file_name": f"{n}.jpg", "caption": f"A cat {n}."} for n in range(3)]
    (tmp_path / "c.json").write_text(json.dumps(captions))

    def run(*words):
        return subprocess.run(
            [sys.executable, "-m", "instit_bench", "generate", *map(str, words)],
            cwd=tmp_path,
            env=cli_environment(INSTIT_BENCH_HOME=str(tmp_path / "home"), **SMALL),
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )

    writer = ("--model", models / "text", "--tools", "novel", "--max-tokens", 48, *QUICK)
    done = run("instructions", "--captions", "c.json", *writer)
    assert done.returncode == 0, done.stderr
    assert "3 replies, 0 failed" in done.stdout
    replies = read_jsonl(tmp_path / "instructions" / "instructions.jsonl")
    assert sorted(one["id"] for one in replies) == [1, 2, 3]
    assert all(one["usage"]["completion_tokens"] for one in replies)
    computed = [
        one["usage"]["prompt_tokens"] - (one["usage"]["cached_tokens"] or 0) for one in replies
    ]
    assert max(computed) < 100, "the tools are computed once, by the request of the engine's test"

    done = run("items", "instructions", "--tools", "novel")
    assert done.returncode == 1
    assert "no item could be made" in done.stderr
    dropped = read_jsonl(tmp_path / "items" / "dropped.jsonl")
    assert {one["caption"] for one in dropped} == {1, 2, 3}
    assert all(one["reason"] for one in dropped)
    assert read_jsonl(tmp_path / "items" / "items.jsonl") == []

"""Scoring a very long reply does not stop the other requests."""

from __future__ import annotations

import threading

import pytest

from instit_bench.evaluation import scoring
from tests.openai_server import Reply, openai_server


@pytest.mark.parametrize(("length", "in_a_thread"), [(10, False), (200_000, True)])
def test_a_long_reply_is_scored_in_a_thread(cli, monkeypatch, length, in_a_thread):
    scored, record = [], scoring.TaskScorer.record

    def watched(scorer, *words):
        scored.append(threading.current_thread() is not threading.main_thread())
        return record(scorer, *words)

    monkeypatch.setattr(scoring.TaskScorer, "record", watched)
    with openai_server(lambda _: Reply("B" + " " * length + ".")) as server:
        done = cli(
            *("run", "--model", "m", "--backend", "openai", "--base-url", server.base_url),
            *("--data", "demo", "--tasks", "inst_it_image_mc", "--limit", 2),
        )
    assert done.returncode == 0, done.stderr
    assert scored == [in_a_thread] * 2

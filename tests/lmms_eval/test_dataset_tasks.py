"""The Inst-IT Dataset's tasks inside lmms-eval: the same metrics as in our runs."""

from __future__ import annotations

import json

import pytest

from instit_bench.evaluation.config import make_config
from instit_bench.evaluation.plan import make_plan
from tests.lmms_eval.conftest import score_here

pytestmark = pytest.mark.lmms_eval

GROUPS = "inst_it_dataset,inst_it_dataset_images"
N_TASKS = 8


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """Replies by task and sample, every second one that of another sample, and a file of them."""
    config = make_config(None, {"model": "tiny", "data": "demo", "tasks": GROUPS.split(",")})
    by_prompt: dict[str, str] = {}
    by_sample: dict[str, dict[str, str]] = {}
    for plan in make_plan(config).tasks:
        targets = [sample.target for sample in plan.samples]
        for place, sample in enumerate(plan.samples):
            prompt = plan.request(sample).messages[0].text
            reply = by_prompt.setdefault(prompt, targets[place - place % 2])
            by_sample.setdefault(plan.task.name, {})[sample.id] = reply
    file = tmp_path_factory.mktemp("said") / "replies.json"
    file.write_text(json.dumps(by_prompt))
    return file, by_sample


def test_every_metric_of_every_task_is_the_same_to_1e_9(lmms_eval, said, tmp_path):
    file, by_sample = said
    theirs = lmms_eval(tasks=GROUPS, TINY_REPLIES=str(file), INSTIT_BENCH_JUDGE="lexical")
    assert theirs.code == 0, theirs.err
    assert len(by_sample) == N_TASKS
    for task, replies in by_sample.items():
        found = theirs.metrics(task)
        ours = score_here(tmp_path, task, replies, "--data", "demo", "--judge", "lexical")
        expected = {name: m["value"] for name, m in ours["metrics"].items() if m["n"]}
        assert {name for name in found if "_stderr" not in name} == set(expected), task
        for name, value in expected.items():
            assert found[name] == pytest.approx(value, abs=1e-9), (task, name)

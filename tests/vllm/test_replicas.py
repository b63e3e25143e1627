"""Two engines as replicas of one run: questions on an image go to the one that computes it.

At the very end an engine with nothing to do takes over what waits at the other: only the last group
of questions may be split, and its images be computed by both.

On demand, as it starts two engines and a Ray cluster. Ray must be there besides vLLM, installed or
on PYTHONPATH:
``pytest -m "vllm and ray" tests/vllm/test_replicas.py``.
"""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass

import pytest

from tests.command_line import REPOSITORY
from tests.finished_run import Run, read_jsonl

pytest.importorskip("ray")
pytestmark = [pytest.mark.vllm, pytest.mark.ray, pytest.mark.reliability]

TASKS = ("inst_it_image_mc", "inst_it_image_oe", "inst_it_video_mc", "inst_it_video_oe")


@dataclass(frozen=True)
class Engine:
    """What one engine was asked after its start, and what its counters say of that time.

    ``images`` are the names of the images of each request, ``tried`` those of the request with
    which it was tested at its start.
    """

    tried: frozenset[str]
    images: list[tuple[str, ...]]
    before: dict[str, float]
    after: dict[str, float]

    @property
    def asked_for(self) -> frozenset[str]:
        return frozenset(name for names in self.images for name in names)

    def counted(self, name: str) -> float:
        return self.after.get(name, 0) - self.before.get(name, 0)

    @property
    def computed(self) -> float:
        """How many images were not in its cache."""
        return self.counted("media_cache_queries") - self.counted("media_cache_hits")


def engine(lines) -> Engine:
    """Read what the recorder wrote in one engine's process; its first request is the test."""
    posts = [line for line in lines if line["body"]]
    images = [
        tuple(
            part["uuid"]
            for message in post["body"]["messages"]
            if isinstance(message["content"], list)
            for part in message["content"]
            if part["type"] == "image_url"
        )
        for post in posts
    ]
    return Engine(frozenset(images[0]), images[1:], posts[1]["counters"], lines[-1]["counters"])


@pytest.fixture(scope="module")
def spread(run, models, tmp_path_factory) -> tuple[Run, list[Engine]]:
    """A run over two engines, and what each of them did."""
    asked = tmp_path_factory.mktemp("asked") / "requests.jsonl"
    done = run(
        *(models / "vision", "--tasks", "inst_it_bench", "--ray", "local", "--replicas", 2),
        *("--gpus-per-replica", 0, "--concurrency", 4),
        *("--engine-arg", "middleware=tests.vllm.recorder.count"),
        name="spread",
        RECORDED_REQUESTS=str(asked),
        PYTHONPATH=os.pathsep.join(filter(None, (str(REPOSITORY), os.environ.get("PYTHONPATH")))),
    )
    assert done.code == 0, done.err
    by_process = defaultdict(list)
    for line in read_jsonl(asked):
        by_process[line["process"]].append(line)
    return done, [engine(lines) for lines in by_process.values()]


def test_both_engines_answer(spread):
    done, engines = spread
    assert {r["error"] for task in TASKS for r in done.records(task)} == {None}
    assert len(engines) == 2
    assert sum(len(one.images) for one in engines) == 4 * 16
    assert all(len(one.images) > 4 for one in engines)


def split_groups(engines):
    """The images of which both engines were asked."""
    one, other = engines
    return {*one.images} & {*other.images}


def test_only_the_last_group_to_begin_may_be_split(spread):
    _, engines = spread
    begun = [list(dict.fromkeys(one.images)) for one in engines]
    assert sum(map(len, begun)) in (8 + 5, 8 + 5 + 1)
    assert all(group in (groups[-1] for groups in begun) for group in split_groups(engines))


def test_each_image_is_computed_once_by_the_engines_counters(spread):
    _, engines = spread
    for one in engines:
        assert one.counted("media_cache_queries") == sum(map(len, one.images))
        assert one.computed == len(one.asked_for - one.tried)
    different = frozenset().union(*(one.asked_for for one in engines))
    known = sum(len(one.asked_for & one.tried) for one in engines)
    twice = frozenset(name for group in split_groups(engines) for name in group)
    assert sum(one.computed for one in engines) == len(different) - known + len(twice)


def test_each_prompt_is_computed_once_up_to_where_its_question_begins(spread):
    """As with one engine: of all questions on a video, one computes its images."""
    done, engines = spread
    again = len(split_groups(engines))
    for task in TASKS[2:]:
        by_video = defaultdict(list)
        for record in done.records(task):
            by_video[record["cluster"]].append(record["usage"])
        for usages in by_video.values():
            computed = [u["prompt_tokens"] - (u["cached_tokens"] or 0) for u in usages]
            again -= max(0, sum(c > 300 for c in computed) - 1)
    assert again >= 0

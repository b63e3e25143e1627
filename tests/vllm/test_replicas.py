"""Two engines as replicas of one run, as its model and as its judge.

Questions on an image go to the engine that computes it.

At the very end an engine with nothing to do takes over what waits at the other: only the last group
of questions may be split, and its images be computed by both.

On demand, as it starts two engines and a Ray cluster. Ray must be there besides vLLM, installed or
on PYTHONPATH:
``pytest -m "vllm and ray" tests/vllm/test_replicas.py``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass

import pytest

from tests.command_line import REPOSITORY, cli_environment
from tests.finished_run import Run, read_jsonl
from tests.vllm.conftest import SMALL

pytest.importorskip("ray")
pytestmark = [pytest.mark.vllm, pytest.mark.ray, pytest.mark.reliability]

TASKS = ("inst_it_image_mc", "inst_it_image_oe", "inst_it_video_mc", "inst_it_video_oe")
PATH = os.pathsep.join(filter(None, (str(REPOSITORY), os.environ.get("PYTHONPATH"))))


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
        PYTHONPATH=PATH,
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


@pytest.fixture(scope="module")
def judged(spread, models, tmp_path_factory):
    """Return a function that judges a copy of the run, and tells whom it asked how often."""
    done, _ = spread
    folder = tmp_path_factory.mktemp("judged")
    options = ("enforce-eager", "max-num-seqs=8", "dtype=float32")
    options = (*options, "middleware=tests.vllm.recorder.together")

    def judge(name, *where, engines=1):
        shutil.copytree(done.folder, folder / name)
        asked = folder / f"{name}.jsonl"
        process = subprocess.run(
            [
                *(sys.executable, "-m", "instit_bench", "judge", str(folder / name)),
                *("--judge", f"vllm:{models / 'text'}", "--judge-concurrency", "4"),
                *(word for option in options for word in ("--judge-engine-arg", option)),
                *map(str, where),
            ],
            env=cli_environment(
                INSTIT_BENCH_HOME=str(folder / f"{name}-home"),
                RECORDED_REQUESTS=str(asked),
                RECORDED_ENGINES=str(engines),
                PYTHONPATH=PATH,
                **SMALL,
            ),
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
        assert process.returncode == 0, process.stderr
        bodies = defaultdict(list)
        for line in read_jsonl(asked):
            if line["body"]:
                bodies[line["process"]].append(line["body"])
        said = [
            (record["id"], record["score"], record["raw"])
            for task in (TASKS[1], TASKS[3])
            for record in read_jsonl(folder / name / f"judgements/{task}.jsonl")
        ]
        return sorted(said), list(bodies.values())

    return judge


def test_two_engines_judge_as_one_does(judged):
    alone, (asked,) = judged("alone")
    replicas = ("--ray", "local", "--replicas", 2, "--judge-gpus-per-replica", 0)
    spread, engines = judged("two", *replicas, engines=2)
    assert spread == alone
    assert len(alone) == len(asked) == 2 * 16
    assert len(engines) == 2
    assert all(len(bodies) > 4 for bodies in engines)

    def texts(*engines):
        return sorted(str(sorted(body.items())) for bodies in engines for body in bodies)

    assert texts(*engines) == texts(asked), "each question once, in the same words"

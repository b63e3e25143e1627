"""A judge of one's own on the replicas of a Ray cluster (``-m ray``, some minutes).

The judge's engine is a stand-in; tests/vllm/test_replicas.py has the real one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.cluster.machines import install_backend, machines
from tests.cluster.test_replicas import journals, when
from tests.command_line import cli_environment
from tests.judge_engine import break_replica_of, install_engine, kill_replica_of, log_of

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

TASKS = ("inst_it_image_oe", "inst_it_video_oe")
ANSWERS, AT_ONCE = 32, 2


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the backend `slow` and the stand-in for vLLM."""
    return install_engine(install_backend(tmp_path_factory.mktemp("plugins") / "installed"))


@pytest.fixture(scope="module")
def cluster(installed):
    """Its nodes do not hide GPUs, as users of Ray can choose: the replicas do so themselves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES", "1")
        yield from _cluster(installed)


def _cluster(installed):
    with machines(Path("/tmp") / f"ib{os.getpid()}j", installed) as found:
        yield found


class Runs:
    """Commands in a folder, each in a process with a cache of verdicts of its own."""

    def __init__(self, folder: Path, installed: Path, address: str) -> None:
        self.folder, self.engine = folder, installed
        self.on_ray = ("--ray", address)
        (installed / "delay").write_text("0")
        (installed / "refuse").unlink(missing_ok=True)

    def start(self, home: str, *words: object) -> subprocess.Popen[str]:
        (self.engine / "log").unlink(missing_ok=True)
        env = cli_environment(INSTIT_BENCH_HOME=str(self.folder / home))
        env["PYTHONPATH"] = os.pathsep.join([str(self.engine), env["PYTHONPATH"]])
        return subprocess.Popen(
            [sys.executable, "-m", "instit_bench", *map(str, words)],
            cwd=self.folder,
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def do(self, home: str, *words: object) -> tuple[int, str]:
        process = self.start(home, *words)
        _, errors = process.communicate(timeout=240)
        return process.returncode, errors

    def generate(self, name: str, *more: object, home: str = "home") -> tuple[int, str]:
        """A run of the open-ended questions, whose model is the backend `slow`."""
        return self.do(
            home,
            *("run", "--model", "m", "--backend", "slow", "--data", "demo", "--output", "."),
            *("--tasks", ",".join(TASKS), "--name", name, "--fail-on-error", 9),
            *("--model-arg", f"folder={self.folder}", "--model-arg", "delay=0.02", *more),
        )

    def judge(self, name: str, *more: object) -> tuple[object, ...]:
        """The words that judge a run by the stand-in."""
        by = ("--judge", "vllm:j", "--judge-concurrency", AT_ONCE, "--fail-on-error", 9)
        return ("judge", name, *by, *more)

    @property
    def asked(self) -> Counter[str]:
        return Counter(item for what, _, item, *_ in log_of(self.engine) if what == "asked")

    @property
    def answered_by(self) -> Counter[int]:
        return Counter(int(pid) for what, pid, *_ in log_of(self.engine) if what == "answered")

    def wait_for(self, answers: int) -> None:
        deadline = time.monotonic() + 120
        while sum(self.answered_by.values()) < answers:
            assert time.monotonic() < deadline, "too few answers"
            time.sleep(0.05)


@pytest.fixture
def runs(tmp_path, installed, cluster):
    return Runs(tmp_path, installed, cluster.address)


def verdicts(folder, name):
    """Every verdict that is on disk, whenever it came."""
    found = {}
    for path in sorted((folder / name / "judgements").glob("*.jsonl")):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        found[path.name] = sorted(json.dumps(line | {"at": None}) for line in lines)
    return found


def results(folder, name):
    return json.loads((folder / name / "results.json").read_text())["tasks"]


def judged(runs, *names):
    """Runs of these names without verdicts, and the same judged without Ray, ``alone``."""
    for name in ("alone", *names):
        assert runs.generate(name, "--judge", "none")[0] == 0
    code, errors = runs.do("alone-home", *runs.judge("alone"))
    assert code == 0, errors
    return verdicts(runs.folder, "alone")


def test_replicas_judge_as_one_engine_does_though_one_dies(runs):
    alone = judged(runs, "spread")
    answers = sum(map(len, alone.values()))
    (runs.engine / "delay").write_text("1.5")

    def kill_one():
        kill_replica_of(next(iter(runs.answered_by)))

    (runs.engine / "log").unlink()
    killer = when(lambda: sum(runs.answered_by.values()) >= 6, kill_one)
    code, errors = runs.do("home", *runs.judge("spread", *runs.on_ray))
    killer.join()
    assert code == 0, errors
    assert errors.count(" died: ") == 1
    assert verdicts(runs.folder, "spread") == alone
    assert results(runs.folder, "spread") == results(runs.folder, "alone")
    assert len(runs.asked) == answers
    assert sum(runs.asked.values()) <= answers + AT_ONCE, "only what was in flight"
    assert len(runs.answered_by) == 3, "two, and one in the place of the one that died"
    assert (runs.folder / "spread/replicas/judge j 1/engine.log").exists()


def test_an_engine_that_cannot_be_restarted_ends_its_replica_only(runs):
    alone = judged(runs, "spread")
    (runs.engine / "delay").write_text("0.5")
    (runs.engine / "log").unlink()
    breaker = when(
        lambda: sum(runs.answered_by.values()) >= 6,
        lambda: break_replica_of(next(iter(runs.answered_by)), runs.engine),
    )
    code, errors = runs.do("home", *runs.judge("spread", *runs.on_ray))
    breaker.join()
    assert code == 0, errors
    assert "died: the engine died and did not restart: " in errors
    assert verdicts(runs.folder, "spread") == alone
    assert len(runs.answered_by) == 3, "two, and one in the place of the one that broke"


def test_a_run_has_its_answers_judged_on_the_gpus_that_generation_has_freed(runs):
    code, errors = runs.generate("alone", "--judge", "vllm:j", home="alone-home")
    assert code == 0, errors
    gpus = ("--gpus-per-replica", 1, "--judge-concurrency", AT_ONCE)
    (runs.engine / "delay").write_text("0.4")
    code, errors = runs.generate("spread", "--judge", "vllm:j", *gpus, *runs.on_ray)
    assert code == 0, errors
    assert journals(runs.folder, "spread") == journals(runs.folder, "alone")
    assert verdicts(runs.folder, "spread") == verdicts(runs.folder, "alone")
    assert results(runs.folder, "spread") == results(runs.folder, "alone")
    started = [gpu for what, _, gpu, *_ in log_of(runs.engine) if what == "started"]
    assert started == ["0", "0"], "one on each node, with the GPU that its model has freed"


def test_judging_that_is_killed_resumes_and_pays_nothing_twice(runs):
    alone = judged(runs, "killed")
    (runs.engine / "delay").write_text("0.4")
    driver = runs.start("home", *runs.judge("killed", *runs.on_ray))
    runs.wait_for(10)
    driver.kill()
    driver.communicate()
    kept = sum(map(len, verdicts(runs.folder, "killed").values()))
    assert 4 < kept < sum(map(len, alone.values()))
    code, errors = runs.do("home", *runs.judge("killed", *runs.on_ray))
    assert code == 0, errors
    assert verdicts(runs.folder, "killed") == alone
    assert sum(runs.asked.values()) == sum(map(len, alone.values())) - kept


def test_an_engine_that_does_not_start_says_why_and_on_which_node(runs):
    assert runs.generate("r", "--judge", "none")[0] == 0
    (runs.engine / "refuse").touch()
    code, errors = runs.do("home", *runs.judge("r", *runs.on_ray))
    assert code == 2
    last = errors.splitlines()[-1]
    assert "judge vllm:j: no replica started: node-" in last
    assert "CUDA out of memory" in last


def test_more_gpus_than_any_node_has_are_refused(runs):
    assert runs.generate("r", "--judge", "none")[0] == 0
    code, errors = runs.do("home", *runs.judge("r", "--judge-gpus-per-replica", 8, *runs.on_ray))
    assert code == 2
    assert "no node has the GPUs of one replica, 8" in errors.splitlines()[-1]

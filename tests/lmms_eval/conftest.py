"""Tests of the real lmms-eval with tiny models; skipped if it is not installed."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from shutil import copy
from typing import Any

import pytest

from tests.command_line import REPOSITORY, cli_environment, cli_in
from tests.finished_run import read_jsonl
from tests.lmms_eval.preloaded import Preloaded, preloaded

INST_IT = ("inst_it_image_mc", "inst_it_image_oe", "inst_it_video_mc", "inst_it_video_oe")
GPT4TOOLS = ("gpt4tools_seen", "gpt4tools_unseen")
TASKS = INST_IT + GPT4TOOLS
UNREADABLE = "I cannot tell."
REASONED = 0.3


def pytest_collection_modifyitems(items):
    for item in items:
        if "lmms_eval" in item.keywords:
            item.add_marker(pytest.mark.timeout(600))
    try:
        version("lmms_eval")
    except PackageNotFoundError:
        reason = "lmms-eval is not installed; .ci/lmms-eval-env DIR installs it"
        for item in items:
            if "lmms_eval" in item.keywords:
                item.add_marker(pytest.mark.skip(reason=reason))


@dataclass(frozen=True)
class Replies:
    """The tiny models' replies for the demo data: by prompt (a file), and by task and sample."""

    file: Path
    by_sample: dict[str, dict[str, str]]


@pytest.fixture(scope="session")
def replies(tmp_path_factory) -> Replies:
    """Right, wrong and unreadable replies, some with reasoning, mixed with a fixed seed."""
    from instit_bench.evaluation.config import make_config
    from instit_bench.evaluation.plan import make_plan

    rng = random.Random(5)
    by_prompt: dict[str, str] = {}
    by_sample: dict[str, dict[str, str]] = {}
    for plan in make_plan(make_config(None, {"model": "tiny", "data": "demo"})).tasks:
        targets = [sample.target for sample in plan.samples]
        for sample in plan.samples:
            prompt = plan.request(sample).messages[0].text
            said = rng.choice([sample.target, sample.target, rng.choice(targets), UNREADABLE])
            if rng.random() < REASONED:
                said = f"<think>{rng.choice(targets)}?</think>{said}"
            reply = by_prompt.setdefault(prompt, said)
            by_prompt[sample.question] = reply  # the GPT4Tools prompt of lmms-eval's simple models
            by_sample.setdefault(plan.task.name, {})[sample.id] = reply
    file = tmp_path_factory.mktemp("replies") / "replies.json"
    file.write_text(json.dumps(by_prompt))
    return Replies(file, by_sample)


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory) -> Path:
    """A folder for PYTHONPATH with the models of ``tiny_models.py`` and their entry point."""
    folder = tmp_path_factory.mktemp("tiny")
    copy(Path(__file__).parent / "tiny_models.py", folder)
    metadata = folder / "tiny_models-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-models\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[lmms_eval.models]\ntiny = tiny_models:MANIFEST\n")
    return folder


@dataclass(frozen=True)
class LmmsRun:
    """A run of lmms-eval's command line: its exit code, output and folder."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def results_file(self) -> Path:
        (path,) = self.folder.rglob("*_results.json")
        return path

    @property
    def results(self):
        return json.loads(self.results_file.read_text())

    def metrics(self, task: str) -> dict[str, float | str]:
        """Return metrics and standard errors: ``accuracy``, ``accuracy_stderr_clustered`` etc."""
        entries = self.results["results"][task].items()
        return {key.removesuffix(",none"): value for key, value in entries if "," in key}

    def samples_file(self, task: str) -> Path:
        (path,) = self.folder.rglob(f"*_samples_{task}.jsonl")
        return path

    def samples(self, task: str):
        return read_jsonl(self.samples_file(task))

    @property
    def requests(self):
        """The requests to a tiny model, in order."""
        return read_jsonl(self.folder / "tiny.jsonl")


LmmsEval = Callable[..., LmmsRun]


@pytest.fixture(scope="session")
def environment(tmp_path_factory, tiny_models, replies) -> Callable[..., dict[str, str]]:
    """Return the environment of a process in which lmms-eval finds the tiny models."""
    home = tmp_path_factory.mktemp("home")

    def environment(log: Path, **extra: str) -> dict[str, str]:
        usual = {
            "PYTHONPATH": f"{REPOSITORY}:{tiny_models}",
            "HF_HOME": str(home / "hf"),
            "INSTIT_BENCH_HOME": str(home / "instit"),
            "OMP_NUM_THREADS": "1",
            "TINY_REPLIES": str(replies.file),
            "TINY_LOG": str(log),
        }
        return cli_environment(**(usual | extra))

    return environment


@pytest.fixture(scope="session")
def lmms_eval_process(tmp_path_factory, environment) -> Iterator[Preloaded]:
    """The process from which runs of lmms-eval are forked."""
    with preloaded(environment(tmp_path_factory.mktemp("preloaded") / "tiny.jsonl")) as process:
        yield process


@pytest.fixture(scope="session")
def lmms_eval(tmp_path_factory, environment, lmms_eval_process: Preloaded) -> LmmsEval:
    """Run lmms-eval on our tasks, by default the tiny chat model on the demo data."""

    def run(
        *options: object,
        tasks: str = "inst_it_bench,gpt4tools",
        include_path: Path = REPOSITORY / "tasks",
        model: str = "tiny",
        **env: str,
    ) -> LmmsRun:
        folder = tmp_path_factory.mktemp("lmms")
        arguments = [
            *("--model", model, "--tasks", tasks, "--include_path", str(include_path)),
            *("--output_path", str(folder / "out"), "--log_samples", *map(str, options)),
        ]
        variables = environment(folder / "tiny.jsonl", **{"INSTIT_BENCH_DATA": "demo", **env})
        if "PYTHONPATH" in env:  # another installation
            done = subprocess.run(
                [sys.executable, "-m", "lmms_eval", *arguments],
                cwd=folder,
                env=variables,
                capture_output=True,
                text=True,
                timeout=600,
                check=False,
            )
        else:
            done = lmms_eval_process.run(arguments, folder, variables)
        return LmmsRun(done.returncode, done.stdout, done.stderr, folder)

    return run


@pytest.fixture(scope="session")
def lexically_judged(lmms_eval) -> Callable[[str], LmmsRun]:
    """Run all six tasks with the ``chat`` or ``simple`` tiny model, once per kind."""

    @cache
    def run(kind: str) -> LmmsRun:
        options = ["--force_simple"] if kind == "simple" else []
        done = lmms_eval(*options, INSTIT_BENCH_JUDGE="lexical")
        assert done.code == 0, done.err
        return done

    return run


@pytest.fixture(scope="session")
def ours(tmp_path_factory, replies) -> dict[str, dict]:
    """The results of ``instit-bench score --judge lexical`` for the same replies, by task."""
    folder = tmp_path_factory.mktemp("ours")
    options = ("--data", "demo", "--judge", "lexical")
    return {task: score_here(folder, task, replies.by_sample[task], *options) for task in TASKS}


def score_here(
    folder: Path, task: str, said: dict[str, str], *options: object, **env: str
) -> dict[str, Any]:
    """Score replies by sample id and return the task's part of ``results.json``."""
    rows = [
        {"id": name, "state": "scored", "prediction": text, "target": ""}
        for name, text in said.items()
    ]
    file = folder / f"{task}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    # The exit code may be an error, for example if answers could not be judged.
    command = ("score", file, "--task", task, "--output", folder, "--name", task)
    cli_in(folder)(*command, *options, **env)
    return json.loads((folder / task / "results.json").read_text())["tasks"][task]

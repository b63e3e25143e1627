"""The process that runs a model of lmms-eval: batches, errors, output, and how it ends."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.command_line import REPOSITORY, cli_environment
from tests.finished_run import read_jsonl
from tests.lmms_eval.running import ModelRun, finish, register, start

pytestmark = pytest.mark.lmms_eval

N_SAMPLES = 112
CHOICE = ("--tasks", "inst_it_image_mc")
MARKED = "Which marked object is a red car?"  # one question of the demo data, and three more
QUESTIONS = (MARKED, "What is [3]?", "What is [5]?", "Which mark is on the largest ball?")


@dataclass
class Unruly:
    """Runs the unruly model in one folder; each run resumes the previous one."""

    folder: Path
    models: Path

    def start(self, *options: object, **env: str):
        path = f"{REPOSITORY}:{self.models}"
        env = cli_environment(PYTHONPATH=path, INSTIT_BENCH_HOME=str(self.folder / "home"), **env)
        log = f"log={self.folder / 'calls.jsonl'}"
        return start(self.folder, "unruly", "--model-arg", log, *options, name="run", env=env)

    def run(self, *options: object, **env: str) -> ModelRun:
        return finish(self.start(*options, **env), self.folder / "run")

    @property
    def calls(self):
        log = self.folder / "calls.jsonl"
        return read_jsonl(log) if log.exists() else []


@pytest.fixture
def unruly(tmp_path) -> Unruly:
    models = register(tmp_path / "models", Path(__file__).parent / "unruly_model.py")
    return Unruly(tmp_path, models)


def test_batches_are_full_and_contain_one_kind_of_media(unruly):
    run = unruly.run("--batch-size", 4)
    assert run.code == 0, run.err
    sizes = Counter(len(call["asked"]) for call in unruly.calls)
    assert sum(size * count for size, count in sizes.items()) == N_SAMPLES
    assert max(sizes) == 4
    assert sizes[4] >= 20
    for call in unruly.calls:
        assert len({tuple(request["media"]) for request in call["asked"]}) == 1
    assert len({call["pid"] for call in unruly.calls}) == 1


def test_a_failing_sample_does_not_affect_others(unruly):
    """Each of four samples meets a fault of its own, in batches with other samples."""
    faults = {
        "fail": "ValueError: this picture is more than I can take",
        "swallow": "RuntimeError: Error size mismatch in generating",
        "short": "RuntimeError: 0 replies to 1 requests",
        "none": "TypeError: a reply must be text, not NoneType",
    }
    words = dict(zip(faults, QUESTIONS, strict=True))
    options = [word for fault in faults for word in ("--model-arg", f"{fault}={words[fault]}")]
    run = unruly.run(*CHOICE, "--batch-size", 4, *options)
    assert run.code == 1
    assert "4 of 16 samples failed (--fail-on-error 0); the first is inst_it_image_mc" in run.err
    records = run.records("inst_it_image_mc")
    assert Counter(record["state"] for record in records) == {"scored": 12, "infer_error": 4}
    failed = [record for record in records if record["state"] == "infer_error"]
    assert {record["prediction"] for record in failed} == {None}
    for fault, error in faults.items():
        (record,) = [record for record in failed if words[fault] in record["question"]]
        assert record["error"] == error


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ("huge", "the model gave a reply of more than 67108864 bytes"),
        ("over", "the model wrote into its own answers: 'loading'"),
        ("interrupt", "ended with exit status 1; its last message: KeyboardInterrupt"),
        ("daemon", "the model's process ended with exit status 3"),
    ],
)
def test_a_model_process_that_breaks_the_protocol_ends_the_run(unruly, odd, said):
    run = unruly.run(*CHOICE, "--limit", 2, "--model-arg", f"odd={odd}")
    left = [call["left"] for call in unruly.calls if "left" in call]
    assert len(left) == (odd == "daemon")
    for pid in left:
        assert alive(pid), "the run does not wait for processes left behind"
        os.kill(pid, signal.SIGKILL)
    assert run.code == 1
    assert said in run.err.splitlines()[-1]
    assert "Traceback" not in run.err
    assert run.load("manifest.json")["status"] == "failed"


def test_a_killed_model_process_loses_nothing_and_the_same_command_resumes(unruly):
    options = (*CHOICE, "--model-arg", f"die={MARKED}")
    options = (*options, "--model-arg", f"once={unruly.folder / 'died'}")
    first = unruly.run(*options)
    assert first.code == 1
    assert "SIGKILL, which usually means out of memory" in first.err
    assert "MemoryError: the last thing that I say" in first.err
    assert "Traceback" not in first.err
    done = [record["id"] for record in first.records("inst_it_image_mc")]
    assert 0 < len(done) < 16
    asked = len(unruly.calls)

    second = unruly.run(*options)
    assert second.code == 0, second.err
    assert len(second.records("inst_it_image_mc")) == 16
    assert len(unruly.calls) - asked == 16 - len(done)


def test_the_model_reads_nothing_and_its_output_goes_to_the_log_without_keys(unruly):
    options = ("--limit", 2, "--model-arg", "noise=true", "--model-arg", "odd=reads")
    run = unruly.run(*CHOICE, *options, OPENAI_API_KEY="sk-very-secret")
    assert run.code == 0, run.err
    assert [record["prediction"] for record in run.records("inst_it_image_mc")] == ["A", "A"]
    said = (
        "to standard output",
        "to standard error",
        "past every buffer",
        "to the logger",
        "from a child",
    )
    for words in said:
        assert words in run.log
        assert words not in run.out + run.err
    assert "a key: ***" in run.log
    for path in run.folder.rglob("*"):
        assert not path.is_file() or b"sk-very-secret" not in path.read_bytes()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["no_such=1"], ["unexpected keyword argument 'no_such'", "check --model-arg"]),
        (["load=memory"], ["CUDA out of memory", "device_map=auto"]),
    ],
)
def test_a_model_that_cannot_be_loaded_is_one_clear_error(unruly, options, said):
    arguments = [word for option in options for word in ("--model-arg", option)]
    run = unruly.run(*CHOICE, *arguments)
    assert run.code == 2
    error = run.err.splitlines()[-1]
    assert error.startswith("instit-bench: error: --model unruly: cannot be loaded: ")
    assert all(words in error for words in said)
    assert "Traceback" in run.log


def test_different_arguments_make_a_different_run_and_a_different_batch_size_does_not(unruly):
    assert unruly.run(*CHOICE, "--limit", 1).code == 0
    run = unruly.run(*CHOICE, "--limit", 2, "--model-arg", "noise=true")
    assert run.code == 3
    assert "model_arg was [], now ['noise=true']" in run.err
    assert unruly.run(*CHOICE, "--limit", 4, "--batch-size", 3).code == 0
    assert [len(call["asked"]) for call in unruly.calls] == [1, 3]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_model_process_and_its_children_end_with_the_run(unruly, number):
    process = unruly.start(*CHOICE, "--model-arg", "linger=true")
    wait_until(lambda: unruly.calls)
    (call,) = unruly.calls
    process.send_signal(number)
    if number == signal.SIGINT:  # the first one waits for the request in flight
        time.sleep(1)
        process.send_signal(number)
    run = finish(process, unruly.folder / "run")
    assert run.code == (-number if number == signal.SIGKILL else 130)
    wait_until(lambda: not any(alive(pid) for pid in (call["pid"], *call["children"])))


def test_a_model_that_does_not_exist_leaves_no_run(cli, tmp_path):
    done = cli("run", "--backend", "lmms-eval", "--model", "qwen2_5vl", "--data", "demo")
    assert done.returncode == 2
    assert "lmms-eval has no model of this name; did you mean qwen2_5_vl" in done.stderr
    assert not (tmp_path / "results").exists()


def alive(pid: int) -> bool:
    """Return whether a process is running; zombies are not."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def wait_until(happened, timeout_s=60.0):
    deadline = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)

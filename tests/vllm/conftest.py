"""Tests of the real engine on a CPU with tiny random models; skipped if vLLM is not installed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from tests.command_line import cli_environment
from tests.finished_run import Run

# One thread per process, as some machines have only two cores. One GiB of cache is plenty. The
# engine's worker shares its process: a separate one spends more on its start and on waiting for
# messages than the tiny models need.
SMALL = {
    "OMP_NUM_THREADS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
}
QUICK = ("--engine-arg", "enforce-eager", "--engine-arg", "max-num-seqs=8", "--dtype", "float32")


def pytest_collection_modifyitems(items):
    for item in items:
        if "vllm" in item.keywords:
            item.add_marker(pytest.mark.timeout(600))
    try:
        version("vllm")
    except PackageNotFoundError:
        skip = pytest.mark.skip(reason="vLLM is not installed; .ci/vllm-env DIR installs it")
        for item in items:
            if "vllm" in item.keywords:
                item.add_marker(skip)


@pytest.fixture(scope="session")
def models(tmp_path_factory) -> Path:
    """A folder with the tiny models ``vision``, ``text``, ``base`` and the adapter ``lora``."""
    from benchmarks.tiny_models import make_all

    return make_all(tmp_path_factory.mktemp("models"))


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def start(tmp_path_factory) -> Start:
    """Start ``instit-bench run`` on the demo data; its run directory is ``process.folder``."""
    output = tmp_path_factory.mktemp("runs")
    started = []

    def start(model, *options, name="r", **env):
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "instit_bench", "run", "--model", str(model)),
                *("--data", "demo", "--output", str(output), "--name", name),
                *QUICK,
                *map(str, options),
            ],
            cwd=output,
            env=cli_environment(INSTIT_BENCH_HOME=str(output / "home"), **(SMALL | env)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        process.folder = output / name
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
            process.wait(60)


@pytest.fixture(scope="module")
def finish() -> Callable[..., Run]:
    """Wait for a started run."""

    def finish(process) -> Run:
        out, err = process.communicate(timeout=500)
        return Run(process.returncode, out, err, process.folder)

    return finish


@pytest.fixture(scope="module")
def run(start, finish) -> Callable[..., Run]:
    """Start a run and wait for it."""
    return lambda model, *options, **settings: finish(start(model, *options, **settings))

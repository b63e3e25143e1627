"""Starts runs of ``instit-bench run --backend lmms-eval``, waits for them and reads them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import copy

from tests.finished_run import Run, read_jsonl

Runner = Callable[..., "ModelRun"]


class ModelRun(Run):
    """A run with a model of lmms-eval."""

    @property
    def log(self) -> str:
        return (self.folder / "lmms_eval.log").read_text()

    @property
    def requests(self):
        """The requests to a tiny model, in order."""
        return read_jsonl(self.folder.parent / f"{self.folder.name}.tiny.jsonl")


def register(folder: Path, source: Path) -> Path:
    """Make a folder for PYTHONPATH with an entry point for lmms-eval to find ``MANIFEST``."""
    folder.mkdir(parents=True, exist_ok=True)
    copy(source, folder)
    name = source.stem
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[lmms_eval.models]\n{name} = {name}:MANIFEST\n")
    return folder


def start(
    folder: Path, model: str, *options: object, name: str, env: dict[str, str]
) -> subprocess.Popen[str]:
    """Start a run on the demo data in ``folder / name``."""
    command = [
        *(sys.executable, "-m", "instit_bench", "run", "--backend", "lmms-eval"),
        *("--model", model, "--data", "demo", "--output", str(folder), "--name", name),
        *map(str, options),
    ]
    return subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen[str], folder: Path) -> ModelRun:
    """Wait for a started run."""
    out, err = process.communicate(timeout=500)
    return ModelRun(process.returncode, out, err, folder)

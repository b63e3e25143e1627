"""Write the two runs that docs/explain.md explains: ``results/before`` and ``results/after``.

    python -m tests.comparison.example_runs FOLDER

The second has every other image and second frame at another size, a lower token limit, and an
engine that rounds otherwise.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from scripts.explain_faults import MODEL, TASKS, prepare
from tests.command_line import cli_in
from tests.comparison.scripted_model import ScriptedModel
from tests.openai_server import openai_server

MEDIA, NOISE = 8, 0.1


def write_runs(folder: Path) -> None:
    """Run the scripted model twice."""
    prepare(folder, MEDIA, seed=0)
    for number in range(0, MEDIA, 2):
        for name in (f"images/{number}.jpg", f"videos/{number}/2.jpg"):
            shutil.copy(folder / "data-plain" / name, folder / "data-resized" / name)
    _run(folder, "before", "plain", ScriptedModel())
    _run(folder, "after", "resized", ScriptedModel(noise=NOISE), "--max-tokens", "9")


def _run(folder: Path, name: str, data: str, model: ScriptedModel, *options: str) -> None:
    with openai_server(model) as server:
        done = cli_in(folder)(
            *("run", "--backend", "openai", "--model", MODEL, "--base-url", server.base_url),
            *("--name", name, "--tasks", TASKS[1], "--include-path", f"plain-{data}"),
            *("--logprobs", "--concurrency", "1", *options),
        )
        assert done.returncode == 0, done.stderr


if __name__ == "__main__":
    write_runs(Path(sys.argv[1]).resolve())

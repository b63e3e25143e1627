"""A finished run of the command line, for tests to read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """The exit code, output and folder of a run."""

    code: int
    out: str
    err: str
    folder: Path

    def load(self, name: str):
        return json.loads((self.folder / name).read_text())

    @property
    def results(self):
        return self.load("results.json")

    def records(self, task: str):
        return read_jsonl(self.folder / f"samples/{task}.jsonl")


def read_jsonl(path: Path):
    return [json.loads(line) for line in path.read_text().splitlines()]

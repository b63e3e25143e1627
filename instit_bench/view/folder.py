"""The runs of a folder as ``view`` shows them: found by name, never outside of the folder."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from instit_bench.display import path_text
from instit_bench.errors import InputError
from instit_bench.runs.directory import RunDirectory
from instit_bench.runs.manifest import Manifest, read_manifest

_CHUNK = 1 << 20  # bytes
_Stamp = tuple[str, int, int]  # of a file: its path, size and time of the last change


@dataclass(frozen=True, slots=True)
class RunState:
    """A run at one moment: how many samples its journals have, and a digest of all its files."""

    name: str
    path: Path
    manifest: Manifest
    done: int
    total: int
    version: str


class RunFolder:
    """The runs directly under a folder.

    A request names a run, and the name is looked up among those found: no path is made of it. A run
    of which any file that is read lies outside, by a symbolic link, is not one of them.
    """

    def __init__(self, path: Path) -> None:
        """Take the folder as it is; runs may come and go.

        Raises:
            InputError: There is no such folder.
        """
        if not path.is_dir():
            raise InputError(f"{path}: folder not found")
        self.path = path.resolve()
        self._known: dict[Path, RunState] = {}
        self._lines: dict[Path, tuple[int, int]] = {}  # of journals: bytes read, lines in them
        self._lock = Lock()

    def states(self) -> dict[str, RunState]:
        """Return the state of each run by name; what is not a valid run is left out."""
        found = {}
        for path in sorted(self.path.iterdir()):
            if path.name.startswith("."):
                continue
            try:
                state = self._state(path)
            except (InputError, OSError):
                continue
            if state is not None:
                found[state.name] = state
        return found

    def _state(self, path: Path) -> RunState | None:
        directory = RunDirectory(path)
        files = [
            *(directory.manifest_path, directory.results_path, directory.results_source_path),
            *sorted(path.glob("samples/*.jsonl")),
            *sorted(path.glob("judgements/*.jsonl")),
        ]
        if not directory.exists or not all(self._inside(file) for file in files):
            return None
        version, known = _version(files), self._known.get(path)
        if known is not None and known.version == version:
            return known
        manifest = read_manifest(directory.manifest_path)
        journals = [directory.journal_path(task) for task in manifest.tasks]
        self._known[path] = state = RunState(
            name=path_text(path.name),
            path=path,
            manifest=manifest,
            done=sum(self._count(journal) for journal in journals if journal.is_file()),
            total=sum(task.n_selected for task in manifest.tasks.values()),
            version=version,
        )
        return state

    def _inside(self, file: Path) -> bool:
        return file.resolve().is_relative_to(self.path)

    def _count(self, journal: Path) -> int:
        """Return the number of lines; of a file that has grown, only the new part is read."""
        with self._lock, journal.open("rb") as file:
            place, lines = self._lines.get(journal, (0, 0))
            if place > file.seek(0, 2):  # another file by this name
                place, lines = 0, 0
            file.seek(place)
            while chunk := file.read(_CHUNK):
                lines += chunk.count(b"\n")
                place += len(chunk)
            self._lines[journal] = place, lines
        return lines


def _version(files: list[Path]) -> str:
    stamps: list[_Stamp] = []
    for file in files:
        if file.exists():
            status = file.stat()
            stamps.append((file.name, status.st_size, status.st_mtime_ns))
    return hashlib.sha256(repr(stamps).encode()).hexdigest()[:16]


def as_json(states: Mapping[str, RunState]) -> list[dict[str, str | int]]:
    """Return what a page asks for again and again: each run's progress."""
    return [
        {
            "name": state.name,
            "status": state.manifest.status,
            "done": state.done,
            "total": state.total,
            "version": state.version,
        }
        for state in states.values()
    ]

"""A run directory: where its files are, who may write to it, and how it is set aside.

``manifest.json`` describes the run, ``samples/<task>.jsonl`` is the journal, and ``results.json``
contains the metrics; see docs/runs.md.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from instit_bench.display import path_text
from instit_bench.errors import InputError

_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP)
_UNFINISHED = re.compile(r"\..+\.(?:jsonl?|index)-[a-z0-9_]{8}")  # as atomic.py names them
_LONGEST_HOLDER = 200  # characters
_LONGEST_NAME = 200  # bytes: file systems allow 255, and a set-aside run has a longer name
_OF_A_RUN = ("manifest.json", "results.json", "samples", "judgements", "calibration")


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """The paths inside a run directory; ``Run.load`` reads their content.

    ``lock`` says whether to keep other processes out while writing.
    """

    path: Path
    lock: bool = True

    @property
    def manifest_path(self) -> Path:
        """``manifest.json``."""
        return self.path / "manifest.json"

    @property
    def results_path(self) -> Path:
        """``results.json``."""
        return self.path / "results.json"

    @property
    def results_source_path(self) -> Path:
        """``.results_from.json``: what ``results.json`` was computed from."""
        return self.path / ".results_from.json"

    @property
    def finished_by_path(self) -> Path:
        """``.finished_by.json``: the command that finished the run, and the files it read."""
        return self.path / ".finished_by.json"

    def journal_path(self, task: str) -> Path:
        """``samples/<task>.jsonl``."""
        return self.path / "samples" / f"{task}.jsonl"

    def index_path(self, task: str) -> Path:
        """``samples/<task>.index``."""
        return self.path / "samples" / f"{task}.index"

    def verdicts_path(self, task: str) -> Path:
        """``judgements/<task>.jsonl``."""
        return self.path / "judgements" / f"{task}.jsonl"

    def card_path(self, task: str) -> Path:
        """``calibration/<task>.json``."""
        return self.path / "calibration" / f"{task}.json"

    def sheet_plan_path(self, sheet: str) -> Path:
        """``calibration/sheets/<sheet>.json``."""
        return self.path / "calibration" / "sheets" / f"{sheet}.json"

    @property
    def exists(self) -> bool:
        """Whether a run was started here."""
        return self.manifest_path.is_file()

    @property
    def has_samples(self) -> bool:
        """Whether any sample of a run here is finished.

        Raises:
            InputError: There are samples without the manifest that says whose they are.
        """
        journals = (self.path / "samples").glob("*.jsonl")
        if not any(journal.stat().st_size for journal in journals):
            return False
        if not self.exists:
            raise InputError(
                f"{self.path}: contains samples but no manifest.json, so it is unknown which run "
                "they are from; use --fresh to start again (they are set aside), or another --name"
            )
        return True

    @contextmanager
    def locked(self, *, create: bool = True) -> Iterator[None]:
        """Keep other processes from writing; the lock of a killed process disappears with it.

        Raises:
            InputError: Another process is writing to this run, the file system has no locks, or
                there is no such folder and ``create`` is false.
        """
        if not create and not self.path.is_dir():
            raise InputError(f"{self.path}: run directory not found")
        self.path.mkdir(parents=True, exist_ok=True)
        if not self.lock:
            yield
            return
        lock = self._acquired()
        try:
            self._sign()
            self._remove_leftovers()
            yield
        finally:
            lock.release()

    def refuse_if_held(self) -> None:
        """Check early, before any data are read, that no other process is writing to this run.

        Raises:
            InputError: Another process is.
        """
        if self.lock and self._lock_path.is_file():
            self._acquired().release()

    @property
    def writer(self) -> str | None:
        """Who is writing to this run now, if anybody is and the file system has locks."""
        if not self._lock_path.is_file():
            return None
        try:
            _file_lock(self._lock_path).acquire(timeout=0).lock.release()
        except Timeout:
            return self._holder()
        except (OSError, NotImplementedError):
            return None
        return None

    @property
    def _lock_path(self) -> Path:
        return self.path / ".lock"

    def _acquired(self) -> BaseFileLock:
        lock = _file_lock(self._lock_path)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise InputError(
                f"{self.path}: {self._holder()} is writing to this run; wait for it, or choose "
                "another --name"
            ) from error
        except (OSError, NotImplementedError) as error:
            if getattr(error, "errno", errno.ENOSYS) not in _NO_LOCKS:
                raise
            raise InputError(
                f"{self.path}: this file system has no locks ({error}); choose another --output, "
                "or use --no-lock and make sure that no other process writes to this run"
            ) from error
        return lock

    def _sign(self) -> None:
        """Write into the lock who holds it; a full disk is reported by what needs more of it."""
        since = datetime.now(UTC).isoformat(timespec="seconds")
        words = f"process {os.getpid()} on {socket.gethostname()}, since {since}\n"
        with suppress(OSError):
            self._lock_path.write_text(words, encoding="utf-8")

    def _holder(self) -> str:
        """Return who holds the lock, as that process wrote into it."""
        with suppress(OSError, UnicodeDecodeError):
            with self._lock_path.open(encoding="utf-8") as file:
                words = file.read(_LONGEST_HOLDER)
            if words.startswith("process "):
                return words.strip()
        return "another process"

    def _remove_leftovers(self) -> None:
        """Remove unfinished copies of files, which a killed process left behind."""
        for folder in (self.path, self.path / "samples", self.path / "judgements"):
            for path in folder.glob(".*-*"):
                if _UNFINISHED.fullmatch(path.name) and path.is_file():
                    path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete the run with all its files.

        Raises:
            InputError: Another process is writing to it.
        """
        with self.locked(create=False):
            shutil.rmtree(self.path)

    def rename(self, name: str) -> RunDirectory:
        """Give the run another folder name beside its own, and return it.

        Raises:
            InputError: The name is taken or not valid, or another process is writing to the run.
        """
        renamed = run_directory(self.path.parent, name, lock=self.lock)
        if renamed.path.exists():
            raise InputError(f"{path_text(renamed.path)}: exists already; choose another name")
        with self.locked(create=False):
            self.path.rename(renamed.path)
        return renamed

    def set_aside(self) -> Path | None:
        """Move what an earlier run left out of the way; return where it is now, if there was any.

        The folder is moved as a whole, in one step: a process killed here leaves either the old run
        or none, never a part of it for the next one.

        Raises:
            InputError: Another process is writing to this run.
        """
        if not any((self.path / name).exists() for name in _OF_A_RUN):
            return None
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        kept = self.path.parent / ".replaced" / f"{self.path.name}-{stamp}"
        with self.locked():
            kept.parent.mkdir(exist_ok=True)
            self.path.rename(kept)
        return kept


def _file_lock(path: Path) -> BaseFileLock:
    """Return a system lock, never a lock file, which a killed process would leave behind."""
    try:
        return FileLock(path, fallback_to_soft=False)
    except TypeError:  # older versions have no such option
        return FileLock(path)


def run_directory(output: Path, name: str, *, lock: bool = True) -> RunDirectory:
    """Return the directory of the run ``name`` under ``output``.

    Raises:
        InputError: The name is not a single folder name.
    """
    if len(name.encode(errors="replace")) > _LONGEST_NAME:
        raise InputError(f"--name: use at most {_LONGEST_NAME} bytes, found {len(name.encode()):,}")
    if not re.fullmatch(r"[\w.+=@-]+", name) or name.startswith("."):
        raise InputError(f"--name {name!r}: use letters, digits and . _ - + = @ only")
    if output.exists() and not output.is_dir():
        raise InputError(f"--output {output}: is a file, not a folder")
    return RunDirectory(output / name, lock)


def runs_among(
    paths: Sequence[Path], note: Callable[[str], None], *, files: bool = False
) -> list[Path]:
    """The run folders among several paths, such as those of ``results/*``.

    A path with wildcards that no shell has expanded stands for what it matches, and a folder of
    runs for the runs in it. ``note`` is told about each file or folder that is left out; with
    ``files``, JSON files stay. Paths that do not exist stay, and where no path is a run all of them
    stay: reading them says what is wrong.
    """
    found = [one for path in paths for one in _matching(path)]
    others = [path for path in found if path.exists() and not _stays(path, files)]
    if len(others) == len(found):
        return list(paths)
    for path in others:
        note(f"skipped: {path_text(path)} is not a run: it has no manifest.json")
    return [path for path in found if path not in others]


def runs_in(folder: Path) -> list[Path]:
    """Return the run folders in a folder, and in its sub-folders that are not runs, by name."""
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name.startswith(".") or not path.is_dir():
            continue
        inside = [path] if RunDirectory(path).exists else sorted(path.glob("*/manifest.json"))
        found += [one.parent if one.name == "manifest.json" else one for one in inside]
    return found


def _matching(path: Path) -> list[Path]:
    if not path.exists() and any(wildcard in str(path) for wildcard in "*?["):
        root = Path(path.anchor)
        matches = sorted(root.glob(str(path.relative_to(root))))
        return [one for match in matches for one in _matching(match)] or [path]
    if path.is_dir() and not RunDirectory(path).exists:
        return runs_in(path) or [path]
    return [path]


def _stays(path: Path, files: bool) -> bool:
    return RunDirectory(path).exists or (files and path.is_file() and path.suffix == ".json")


def default_name(model: str, data_label: str) -> str:
    """Return a folder name from the model's name, and the data's unless it is the benchmark."""
    name = model if data_label == "hub" else f"{model}-{data_label}"
    name = re.sub(r"[^\w.+=@-]+", "-", name).strip("-.")[:100]
    return name.encode()[:_LONGEST_NAME].decode(errors="ignore") or "run"

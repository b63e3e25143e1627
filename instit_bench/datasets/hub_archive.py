"""Archives of media on the hub, which another machine can fetch to the same place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from instit_bench.datasets.archive import extract_once
from instit_bench.datasets.hub import Unreachable, fetch_file
from instit_bench.errors import InputError

_DIGITS_SHOWN = 12  # of a commit


@dataclass(frozen=True, slots=True)
class HubArchive:
    """The file ``name`` of a dataset on the hub at a commit, and the ``folder`` it is unpacked as.

    That folder is named by the archive's content, so all machines name it alike.
    """

    repository: str
    commit: str
    name: str
    folder: Path

    @classmethod
    def of(
        cls, repository: str, commit: str | None, archive: Path | None, folder: Path
    ) -> HubArchive | None:
        """Return where an unpacked archive came from; ``None`` without a commit: not the hub."""
        return cls(repository, commit, archive.name, folder) if commit and archive else None

    def __str__(self) -> str:
        return f"{self.name} of {self.repository} at commit {self.commit[:_DIGITS_SHOWN]}"

    def contains(self, path: Path) -> bool:
        """Say whether a path is that of the unpacked archive or below."""
        return path.is_relative_to(self.folder)

    def fetch(self, tell: Callable[[str], None]) -> None:
        """Download and unpack it unless its folder is there; tell so in one line if it is not.

        Of several processes that call this on one machine, one does it and the others wait.

        Raises:
            InputError: The folder cannot be made, or the archive cannot be had from the hub. The
                message says what to do.
        """
        from filelock import FileLock

        place = self.folder.parent
        try:
            place.mkdir(parents=True, exist_ok=True)
            lock = FileLock(place / f".{self.folder.name}.fetch.lock")
            lock.acquire()
        except OSError as error:
            raise InputError(
                f"{self.folder}: this media folder is not there and cannot be made: "
                f"{error.strerror or error}; set INSTIT_BENCH_HOME, where the run is started, to a "
                "folder that can be made on every node"
            ) from error
        try:
            if not self.folder.is_dir():
                tell(f"fetching {self} into {self.folder}")
                self._unpack(place)
        finally:
            lock.release()

    def _unpack(self, place: Path) -> None:
        try:
            found = extract_once(fetch_file(self.repository, self.commit, self.name), place)
        except (InputError, Unreachable) as error:
            raise InputError(
                f"{self.folder}: this media folder is not there, and {self} cannot be fetched: "
                f"{error}; let this node reach the hub and have room, or copy the folder to it"
            ) from error
        if found != self.folder:
            raise InputError(
                f"{self.folder}: this media folder is not there, and {self} has other content "
                f"here than where the run was started ({found}); remove both copies and run "
                "'instit-bench data download'"
            )

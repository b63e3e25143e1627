"""Safe, atomic, once-only extraction of zip archives.

An archive is unpacked into a temporary folder beside its final place and renamed when complete, so
a folder with its final name is always complete. The next extraction removes what a killed process
left. Refused: paths outside the folder, links, duplicate names, encrypted entries, and archives
whose unpacked size exceeds the limits.
"""

from __future__ import annotations

import hashlib
import shutil
import stat
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from instit_bench.datasets.record import relative_path
from instit_bench.errors import InputError

MAX_TOTAL_BYTES = 100 * 2**30
MAX_RATIO = 200  # images hardly compress; a higher ratio is a zip bomb or not our data
_ENCRYPTED = 0x1  # bit of an entry's flags
_DIGITS = 64  # of a SHA-256 in hexadecimal


def extract_once(archive: Path, parent: Path) -> Path:
    """Unpack ``archive`` into a folder under ``parent`` named by its content; return the folder.

    Raises:
        InputError: The archive is damaged or unsafe; nothing is left behind.
    """
    from filelock import FileLock

    try:
        with zipfile.ZipFile(archive) as zipped:
            members = _checked_members(archive, zipped)
            parent.mkdir(parents=True, exist_ok=True)
            target = parent / f"{archive.stem}-{content_digest(archive, parent)[:16]}"
            with FileLock(parent / f".{target.name}.lock"):
                if not target.is_dir():
                    _extract(zipped, members, target)
            return target
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{archive}: cannot be unpacked under {parent}: {error}") from error
    except Exception as error:  # zipfile and its decompressors raise many kinds
        raise InputError(f"{archive}: damaged archive: {error}; download it again") from error


def _checked_members(archive: Path, zipped: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the archive's files by the relative path that each is written to."""
    members: dict[str, zipfile.ZipInfo] = {}
    for info in zipped.infolist():
        where = f"{archive}: entry {info.filename!r}"
        if info.filename.endswith(("/", "\\")):
            continue  # a folder; folders are made where files need them
        try:
            path = relative_path(info.filename)
        except ValueError as error:
            raise InputError(f"{where}: {error}") from error
        mode = info.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise InputError(f"{where} is a link or special file; refused")
        if info.flag_bits & _ENCRYPTED:
            raise InputError(f"{where} is encrypted; unpack the archive by hand")
        if path in members:
            raise InputError(f"{where} is a duplicate; refused")
        members[path] = info
    total = sum(info.file_size for info in members.values())
    packed = archive.stat().st_size  # not the entries' declared sizes: entries may overlap
    if total > MAX_TOTAL_BYTES or total / packed > MAX_RATIO:
        raise InputError(
            f"{archive}: would unpack {packed:,} bytes to {total:,}; the limits are "
            f"{MAX_TOTAL_BYTES:,} bytes and a ratio of {MAX_RATIO}:1; refused"
        )
    return members


def content_digest(archive: Path, parent: Path) -> str:
    """Return the SHA-256 of a file's bytes, computed once per state of the file.

    It is noted in ``parent``, an existing folder. The checksums in an archive's own directory are
    no substitute: CRC-32 is easily forged.
    """
    found = archive.stat()
    state = (archive.resolve(), found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
    note = parent / f".{hashlib.sha256(repr(state).encode()).hexdigest()[:16]}.sha256"
    with suppress(OSError, UnicodeDecodeError):
        if len(known := note.read_text(encoding="ascii")) == _DIGITS:
            return known
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    note.write_text(digest, encoding="ascii")
    return digest


def _extract(zipped: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], target: Path) -> None:
    from rich.console import Console
    from rich.progress import Progress

    staging = target.with_name(f".{target.name}.part")
    shutil.rmtree(staging, ignore_errors=True)  # left by a killed process: we hold the lock
    staging.mkdir()
    console = Console(stderr=True)
    try:
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            for name in bar.track(members, description=f"unpacking {target.name}"):
                path = staging / name
                path.parent.mkdir(parents=True, exist_ok=True)
                # zipfile reads at most the declared size and checks the CRC at its end.
                with zipped.open(members[name]) as packed, path.open("xb") as unpacked:
                    shutil.copyfileobj(packed, unpacked)
        staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)

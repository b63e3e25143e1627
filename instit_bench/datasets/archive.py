"""Safe, atomic, once-only extraction of zip archives.

An archive is unpacked into a temporary folder beside its final place and renamed when complete,
so a folder under its final name is always whole. Refused: paths outside the folder, links,
double names, and archives that unpack to more than the limits.
"""

from __future__ import annotations

import hashlib
import shutil
import stat
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from filelock import FileLock
from rich.console import Console
from rich.progress import Progress

from instit_bench.errors import InputError

MAX_TOTAL_BYTES = 100 * 2**30
MAX_RATIO = 200  # pictures hardly compress; a higher ratio is a bomb or not ours


def extract_once(archive: Path, parent: Path) -> Path:
    """Unpack ``archive`` into a folder under ``parent`` named by its content; return the folder.

    Raises:
        InputError: The archive is damaged or unsafe; nothing is left behind.
    """
    try:
        with zipfile.ZipFile(archive) as zipped:
            members = _checked_members(archive, zipped)
            target = parent / f"{archive.stem}-{_fingerprint(members)}"
            parent.mkdir(parents=True, exist_ok=True)
            with FileLock(parent / f".{target.name}.lock"):
                if not target.is_dir():
                    _extract(zipped, members, target)
            return target
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError) as error:
        raise InputError(f"{archive}: damaged archive: {error}; download it again") from error
    except OSError as error:
        raise InputError(f"{archive}: cannot be unpacked under {parent}: {error}") from error


def _checked_members(archive: Path, zipped: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    members = [info for info in zipped.infolist() if not info.is_dir()]
    seen: set[str] = set()
    for info in members:
        where = f"{archive}: entry {info.filename!r}"
        path = PurePosixPath(info.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
            raise InputError(f"{where} leaves the target folder; refused")
        mode = info.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise InputError(f"{where} is a link or special file; refused")
        if str(path) in seen:
            raise InputError(f"{where} occurs twice; refused")
        seen.add(str(path))
    total = sum(info.file_size for info in members)
    packed = max(sum(info.compress_size for info in members), 1)
    if total > MAX_TOTAL_BYTES or total / packed > MAX_RATIO:
        raise InputError(
            f"{archive}: would unpack to {total:,} bytes from {packed:,}; over the limits "
            f"({MAX_TOTAL_BYTES:,} bytes, {MAX_RATIO}:1), refused"
        )
    return members


def _fingerprint(members: list[zipfile.ZipInfo]) -> str:
    """A name for the archive's content from its directory: names, sizes and checksums."""
    listing = "\n".join(f"{i.filename}\t{i.file_size}\t{i.CRC}" for i in members)
    return hashlib.sha256(listing.encode()).hexdigest()[:16]


def _extract(zipped: zipfile.ZipFile, members: list[zipfile.ZipInfo], target: Path) -> None:
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    console = Console(stderr=True)
    try:
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            for info in bar.track(members, description=f"unpacking {target.name}"):
                # zipfile reads at most the declared size and checks the CRC at its end.
                zipped.extract(info, staging)
        staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)

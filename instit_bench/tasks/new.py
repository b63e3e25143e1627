"""Write a new plugin: a folder with a task that works, to be changed."""

from __future__ import annotations

import re
from pathlib import Path

from instit_bench.errors import InputError, StorageError

_TEMPLATE = Path(__file__).parent / "template"
_NAME = re.compile(r"[a-z]\w{0,99}", re.ASCII)


def write_plugin(name: str, folder: Path) -> list[Path]:
    """Write a plugin with a task of this name into a new folder; return its files.

    Raises:
        InputError: The name is not a valid one, or the folder contains something.
        StorageError: The folder cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"task name {name!r}: use a small letter, then letters, digits and underscores"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: exists and is not an empty folder; choose another --output")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_write(template, name, folder) for template in sorted(_TEMPLATE.glob("*.txt"))]
    except OSError as error:
        raise StorageError.of(folder, error) from error


def _write(template: Path, name: str, folder: Path) -> Path:
    path = folder / template.name.removesuffix(".txt").replace("NAME", name)
    text = template.read_text(encoding="utf-8").replace("NAME", name)
    path.write_text(text.replace("PATH", folder.as_posix()), encoding="utf-8")
    return path

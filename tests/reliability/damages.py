"""Ways to damage a file of a run folder, as a stranger or a broken disk might."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Damage = Callable[[Path], None]


def _bytes(change: Callable[[bytes], bytes]) -> Damage:
    return lambda path: path.write_bytes(change(path.read_bytes()))


def _instead(make: Callable[[Path], None]) -> Damage:
    def damage(path: Path) -> None:
        path.unlink()
        make(path)

    return damage


def _half_of_a_line(data: bytes) -> bytes:
    return data + data.splitlines()[0][: len(data.splitlines()[0]) // 2]


WHOLE: dict[str, Damage] = {
    "missing": Path.unlink,
    "empty": _bytes(lambda _: b""),
    "cut in half": _bytes(lambda data: data[: len(data) // 2]),
    "half a line more": _bytes(_half_of_a_line),
    "noise": _bytes(lambda data: random.Random(len(data)).randbytes(len(data))),
    "zeros": _bytes(lambda data: bytes(len(data))),
    "an open bracket": _bytes(lambda _: b"[\n"),
    "a number": _bytes(lambda _: b"5\n"),
    "a list": _bytes(lambda _: b"[]\n"),
    "an object": _bytes(lambda _: b"{}\n"),
    "null": _bytes(lambda _: b"null\n"),
    "nested without end": _bytes(lambda _: b"[" * 100_000 + b"\n"),
    "not UTF-8": _bytes(lambda data: data.replace(b"a", b"\xff")),
    "UTF-16": _bytes(lambda data: data.decode().encode("utf-16")),
    "a lone surrogate": _bytes(lambda data: data.replace(b'": "', b'": "\\ud800', 1)),
    "a folder": _instead(Path.mkdir),
    "a pipe": _instead(os.mkfifo),
    "a link to itself": _instead(lambda path: path.symlink_to(path.name)),
    "an endless device": _instead(lambda path: path.symlink_to("/dev/zero")),
}

ODD_VALUES: dict[str, str] = {
    "null": "null",
    "a list": "[]",
    "an object": "{}",
    "a text": '"x"',
    "true": "true",
    "a negative number": "-1",
    "infinity": "1e999",
    "not a number": "NaN",
    "5,000 digits": "9" * 5000,
    "a text of a megabyte": json.dumps("x" * 10**6),
    "an escape sequence": json.dumps("\x1b[31m\n::error::x"),
    "a path upwards": '"../../x"',
}


def odd_fields(path: Path) -> Iterator[tuple[str, Damage]]:
    """Yield each field of the file's first JSON value with each odd value in its place."""
    first = json.loads(path.read_text().splitlines()[0]) if path.suffix == ".jsonl" else None
    document = first or json.loads(path.read_text())
    for field in _fields(document):
        for name, value in ODD_VALUES.items():
            yield f"{'.'.join(map(str, field))}: {name}", _with(field, value)


def _fields(value: Any, depth: int = 0) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict) and depth < 4:
        for name, inner in value.items():
            yield (name,)
            yield from ((name, *rest) for rest in _fields(inner, depth + 1))


def _with(field: tuple[str, ...], value: str) -> Damage:
    def damage(path: Path) -> None:
        lines = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
        document = json.loads(lines[0])
        inner = document
        for name in field[:-1]:
            inner = inner[name]
        inner[field[-1]] = "\ue000"
        text = json.dumps(document).replace(json.dumps("\ue000"), value)
        path.write_text("\n".join([text, *lines[1:]]) + "\n")

    return damage


def copied(folder: Path, to: Path) -> Path:
    """Return a copy of a folder; nothing else is shared."""
    shutil.copytree(folder, to)
    return to

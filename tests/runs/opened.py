"""Commands run in this process, and the stored files that they open."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from instit_bench.cli.main import app

RUN = ["run", "--backend", "baseline", "--data", "demo", "--judge", "lexical", "--model"]


class Opened:
    """The stored files that were opened, for reading and for writing."""

    def __init__(self) -> None:
        self.to_read: Counter[str] = Counter()
        self.to_write: Counter[str] = Counter()

    def see(self, path: Path, flags: int) -> None:
        if path.suffix == ".jsonl" and path.parent.name in ("samples", "judgements"):
            only_read = flags & (os.O_WRONLY | os.O_RDWR) == 0
            counts = self.to_read if only_read else self.to_write
            counts["/".join(path.absolute().parts[-4:])] += 1


# Python cannot remove an audit hook, so there is one that is active while this is set.
_watching: list[Opened] = []


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _watching:
        path, _, flags = arguments
        if isinstance(path, str | os.PathLike) and isinstance(flags, int):
            _watching[0].see(Path(path), flags)


@cache
def _hooked() -> None:
    sys.addaudithook(_hook)


@contextmanager
def watched() -> Iterator[Opened]:
    _hooked()
    opened = Opened()
    _watching.append(opened)
    try:
        yield opened
    finally:
        _watching.clear()


def instit_bench(*words: str) -> Opened:
    """Run a command in this process and return the stored files that it opened."""
    with watched() as opened:
        assert app(list(words), standalone_mode=False) in (0, 3)  # 3: a check without a result
    return opened

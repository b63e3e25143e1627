"""A cache of verdicts in SQLite, safe for several runs at once.

Only scores and letters are cached, never errors. The key covers everything that a verdict depends
on: judge, endpoint, settings, instructions, the judged item, and the number of the repeat.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instit_bench.errors import InputError
from instit_bench.progress import Tell
from instit_bench.scorers.contract import Contract, Item
from instit_bench.types import Usage, Verdict

_WAIT_S = 30.0
_LOOKS_EVERY_S = 0.02
_IN_MEMORY = ":memory:"
_NO_PLACE = ("unable to open", "readonly", "read-only", "disk is full", "disk I/O error")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS {table} (
    key TEXT PRIMARY KEY,
    judge TEXT NOT NULL,
    {value} NOT NULL,
    raw TEXT NOT NULL,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    created TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
)
"""
_TABLES = {"verdicts": "score REAL", "letters": "letter TEXT"}
_GET = """
SELECT score, NULL, raw, prompt_tokens, completion_tokens FROM verdicts WHERE key = :key
UNION ALL
SELECT NULL, letter, raw, prompt_tokens, completion_tokens FROM letters WHERE key = :key
"""
_STATS = """
SELECT judge, SUM(scores), SUM(letters), SUM(COALESCE(prompt, 0) + COALESCE(completion, 0))
FROM (
    SELECT judge, 1 scores, 0 letters, prompt_tokens prompt, completion_tokens completion
    FROM verdicts
    UNION ALL
    SELECT judge, 0, 1, prompt_tokens, completion_tokens FROM letters
)
GROUP BY judge ORDER BY judge
"""


@dataclass(frozen=True, slots=True)
class CacheLine:
    """The number of cached scores and letters of one judge and the tokens they cost."""

    judge: str
    scores: int
    letters: int
    tokens: int


def cache_key(settings: dict[str, Any], contract: Contract, item: Item, repeat: int) -> str:
    """Return the SHA-256 digest of everything that a verdict depends on."""
    parts = [settings, contract.digest, *item.parts, repeat]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class VerdictCache:
    """The cache file, or memory without a path; every call is one short transaction.

    If the disk is full or read-only, verdicts are kept in memory from then on, and ``tell`` gets
    one warning.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path or Path(_IN_MEMORY)
        self.warning: str | None = None
        self.tell: Tell = lambda _: None
        with self._told():
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._db = _opened(path)

    @classmethod
    def or_without(cls, path: Path) -> VerdictCache:
        """Open the cache, or one in memory if the place cannot be written.

        ``warning`` then says so. An existing but damaged file is still an error.
        """
        try:
            return cls(path)
        except InputError as error:
            if not _cannot_write(error.__cause__):
                raise
            cache = cls(None)
            cache.path = path
            cache._turn_off(error.__cause__)
            return cache

    def _turn_off(self, error: object) -> None:
        """Continue in memory."""
        self._db = _opened(None)
        self.warning = (
            f"judge cache off: {error}: {self.path}; set INSTIT_BENCH_HOME to a folder that can be "
            "written"
        )
        self.tell(f"warning: {self.warning}")

    def get(self, key: str) -> Verdict | None:
        """Return the verdict for a key, if there is one."""
        with self._or_off():
            row = self._db.execute(_GET, {"key": key}).fetchone()
            if row is not None:
                return self._verdict(row)
        return None

    def _verdict(self, row: tuple[Any, ...]) -> Verdict:
        score, letter, raw, prompt_tokens, completion_tokens = row
        usage = Usage(prompt_tokens, completion_tokens)
        return Verdict(score, None, raw, usage, cached=True, letter=letter)

    def put(self, key: str, judge: str, verdict: Verdict) -> None:
        """Store a score or a letter, unless the key has one; errors are not stored."""
        if not verdict.given:
            return
        scored = verdict.letter is None
        table, column = ("verdicts", "score") if scored else ("letters", "letter")
        usage = verdict.usage
        with self._or_off():
            self._db.execute(
                f"INSERT OR IGNORE INTO {table} "  # noqa: S608 - our own names
                f"(key, judge, {column}, raw, prompt_tokens, completion_tokens) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (
                    key,
                    judge,
                    verdict.score if scored else verdict.letter,
                    verdict.raw or "",
                    usage.prompt_tokens,
                    usage.completion_tokens,
                ),
            )

    def stats(self) -> list[CacheLine]:
        """Return one line per judge."""
        with self._told():
            rows = self._db.execute(_STATS).fetchall()
        return [CacheLine(*row) for row in rows]

    def clear(self) -> int:
        """Delete all verdicts and return how many there were."""
        with self._told():
            return sum(
                self._db.execute(f"DELETE FROM {table}").rowcount  # noqa: S608
                for table in _TABLES
            )

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def _or_off(self) -> Iterator[None]:
        try:
            with self._told():
                yield
        except InputError as error:
            if not _cannot_write(error.__cause__):
                raise
            self._turn_off(error.__cause__)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            locked = _is_locked(error)
            remedy = "wait until no other command uses it" if locked else "move the file away"
            raise InputError(
                f"{self.path}: the judge's cache cannot be used: {error}; {remedy}"
            ) from error


def _opened(path: Path | None) -> sqlite3.Connection:
    db = sqlite3.connect(path or _IN_MEMORY, timeout=_WAIT_S, isolation_level=None)
    _write_ahead(db)
    db.execute("PRAGMA synchronous=NORMAL")
    for table, value in _TABLES.items():
        db.execute(_SCHEMA.format(table=table, value=value))
    return db


def _write_ahead(db: sqlite3.Connection) -> None:
    """Let readers and a writer work at once; SQLite does not wait by itself to switch to that."""
    deadline = time.monotonic() + _WAIT_S
    while True:
        try:
            db.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if not _is_locked(error) or time.monotonic() > deadline:
                raise
            time.sleep(_LOOKS_EVERY_S)
        else:
            return


def _is_locked(error: BaseException) -> bool:
    return getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY")


def _cannot_write(error: BaseException | None) -> bool:
    """Return whether the place is at fault, such as a read-only home folder, not the file."""
    return isinstance(error, OSError) or any(words in str(error) for words in _NO_PLACE)

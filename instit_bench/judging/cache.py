"""A cache of scores in SQLite, safe for several runs at once.

Only scores are cached, never errors. The key covers everything that a score depends on: judge,
endpoint, settings, instructions, question, target, answer, and the number of the repeat.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instit_bench.errors import InputError
from instit_bench.scorers.judge.contract import JudgeContract, JudgeItem
from instit_bench.types import Usage, Verdict

_WAIT_S = 30.0
_IN_MEMORY = ":memory:"
_NO_PLACE = ("unable to open", "readonly", "read-only")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS verdicts (
    key TEXT PRIMARY KEY,
    judge TEXT NOT NULL,
    score REAL NOT NULL,
    raw TEXT NOT NULL,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    created TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
)
"""


@dataclass(frozen=True, slots=True)
class CacheLine:
    """The number of cached scores of one judge and the tokens they cost."""

    judge: str
    scores: int
    tokens: int


def cache_key(
    settings: dict[str, Any], contract: JudgeContract, item: JudgeItem, repeat: int
) -> str:
    """Return the SHA-256 digest of everything that a score depends on."""
    parts = [
        settings,
        contract.digest,
        item.question,
        item.ground_truth,
        item.answer,
        repeat,
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class VerdictCache:
    """The cache file, or memory without a path; every call is one short transaction."""

    def __init__(self, path: Path | None) -> None:
        self.path = path or Path(_IN_MEMORY)
        self.warning: str | None = None
        with self._told():
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path or _IN_MEMORY, timeout=_WAIT_S, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute(_SCHEMA)

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
            cache.warning = (
                f"judge cache off: {error.__cause__}: {path}; set INSTIT_BENCH_HOME to a folder "
                "that can be written"
            )
            return cache

    def get(self, key: str) -> Verdict | None:
        """Return the score for a key, if there is one."""
        with self._told():
            row = self._db.execute(
                "SELECT score, raw, prompt_tokens, completion_tokens FROM verdicts WHERE key = ?",
                (key,),
            ).fetchone()
        if row is None:
            return None
        score, raw, prompt_tokens, completion_tokens = row
        return Verdict(score, None, raw, Usage(prompt_tokens, completion_tokens), cached=True)

    def put(self, key: str, judge: str, verdict: Verdict) -> None:
        """Store a score, unless the key has one already; errors are not stored."""
        if verdict.score is None:
            return
        usage = verdict.usage
        with self._told():
            self._db.execute(
                "INSERT OR IGNORE INTO verdicts "
                "(key, judge, score, raw, prompt_tokens, completion_tokens) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (
                    key,
                    judge,
                    verdict.score,
                    verdict.raw or "",
                    usage.prompt_tokens,
                    usage.completion_tokens,
                ),
            )

    def stats(self) -> list[CacheLine]:
        """Return one line per judge."""
        with self._told():
            rows = self._db.execute(
                "SELECT judge, COUNT(*), "
                "COALESCE(SUM(COALESCE(prompt_tokens, 0) + COALESCE(completion_tokens, 0)), 0) "
                "FROM verdicts GROUP BY judge ORDER BY judge"
            ).fetchall()
        return [CacheLine(*row) for row in rows]

    def clear(self) -> int:
        """Delete all scores and return how many there were."""
        with self._told():
            forgotten: int = self._db.execute("DELETE FROM verdicts").rowcount
        return forgotten

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise InputError(
                f"{self.path}: the judge's cache cannot be used: {error}; move the file away"
            ) from error


def _cannot_write(error: BaseException | None) -> bool:
    """Return whether the place is at fault, such as a read-only home folder, not the file."""
    return isinstance(error, OSError) or any(words in str(error) for words in _NO_PLACE)

"""Scores that were paid for once: SQLite, safe for several runs at once.

Only scores are kept, never errors. The key covers everything that the score depends on: judge,
endpoint, settings, instructions, question, ground truth, answer, and the number of the repeat.
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
    """How many scores of one judge are kept, and the tokens they cost."""

    judge: str
    scores: int
    tokens: int


def cache_key(
    settings: dict[str, Any], contract: JudgeContract, item: JudgeItem, repeat: int
) -> str:
    """SHA-256 over all that a score depends on."""
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
    """The cache file (without a path: memory); every call is one short transaction."""

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
        """The cache, or where nothing may be written there, one that ends with the process.

        ``warning`` then says so. A file that is there but broken is an error all the same.
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
        """The score under a key, if it was ever given."""
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
        """Keep a score; what is there already stays, an error is not kept."""
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
        """One line a judge."""
        with self._told():
            rows = self._db.execute(
                "SELECT judge, COUNT(*), "
                "COALESCE(SUM(COALESCE(prompt_tokens, 0) + COALESCE(completion_tokens, 0)), 0) "
                "FROM verdicts GROUP BY judge ORDER BY judge"
            ).fetchall()
        return [CacheLine(*row) for row in rows]

    def clear(self) -> int:
        """Forget everything; returns how many scores there were."""
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
    """Whether it is the place that fails, a read-only home for one, rather than the file."""
    return isinstance(error, OSError) or any(words in str(error) for words in _NO_PLACE)

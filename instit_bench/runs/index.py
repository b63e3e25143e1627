"""``samples/<task>.index``: the scores of a journal's samples, a column per line.

It is a tenth of the journal's size and is read in a hundredth of its time, so comparing two runs of
a million samples takes seconds. ``.results_from.json`` says which journal it belongs to, and has
its SHA-256; where either differs the journal is read instead.
"""

from __future__ import annotations

import hashlib
import json
import math
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic_core import from_json

from instit_bench.runs.atomic import opened, replaced
from instit_bench.runs.sample_scores import NO_VALUE, SampleScores
from instit_bench.types import State

_AT_ONCE = 10_000

Name = TypeVar("Name", bound=str)


def write_index(path: Path, scores: SampleScores) -> str:
    """Write the file; return its SHA-256.

    Raises:
        StorageError: It cannot be written.
    """
    digest = hashlib.sha256()
    with replaced(path) as file:
        for head, values in _columns(scores):
            for text in _line(head, values):
                digest.update(text.encode())
                file.write(text.encode())
    return digest.hexdigest()


def _line(head: dict[str, Any], values: Sequence[Any]) -> Iterator[str]:
    """Yield a column's line in parts, since the text of a million values takes much memory."""
    yield _json(head)[:-1] + ',"values":['
    for start in range(0, len(values), _AT_ONCE):
        part = list(map(_plain, values[start : start + _AT_ONCE]))
        yield ("," if start else "") + _json(part)[1:-1]
    yield "]}\n"


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def read_index(path: Path, sha256: str) -> SampleScores | None:
    """Return the scores; ``None`` if this is not the file with this SHA-256."""
    try:
        with opened(path) as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                return None
            file.seek(0)
            ids, clusters, kinds, items, states, *scores = map(from_json, file)
            return SampleScores(
                ids["values"],
                _named(clusters["names"], clusters),
                _named(kinds["names"], kinds),
                array("Q", items["values"]),
                _named([State(name) for name in states["names"]], states),
                {column["metric"]: _numbers(column["values"]) for column in scores},
            )
    except (OSError, ValueError):
        return None


def _columns(scores: SampleScores) -> Iterator[tuple[dict[str, Any], Sequence[Any]]]:
    yield {"column": "id"}, scores.ids
    for name, column in (("cluster", scores.clusters), ("kind", scores.kinds)):
        yield _numbered(name, column)
    yield {"column": "item"}, scores.items
    yield _numbered("state", scores.states)
    for metric, values in scores.scores.items():
        yield {"metric": metric}, values


def _numbered(column: str, values: Sequence[str]) -> tuple[dict[str, Any], array[int]]:
    """Replace names that repeat by their numbers, in order of appearance."""
    numbers: dict[str, int] = {}
    places = array("Q", (numbers.setdefault(name, len(numbers)) for name in values))
    return {"column": column, "names": list(numbers)}, places


def _named(names: Sequence[Name], column: dict[str, Any]) -> list[Name]:
    return [names[number] for number in column["values"]]


def _numbers(values: list[float | None]) -> array[float]:
    return array("d", (NO_VALUE if value is None else value for value in values))

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

from instit_bench.runs.atomic import replaced
from instit_bench.runs.sample_scores import NO_VALUE, SampleScores
from instit_bench.types import State

Name = TypeVar("Name", bound=str)


def write_index(path: Path, scores: SampleScores) -> str:
    """Write the file; return its SHA-256.

    Raises:
        StorageError: It cannot be written.
    """
    digest = hashlib.sha256()
    with replaced(path) as file:
        for column in _columns(scores):
            line = json.dumps(column, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            digest.update(line)
            file.write(line)
    return digest.hexdigest()


def read_index(path: Path, sha256: str) -> SampleScores | None:
    """Return the scores; ``None`` if this is not the file with this SHA-256."""
    try:
        with path.open("rb") as file:
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


def _columns(scores: SampleScores) -> Iterator[dict[str, Any]]:
    yield {"column": "id", "values": scores.ids}
    yield {"column": "cluster", **_numbered(scores.clusters)}
    yield {"column": "kind", **_numbered(scores.kinds)}
    yield {"column": "item", "values": scores.items.tolist()}
    yield {"column": "state", **_numbered(scores.states)}
    for metric, column in scores.scores.items():
        yield {"metric": metric, "values": [None if math.isnan(v) else v for v in column]}


def _numbered(names: Sequence[str]) -> dict[str, Any]:
    """Replace names that repeat by their numbers, in order of appearance."""
    numbers: dict[str, int] = {}
    values = [numbers.setdefault(name, len(numbers)) for name in names]
    return {"names": list(numbers), "values": values}


def _named(names: Sequence[Name], column: dict[str, Any]) -> list[Name]:
    return [names[number] for number in column["values"]]


def _numbers(values: list[float | None]) -> array[float]:
    return array("d", (NO_VALUE if value is None else value for value in values))

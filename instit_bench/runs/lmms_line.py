"""One line of lmms-eval's sample log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from instit_bench.datasets.records import text_field
from instit_bench.errors import InputError
from instit_bench.types import NativeToolCall, Prediction, State


@dataclass(frozen=True, slots=True)
class LoggedSample:
    """One line: which sample, its target, its reply if there was one, and how it ended if not.

    ``asked`` is the request's text, as ``doc_to_text`` made it.
    """

    where: str
    place: int
    sample_id: str | None
    target: str
    asked: str | None
    doc: Mapping[str, Any] | None
    prediction: Prediction | None
    n_replies: int
    error: str | None
    reason: str


def logged_sample(row: Mapping[str, Any], id_field: str, where: str) -> LoggedSample:
    """Read one line; ``id_field`` is the task's column of ids, ``where`` names file and record.

    Raises:
        InputError: A field is missing or of another kind than lmms-eval's.
    """
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{where}: holds half a character (a lone surrogate)") from error
    place, doc = row.get("doc_id"), row.get("doc")
    if not isinstance(place, int) or isinstance(place, bool):
        raise InputError(f"{where}: field 'doc_id' must be a whole number, found {place!r}")
    where = f"{where} (doc_id {place})"
    if doc is not None and not isinstance(doc, dict):
        raise InputError(f"{where}: field 'doc' must be an object, found {doc!r}")
    reply = _first_text(row.get("filtered_resps"), f"{where}: field 'filtered_resps'")
    if reply is None:
        reply = _first_text(row.get("resps"), f"{where}: field 'resps'")
    is_error = row.get("state") == State.INFER_ERROR
    return LoggedSample(
        where=where,
        place=place,
        sample_id=_sample_id(row, id_field, where),
        target=text_field(row, "target", where, may_be_empty=True),
        asked=row["input"] if isinstance(row.get("input"), str) else None,
        doc=doc,
        prediction=None if reply is None else _prediction(reply, row, where),
        n_replies=_count(row.get("resps")),
        error=str(row.get("error") or "no reply") if is_error else None,
        reason=str(row.get("reason") or "missing_prediction"),
    )


def _sample_id(row: Mapping[str, Any], id_field: str, where: str) -> str | None:
    """The sample's own id: in its record, or in a metric's value, as our tasks log it."""
    inner = next((v for v in row.values() if isinstance(v, dict) and id_field in v), None)
    if inner is None:
        return None
    sample_id = inner[id_field]
    if not isinstance(sample_id, int | str) or sample_id == "":
        raise InputError(
            f"{where}: field '{id_field}' must be a number or text, found {sample_id!r}"
        )
    return str(sample_id)


def _first_text(replies: object, where: str) -> str | None:
    """The first reply of however deeply nested lists; ``None`` where there is none."""
    while isinstance(replies, list):
        replies = replies[0] if replies else None
    if replies is not None and not isinstance(replies, str):
        raise InputError(f"{where} must be text or lists of text, found {replies!r}")
    return replies


def _count(replies: object) -> int:
    """How many replies lists within lists hold: the length of the first that holds several."""
    while isinstance(replies, list) and len(replies) == 1:
        replies = replies[0]
    return len(replies) if isinstance(replies, list) else 1


def _prediction(text: str, row: Mapping[str, Any], where: str) -> Prediction:
    """The reply, with what only our own logs say of it."""
    finish_reason, calls = row.get("finish_reason"), row.get("tool_calls") or []
    try:
        tool_calls = tuple(NativeToolCall(str(c["name"]), str(c["arguments"])) for c in calls)
    except (TypeError, KeyError) as error:
        raise InputError(
            f"{where}: field 'tool_calls' must be a list of objects with name and arguments"
        ) from error
    return Prediction(
        text,
        finish_reason=finish_reason if isinstance(finish_reason, str) else None,
        tool_calls=tool_calls,
    )

"""Parse one line of lmms-eval's sample log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from instit_bench.datasets.record import Record
from instit_bench.types import NativeToolCall, Prediction, State, flat_call


@dataclass(frozen=True, slots=True)
class LoggedSample:
    """One line: the sample, its target, its reply if there was one, and how it ended if not.

    ``asked`` is the request's text, as ``doc_to_text`` returned it.
    """

    record: Record
    doc_id: int
    sample_id: str | None
    target: str
    asked: str | None
    doc: Mapping[str, Any] | None
    prediction: Prediction | None
    n_replies: int
    error: str | None
    reason: str


def logged_sample(record: Record, id_field: str) -> LoggedSample:
    """Parse one line; ``id_field`` is the task's id column.

    Raises:
        InputError: A field is missing or of the wrong type.
    """
    row = record.fields
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise record.error("holds half a character (a lone surrogate)") from error
    doc_id, doc = row.get("doc_id"), row.get("doc")
    if not isinstance(doc_id, int) or isinstance(doc_id, bool):
        raise record.field_error("doc_id", f"must be a whole number, found {doc_id!r}")
    record = record.known_as(f"doc_id {doc_id}")
    if doc is not None and not isinstance(doc, dict):
        raise record.field_error("doc", f"must be an object, found {doc!r}")
    reply, n_replies = _reply(record)
    is_error = row.get("state") == State.INFER_ERROR
    if is_error and reply is not None:
        raise record.field_error("state", f"is {State.INFER_ERROR.value}, but it has a reply")
    return LoggedSample(
        record=record,
        doc_id=doc_id,
        sample_id=_sample_id(record, id_field),
        target=record.text("target", may_be_empty=True),
        asked=row["input"] if isinstance(row.get("input"), str) else None,
        doc=doc,
        prediction=None if reply is None else _prediction(reply, record),
        n_replies=n_replies,
        error=str(row.get("error") or "no reply") if is_error else None,
        reason=str(row.get("reason") or "missing_prediction"),
    )


def _sample_id(record: Record, id_field: str) -> str | None:
    """Return the sample's own id: from its record, or from a metric's value of our tasks."""
    values = record.fields.values()
    inner = next((v for v in values if isinstance(v, dict) and id_field in v), None)
    if inner is None:
        return None
    sample_id = inner[id_field]
    if not isinstance(sample_id, int | str) or sample_id == "":
        raise record.field_error(id_field, f"must be a number or text, found {sample_id!r}")
    return str(sample_id)


def _reply(record: Record) -> tuple[str | None, int]:
    """Return the reply that counts, and how many there are.

    A single reply is taken unfiltered, because lmms-eval's filters cut out reasoning, and replies
    are scored whole here; of several, the first one after filtering counts.
    """
    whole, filtered = (
        (_first_text(record, name), _count(record.fields.get(name)))
        for name in ("resps", "filtered_resps")
    )
    n_replies = max(whole[1], filtered[1])
    order = (whole, filtered) if n_replies == 1 else (filtered, whole)
    return next((text for text, _ in order if text is not None), None), n_replies


def _first_text(record: Record, name: str) -> str | None:
    """Return the first reply of a field's nested lists, or ``None`` if there is none."""
    replies = record.fields.get(name)
    while isinstance(replies, list):
        replies = replies[0] if replies else None
    if replies is not None and not isinstance(replies, str):
        raise record.field_error(name, f"must be text or lists of text, found {replies!r}")
    return replies


def _count(replies: object) -> int:
    """Count the replies in nested lists: the length of the first list with several items."""
    while isinstance(replies, list) and len(replies) == 1:
        replies = replies[0]
    return len(replies) if isinstance(replies, list) else 1


def _prediction(text: str, record: Record) -> Prediction:
    """Return the reply, with the fields that only our own logs have."""
    row = record.fields
    finish_reason, calls = row.get("finish_reason"), row.get("tool_calls") or []
    try:
        tool_calls = tuple(
            NativeToolCall(str(call["name"]), str(call["arguments"]))
            for call in map(flat_call, calls)
        )
    except (TypeError, KeyError) as error:
        raise record.field_error(
            "tool_calls",
            "must be a list of objects with name and arguments, or with a 'function' of these, "
            "as in the OpenAI protocol",
        ) from error
    return Prediction(
        text,
        finish_reason=finish_reason if isinstance(finish_reason, str) else None,
        tool_calls=tool_calls,
    )

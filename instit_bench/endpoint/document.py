"""Read a reply's body as one JSON document, sent whole or as a stream of events."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from instit_bench.endpoint.faults import find_fault, words_of
from instit_bench.endpoint.tokens import PROMPT_IDS, add_tokens

# Where servers put a model's reasoning; OpenRouter's details are a list of parts.
REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking", "reasoning_details")
_DONE = "[DONE]"
_LINE_END = re.compile(r"\r\n|\n|\r")  # and no other character, which a reply may contain
_EVENT_STREAM = ("data:", "event:", "id:", "retry:", ":")


class ReplyError(ValueError):
    """A reply that cannot be read, or that reports a failure; the error of one request."""


def read_document(body: bytes) -> Any:
    """Return the body's JSON value; the events of a stream are assembled into a plain reply.

    Raises:
        ReplyError: It is neither JSON nor a stream, is nested too deeply, or is incomplete.
    """
    text = body.decode("utf-8-sig", errors="replace").strip()
    if not text:
        raise ReplyError("the endpoint's reply is empty")
    if text.startswith("<"):
        raise ReplyError(
            f"the endpoint's reply is a web page and not a completion: {words_of(text)}"
        )
    try:
        if text.startswith(_EVENT_STREAM):
            return _assembled(text)
        document = json.loads(text)
    except RecursionError:
        raise ReplyError("the endpoint's reply cannot be read: it is nested too deeply") from None
    except ValueError as error:
        if isinstance(error, ReplyError):
            raise
        raise ReplyError(f"the endpoint's reply cannot be read: {error}") from error
    # Google's endpoint wraps an error in a list.
    if isinstance(document, list) and len(document) == 1:
        return document[0]
    return document


def _assembled(text: str) -> dict[str, Any]:
    """Assemble a reply from the chunks of a stream, or return its error."""
    message: dict[str, Any] = {}
    choice: dict[str, Any] = {"message": message}
    reply: dict[str, Any] = {"choices": [choice]}
    ended = False
    for kind, data in _events(text):
        if data == _DONE:
            ended = True
            break
        chunk = json.loads(data)
        if not isinstance(chunk, dict):
            raise ReplyError("a chunk of the endpoint's stream is not an object")
        if chunk.get("error"):
            return chunk
        if kind == "error" or ("choices" not in chunk and find_fault(chunk)):
            return {"error": chunk}
        for name in ("usage", "base_resp", PROMPT_IDS):
            if chunk.get(name):
                reply[name] = chunk[name]
        for part in _first_choice(chunk):
            _add(choice, message, part)
    if not ended and not choice.get("finish_reason"):
        raise ReplyError("the endpoint's stream ended early")
    return reply


def _events(text: str) -> Iterator[tuple[str, str]]:
    """Yield each event's kind and data; comments, such as keep-alives, are dropped."""
    kind, data = "", list[str]()
    for line in [*_LINE_END.split(text), ""]:
        field, _, value = line.partition(":")
        if not line:
            if data:
                yield kind, "\n".join(data)
            kind, data = "", []
        elif field == "data":
            data.append(value.removeprefix(" "))
        elif field == "event":
            kind = value.strip()


def _first_choice(chunk: dict[str, Any]) -> list[dict[str, Any]]:
    choices = chunk.get("choices")
    found = choices if isinstance(choices, list) else []
    first = (None, 0, "0")
    return [part for part in found if isinstance(part, dict) and part.get("index") in first][:1]


def _add(choice: dict[str, Any], message: dict[str, Any], part: dict[str, Any]) -> None:
    """Add one chunk's part of the first choice to what came before."""
    for name in ("finish_reason", "error"):
        if part.get(name):
            choice[name] = part[name]
    add_tokens(choice, part)
    delta = part.get("delta") or part.get("message") or {"content": part.get("text")}
    if not isinstance(delta, dict):
        raise ReplyError("a chunk of the endpoint's stream has no delta")
    for name in ("content", "refusal", *REASONING_FIELDS):
        piece = delta.get(name)
        if piece:
            message.setdefault(name, []).extend(piece if isinstance(piece, list) else [piece])
    for call in delta.get("tool_calls") or ():
        _add_call(message.setdefault("tool_calls", []), call)
    if isinstance(delta.get("function_call"), dict):
        _add_words(message.setdefault("function_call", {}), delta["function_call"])


def _add_call(calls: list[dict[str, Any]], piece: Any) -> None:
    if not isinstance(piece, dict):
        raise ReplyError("a tool call of the endpoint's stream is not an object")
    index, identity = piece.get("index"), piece.get("id")
    known = (c for c in calls if c["index"] == index and (not identity or c["id"] == identity))
    call = next(known, None)
    if call is None:
        call = {"index": index, "id": identity, "type": piece.get("type"), "function": {}}
        calls.append(call)
    if isinstance(piece.get("function"), dict):
        _add_words(call["function"], piece["function"])


def _add_words(function: dict[str, Any], piece: dict[str, Any]) -> None:
    """Append: a name comes whole, arguments in pieces of text (or at once, as an object)."""
    if piece.get("name"):
        function["name"] = piece["name"]
    arguments = piece.get("arguments")
    if isinstance(arguments, str) and isinstance(function.get("arguments", ""), str):
        function["arguments"] = function.get("arguments", "") + arguments
    elif arguments is not None:
        function["arguments"] = arguments

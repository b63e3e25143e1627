"""Convert an endpoint's reply to a prediction if it contains an answer, else to an error.

Endpoints claim compatibility and have it in most replies. The exceptions handled here come from
issues of the servers and gateways named in ``tests/field/test_endpoint_*.py``.
"""

from __future__ import annotations

import json
from typing import Any

from instit_bench.endpoint.document import REASONING_FIELDS, ReplyError, read_document
from instit_bench.endpoint.faults import find_fault
from instit_bench.endpoint.tokens import PROMPT_IDS, read_tokens
from instit_bench.types import NativeToolCall, Prediction, Usage

__all__ = ["ReplyError", "count_of", "read_reply", "text_of"]

_REASONING_KEPT = 100_000
_REASON_KEPT = 80
_THOUGHT = ("thinking", "reasoning")
_BEGINNING = 120  # characters of a reply that is not a completion


def read_reply(body: bytes) -> Prediction:
    """Return the prediction in a reply's body, without its latency.

    Raises:
        ReplyError: There is none; the message uses the endpoint's own words if it has any.
    """
    try:
        return _prediction(read_document(body))
    except RecursionError:
        raise ReplyError("the endpoint's reply cannot be read: it is nested too deeply") from None
    except TypeError as error:
        raise ReplyError(f"the endpoint's reply cannot be read: {error}") from error


def _prediction(document: Any) -> Prediction:
    if fault := find_fault(document):
        raise ReplyError(f"the endpoint reports error {fault.status}: {fault.words}")
    choice = _first_choice(document)
    message = _message(choice)
    content = message.get("content")
    prediction = Prediction(
        text=text_of(content) or text_of(choice.get("text")),
        finish_reason=_finish_reason(choice.get("finish_reason")),
        usage=_usage(document.get("usage")),
        tool_calls=_tool_calls(message),
        refusal=_optional_text(message.get("refusal")),
        reasoning=_reasoning(message, content),
        tokens=read_tokens(choice, document.get(PROMPT_IDS) or choice.get(PROMPT_IDS)),
    )
    _check_empty(prediction)
    return prediction


def _first_choice(document: Any) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise TypeError(f"it is not a completion but {type(document).__name__}")
    choices = document.get("choices")
    if choices is not None and not isinstance(choices, list):
        raise TypeError(f"its choices are not a list but {type(choices).__name__}")
    if not choices:
        begins = json.dumps(document, ensure_ascii=False)[:_BEGINNING]
        raise ReplyError(
            f"the endpoint's reply is not a completion: it has no choices; it begins {begins}"
        )
    if not isinstance(choices[0], dict):
        raise TypeError(f"its first choice is not an object but {type(choices[0]).__name__}")
    return choices[0]


def _message(choice: dict[str, Any]) -> dict[str, Any]:
    """Return the message; a few servers put a stream's ``delta`` into a plain reply."""
    for name in ("message", "delta"):
        message = choice.get(name)
        if isinstance(message, dict):
            return message
        if isinstance(message, str):
            return {"content": message}
    if choice.get("text") is not None:
        return {}
    reason = choice.get("finish_reason")
    raise ReplyError(f"the endpoint's reply has no message (finish_reason {_shown(reason)})")


def _check_empty(prediction: Prediction) -> None:
    """Accept an empty reply as the model's own only if it ended normally."""
    if prediction.text.strip() or prediction.tool_calls:
        return
    reason = prediction.finish_reason
    if prediction.filtered:
        raise ReplyError(f"the endpoint's filter withheld the reply (finish_reason {reason})")
    if prediction.refusal:
        return
    if not reason:
        raise ReplyError("the endpoint's reply is empty and has no finish_reason")
    if not (prediction.ended or prediction.cut_off):
        raise ReplyError(f"the endpoint's reply has no text (finish_reason {reason})")
    # Not even an end token: the prompt was too long, or the server lost the request.
    if prediction.usage.completion_tokens == 0 and not prediction.reasoning:
        raise ReplyError(f"the endpoint generated nothing (finish_reason {reason})")


def text_of(content: object) -> str:
    """Return a reply's text: a string, a list of strings and text parts, or nothing.

    Raises:
        TypeError: It has any other type.
    """
    if content is None:
        return ""
    if isinstance(content, list):
        return "".join(_part_text(part) for part in content)
    if isinstance(content, dict) and "text" in content:
        return _part_text(content)
    if not isinstance(content, str):
        raise TypeError(f"the content is not text but {type(content).__name__}")
    return _whole(content)


def _part_text(part: object) -> str:
    if not isinstance(part, dict):
        return text_of(part)
    if part.get("type") in _THOUGHT:
        return ""
    text = part.get("text") or part.get("summary")
    return text_of(text.get("value") if isinstance(text, dict) else text)


def _whole(text: str) -> str:
    """Replace half surrogate pairs, which cannot be written to a journal."""
    return text.encode("utf-8", errors="replace").decode()


def _reasoning(message: dict[str, Any], content: object) -> str | None:
    """Return the model's reasoning, from the field or the parts where its server puts it."""
    for name in REASONING_FIELDS:
        if text := _optional_text(message.get(name)):
            return text
    parts = content if isinstance(content, list) else ()
    thoughts = [p for p in parts if isinstance(p, dict) and p.get("type") in _THOUGHT]
    words = [_optional_text(p.get("thinking") or p.get("text")) or "" for p in thoughts]
    return "".join(words)[:_REASONING_KEPT] or None


def _optional_text(value: object) -> str | None:
    """Return text, or ``None``: no reply is refused for the form of its reasoning."""
    try:
        return text_of(value)[:_REASONING_KEPT] or None
    except TypeError:
        return None


def _finish_reason(reason: object) -> str | None:
    """Return the endpoint's finish reason; some servers send an object whose ``type`` it is."""
    if isinstance(reason, dict):
        reason = reason.get("type")
    if reason is None or reason == "":
        return None
    return _whole(str(reason))[:_REASON_KEPT]


def _shown(reason: object) -> str:
    return _finish_reason(reason) or "missing"


def _tool_calls(message: dict[str, Any]) -> tuple[NativeToolCall, ...]:
    """Return function calls; a missing ``type`` means one, as does the older ``function_call``."""
    calls = message.get("tool_calls") or []
    if isinstance(calls, dict):
        calls = [calls]
    if not isinstance(calls, list):
        raise TypeError(f"its tool_calls are not a list but {type(calls).__name__}")
    legacy = message.get("function_call")
    if not calls and isinstance(legacy, dict):
        calls = [{"function": legacy}]
    functions = [_function(call) for call in calls]
    return tuple(
        NativeToolCall(text_of(function.get("name")), _as_json(function.get("arguments")))
        for function in functions
        if function is not None
    )


def _function(call: object) -> dict[str, Any] | None:
    if not isinstance(call, dict):
        raise TypeError(f"a tool call is not an object but {type(call).__name__}")
    if call.get("type") not in (None, "", "function"):
        return None
    function = call.get("function")
    if not isinstance(function, dict):
        raise TypeError(f"a tool call's function is not an object but {type(function).__name__}")
    return function


def _as_json(arguments: object) -> str:
    """Return arguments as JSON text; a few servers send the object itself."""
    if arguments is None or isinstance(arguments, str):
        return _whole(arguments or "")
    return _whole(json.dumps(arguments, ensure_ascii=False))


def _usage(usage: object) -> Usage:
    if not isinstance(usage, dict):
        return Usage()
    details = usage.get("prompt_tokens_details")
    return Usage(
        prompt_tokens=count_of(usage.get("prompt_tokens")),
        completion_tokens=count_of(usage.get("completion_tokens")),
        cached_tokens=count_of(details.get("cached_tokens")) if isinstance(details, dict) else None,
    )


def count_of(tokens: object) -> int | None:
    """Return a token count as an endpoint reports it, or ``None`` if it is not one."""
    whole = isinstance(tokens, int) and not isinstance(tokens, bool)
    return tokens if whole and 0 <= tokens < 2**53 else None  # type: ignore[operator,return-value]

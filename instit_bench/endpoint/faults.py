"""An endpoint's errors: the provider's message, the status it implies, and where it hides."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from instit_bench.display import one_line

_TOLD_AT_MOST = 500
_READ_AT_MOST = 2**20
_DEEPEST = 6
# In small letters: a few providers write ``Error`` and ``Message``.
_MESSAGE_KEYS = (
    *("message", "error", "detail", "details", "msg", "error_message", "error_msg", "errormessage"),
    *("status_msg", "faultstring", "errors", "fault", "base_resp", "header", "response"),
    *("reason", "title"),
)
# The wording of providers that answer 200 and put the error into the body.
_STATUS_OF_WORDS = (
    (402, r"insufficient.?(quota|credit|balance|funds)|payment.required|out of credits"),
    (401, r"invalid.?api.?key|incorrect api key|unauthori[sz]ed|authentication"),
    (404, r"unexpected endpoint|model.?not.?found"),
    (429, r"(rate|request|quota).?limit|too many requests|resource.?exhausted|throttl"),
    (
        503,
        r"overload|unavailable|server.?error|internal.?error|time.?out|timed out|bad gateway|"
        r"capacity|temporar|network|try again",
    ),
)
# The endpoint gave up in mid-reply: the text so far is not the model's answer.
_BROKEN_OFF = re.compile(
    r"error|abort|cancel|fail|insufficient_system_resource", re.IGNORECASE
)  # error, network_error, abort, aborted, cancelled, …


@dataclass(frozen=True, slots=True)
class Fault:
    """An error inside a nominally successful reply, with the status that it implies."""

    status: int
    error: object

    @property
    def words(self) -> str:
        """The provider's words."""
        return words_of(self.error)

    def as_body(self) -> bytes:
        """The body that belongs to the status."""
        return json.dumps({"error": self.error}).encode()


def _fault(error: object) -> Fault:
    return Fault(_status(error), error)


def find_fault(document: Any) -> Fault | None:
    """Return the error that a reply reports instead of an answer, if it does."""
    if not isinstance(document, dict):
        return None
    choices = document.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        error = document.get("error") or document.get("detail")
        if not error and _words(document, 0):
            error = document
        return _fault(error) if error else None
    if error := document.get("error") or _own_status(document, choice):
        return _fault(error)
    reason = choice.get("finish_reason")
    reason = reason.get("type") if isinstance(reason, dict) else reason
    broken_off = isinstance(reason, str) and bool(_BROKEN_OFF.search(reason))
    error = choice.get("error")
    if error and (broken_off or not _has_text(choice)):
        return _fault(error)
    if broken_off:
        return Fault(502, f"the endpoint broke the reply off (finish_reason {reason})")
    return None


def _own_status(document: Mapping[str, Any], choice: Mapping[str, Any]) -> object:
    """Return MiniMax's status, which is in every reply, if it says why there is no text."""
    status = document.get("base_resp")
    failed = isinstance(status, dict) and status.get("status_code")
    return status if failed and not _has_text(choice) else None


def _has_text(choice: Mapping[str, Any]) -> bool:
    message = choice.get("message")
    return bool(choice.get("text") or (isinstance(message, dict) and message.get("content")))


def _status(error: object) -> int:
    """Return the HTTP status that an error implies; 400 unless a retry may help."""
    said: list[str] = []
    if isinstance(error, dict):
        for name in ("code", "status", "status_code", "type"):
            value = error.get(name)
            if str(value).isdecimal() and 400 <= int(str(value)[:4]) < 600:
                return int(str(value)[:4])
            said.append(str(value))
    text = " ".join([*said, words_of(error)])
    for status, pattern in _STATUS_OF_WORDS:
        if re.search(pattern, text, re.IGNORECASE):
            return status
    return 400


def words_of(body: object) -> str:
    """Return a provider's message in an error's body: one bounded line, safe for a terminal.

    The body may be JSON in any of the common forms, a web page, or plain text.
    """
    words = _words(_decoded(body), 0)
    return one_line(words[: 4 * _TOLD_AT_MOST])[:_TOLD_AT_MOST] or "no reason given"


def _decoded(body: object) -> object:
    if isinstance(body, bytes):
        body = body[:_READ_AT_MOST].decode("utf-8", errors="replace")
    if isinstance(body, str) and body.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            return body
    return body


def _words(body: object, depth: int) -> str:
    if body is None or depth > _DEEPEST:
        return ""
    if isinstance(body, str):
        return _page_title(body) if body.lstrip()[:1] == "<" else body
    if isinstance(body, list):
        return "; ".join(filter(None, (_words(item, depth + 1) for item in body[:3])))
    if not isinstance(body, dict):
        return str(body)
    small = {str(key).lower(): value for key, value in body.items()}
    found = (_words(small[key], depth + 1) for key in _MESSAGE_KEYS if small.get(key))
    words = next((text for text in found if text), "")
    if isinstance(body.get("loc"), list):  # FastAPI: which field of the request
        words = ".".join(str(part) for part in body["loc"][:6]) + f": {words}"
    return words + _raw(body, depth)


def _raw(error: Mapping[str, Any], depth: int) -> str:
    """Return what the provider behind a gateway reported."""
    metadata = error.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    words = _words(_decoded(raw), depth + 1)
    return f": {words}" if words else ""


def _page_title(page: str) -> str:
    found = re.search(r"<title[^>]*>(.{1,300}?)</title>", page[:20_000], re.IGNORECASE | re.DOTALL)
    text = found[1] if found else re.sub(r"<[^>]{0,200}>", " ", page[:2000])
    return html.unescape(text)

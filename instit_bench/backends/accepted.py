"""Learn which settings an endpoint accepts from its refusals."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

# In the order in which to drop them if a refusal names several.
_OPTIONAL = (
    *("stream_options", "return_token_ids", "top_logprobs", "logprobs"),
    *("seed", "top_k", "top_p", "stop", "temperature"),
)
_LIMITS = ("max_tokens", "max_completion_tokens")
_REFUSES = re.compile(
    r"unsupported|not? support|n't support|unrecogni[sz]ed|unknown|unexpected|not permitted|"
    r"extra_forbidden|extra inputs|not allowed|cannot (both )?be|cannot find|not a valid|"
    r"deprecated|only the default|not available|no such",
    re.IGNORECASE,
)
_STREAM_ONLY = re.compile(
    r"(only|must|requires?|enable)\b.{0,60}\bstream|\bstream\w*\b.{0,40}\b(required|must be)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The settings that an endpoint accepts: ``dropped`` are those that it refused.

    ``limit`` is the token limit's name, or ``None`` if it accepts no limit at all.
    """

    dropped: frozenset[str] = frozenset()
    limit: str | None = "max_tokens"
    stream: bool = False

    def settings(self, wanted: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
        """Return the wanted settings to send; ``extra`` was set by the user and stays."""
        sent = {name: value for name, value in wanted.items() if name not in self.dropped}
        if "logprobs" not in sent:
            sent.pop("top_logprobs", None)
        if _LIMITS[0] in sent:
            most = sent.pop(_LIMITS[0])
            if self.limit is not None:
                sent[self.limit] = most
        if self.stream:
            sent["stream"] = True
            if "stream_options" not in self.dropped:
                sent["stream_options"] = {"include_usage": True}
        return sent | dict(extra)

    def after(self, words: str, sent: Mapping[str, Any], extra: Mapping[str, Any]) -> Accepted:
        """Return what remains after a refusal in these words; unchanged if it concerns others."""
        if not self.stream and _STREAM_ONLY.search(words):
            return replace(self, stream=True)
        if not _REFUSES.search(words):
            return self
        named = [name for name in (*_LIMITS, *_OPTIONAL, "stream") if _names(words, name)]
        for name in (*_OPTIONAL, *_LIMITS):
            if name in named and name in sent and name not in extra:
                return self._without(name)
        if self.stream and "stream" in named:
            return replace(self, stream=False)
        return self

    def _without(self, name: str) -> Accepted:
        if name == _LIMITS[0]:
            return replace(self, limit=_LIMITS[1])
        if name == _LIMITS[1]:
            return replace(self, limit=None)
        return replace(self, dropped=self.dropped | {name})

    def joined(self, other: Accepted) -> Accepted:
        """Combine what both learned; ``other`` learned last."""
        limit = max(self.limit, other.limit, key=(*_LIMITS, None).index)
        return Accepted(self.dropped | other.dropped, limit, other.stream)

    def told(self) -> dict[str, Any]:
        """Return how the requests differ from the user's settings, for a manifest."""
        told: dict[str, Any] = {}
        not_sent = sorted(self.dropped - {"stream_options"})
        if self.limit is None:
            not_sent.append(_LIMITS[0])
        if not_sent:
            told["not_sent"] = not_sent
        if self.limit == _LIMITS[1]:
            told["token_limit"] = self.limit
        if self.stream:
            told["stream"] = True
        return told


def _names(words: str, name: str) -> bool:
    return bool(re.search(rf"(?<![\w-]){name}(?![\w-])", words))

"""A request's body: JSON, into which images go as the bytes they are.

A chat request may carry megabytes of base64. As text they would be searched for characters to
escape and copied several times, on the event loop. Here they stay bytes, shared by all requests
about an image, and are sent in their place between the pieces of JSON.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Any

_MARK = secrets.token_hex(16)  # no data can contain it


class Body:
    """A body in pieces, which can be sent any number of times; ``size`` is in bytes."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Encode ``document``; a value of type ``bytes`` is text that needs no escaping.

        Raises:
            TypeError: A value is not of a type of JSON.
            ValueError: A number is not finite.
        """
        inserted: list[bytes] = []

        def mark(value: object) -> str:
            if not isinstance(value, bytes):
                raise TypeError(f"{type(value).__name__} is not a type of JSON")
            inserted.append(value)
            return _MARK

        text = json.dumps(
            document, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=mark
        )
        first, *others = text.encode().split(_MARK.encode())
        self.pieces = [first]
        for data, rest in zip(inserted, others, strict=True):
            self.pieces += (data, rest)
        self.size = sum(map(len, self.pieces))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the pieces, in order."""
        for piece in self.pieces:
            yield piece

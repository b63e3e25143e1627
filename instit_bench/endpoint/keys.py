"""Which key an endpoint gets, and how keys are kept out of what is shown and stored.

The usual key, ``OPENAI_API_KEY``, is sent to OpenAI, to the address in ``OPENAI_BASE_URL``, to this
machine, and to any address over https. Over plain http another machine only gets a key that the
user named for it.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable
from urllib.parse import quote, urlsplit

from instit_bench.endpoint.hosts import host_of, is_this_machine
from instit_bench.errors import InputError

KEY_VARIABLE = "OPENAI_API_KEY"
NO_KEY = "none"  # private servers rarely require a key
NO_VARIABLE = ""  # in place of a variable's name: this endpoint gets no key
_SHORTEST_SECRET = 4


def key_from(variable: str, option: str | None = None) -> str:
    """Return the key in an environment variable, or ``NO_KEY``.

    Raises:
        InputError: It is not a valid key, or not set although ``option`` names it.
    """
    key = os.environ.get(variable, "").strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise InputError(f"{variable} contains characters that are not allowed; set it again")
    if not key and option is not None:
        raise InputError(f"{option} {variable}: this environment variable is not set")
    return key or NO_KEY


def is_withheld(address: str) -> bool:
    """Whether the usual key is not sent to this address: in clear, to another machine."""
    host = host_of(address)
    if urlsplit(address).scheme != "http" or is_this_machine(host):
        return False
    return host != host_of(os.environ.get("OPENAI_BASE_URL", ""))


def share_a_key(one: str, other: str) -> bool:
    """Whether the usual key would be sent to both addresses, on different machines elsewhere."""
    return host_of(one) != host_of(other) and _gets_the_key(one) and _gets_the_key(other)


def belongs_to(other: str, address: str) -> bool:
    """Whether the usual key is that of ``other``, a machine elsewhere, and not of this machine."""
    return is_this_machine(host_of(address)) and _gets_the_key(other)


def _gets_the_key(address: str) -> bool:
    """Whether the usual key is set, and is sent to this address on another machine."""
    elsewhere = not is_this_machine(host_of(address))
    return elsewhere and not is_withheld(address) and key_from(KEY_VARIABLE) != NO_KEY


def forms_of(secrets: Iterable[str], address: str = "") -> tuple[str, ...]:
    """Return every form in which a server may repeat a secret, the longest first.

    These are the text itself, URL-encoded, in base64, and its last word (``Bearer KEY``); of a
    user and password in the address also those of Basic credentials.
    """
    parts = urlsplit(address)
    words = set(secrets) - {NO_KEY}
    if parts.password:
        words |= {parts.password, f"{parts.username}:{parts.password}"}
    words |= {word.split()[-1] for word in words if word.split()}
    words = {word for word in words if len(word) >= _SHORTEST_SECRET}
    encoded = {base64.b64encode(word.encode()).decode().rstrip("=") for word in words}
    quoted = {quote(word, safe="") for word in words}
    return tuple(sorted(words | encoded | quoted, key=len, reverse=True))

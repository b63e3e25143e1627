"""What an address says about where it leads."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit


def host_of(address: str) -> str:
    """Return the host name or number in an address, in lower case; empty if there is none."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def is_address(address: str) -> bool:
    """Whether this is an http or https address with a host and a valid port."""
    try:
        parts = urlsplit(address)
        port_is_one = parts.port is None or parts.port > 0
    except ValueError:
        return False
    named = bool(parts.hostname) and not re.search(r"\s", address)
    return parts.scheme in ("http", "https") and named and port_is_one


def is_this_machine(host: str) -> bool:
    """Whether a host is this machine itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        number = ip_address(host)
    except ValueError:
        return False
    return number.is_loopback or number.is_unspecified


def is_nearby(address: str) -> bool:
    """Whether an address is this machine's or of a private network, where no call costs anything.

    A host name without a dot, or under ``.local``, ``.lan`` or ``.internal``, is private too.
    """
    host = host_of(address)
    if not host:
        return False
    try:
        number = ip_address(host)
    except ValueError:
        return "." not in host or host.endswith((".localhost", ".local", ".lan", ".internal"))
    return number.is_loopback or number.is_private or number.is_link_local

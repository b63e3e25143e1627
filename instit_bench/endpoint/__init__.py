"""OpenAI-compatible endpoints: addresses, keys, requests, replies.

``keys`` says which key goes where and keeps it out of what is shown and stored,
``client`` sends a request and limits the reply's size, ``reply`` reads it, ``faults`` finds the
provider's message in an error and says whether it concerns one request or all.
"""

from instit_bench.endpoint.address import DEFAULT_BASE_URL, Endpoint, find_endpoint
from instit_bench.endpoint.keys import KEY_VARIABLE
from instit_bench.endpoint.reply import ReplyError, count_of, read_reply, text_of

__all__ = [
    "DEFAULT_BASE_URL",
    "KEY_VARIABLE",
    "Endpoint",
    "ReplyError",
    "count_of",
    "find_endpoint",
    "read_reply",
    "text_of",
]

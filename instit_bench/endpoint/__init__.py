"""OpenAI-compatible endpoints: where they are, how they are asked, what they answer.

``client`` sends a request and bounds what comes back, ``reply`` reads it, ``faults`` finds the
provider's words in an error and says whether it is one request's or everybody's.
"""

from instit_bench.endpoint.address import (
    DEFAULT_BASE_URL,
    KEY_VARIABLE,
    Endpoint,
    find_endpoint,
)
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

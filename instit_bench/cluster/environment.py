"""Which environment variables a replica needs: keys of its endpoint, and how to reach it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from instit_bench.backends.options import EndpointOptions

_WELL_KNOWN = (
    *("OPENAI_API_KEY", "OPENAI_BASE_URL", "VLLM_API_KEY", "HF_TOKEN", "HF_ENDPOINT"),
    *("HF_HUB_OFFLINE", "SSL_CERT_FILE", "SSL_CERT_DIR", "NO_PROXY", "no_proxy"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"),
)


def variables_for(endpoint: EndpointOptions) -> Mapping[str, str]:
    """Return those of this process's variables that the backend may read, with their values."""
    headers = (header.partition("=")[2] for header in endpoint.header)
    of_headers = (v.removeprefix("env:") for v in headers if v.startswith("env:"))
    names = (*_WELL_KNOWN, endpoint.api_key_env or "", *of_headers)
    return {name: os.environ[name] for name in names if name in os.environ}

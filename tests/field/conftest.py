"""Fixtures for the tests of what real endpoints send."""

from __future__ import annotations

import pytest


@pytest.fixture
def plain_environment(monkeypatch):
    """No key, address, proxy or certificate from the environment."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name in ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    # A busy machine may be slow to refuse the first request.
    monkeypatch.setattr("instit_bench.backends.openai._FIRST_ALONE_S", 30.0)

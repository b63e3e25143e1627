"""Addresses of samples in a report's page (docs/reports.md says what a fragment may hold)."""

from __future__ import annotations

from urllib.parse import quote


def sample_address(page_url: str, task: str, sample: str) -> str:
    """The sample in the report at this address."""
    return f"{page_url}#sample={quote(task, safe='')}/{quote(sample, safe='')}"

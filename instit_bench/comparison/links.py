"""URLs of samples in a report page (docs/reports.md documents the fragment)."""

from __future__ import annotations

from urllib.parse import quote


def sample_address(page_url: str, task: str, sample: str) -> str:
    """Return the URL of a sample in the report at this URL."""
    return f"{page_url}#sample={quote(task, safe='')}/{quote(sample, safe='')}"

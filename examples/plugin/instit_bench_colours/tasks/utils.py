"""The functions that colours.yaml refers to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def doc_to_visual(doc: Mapping[str, Any]) -> list[str]:
    """Return the record's image as a path relative to the YAML file."""
    return [doc["image"]]

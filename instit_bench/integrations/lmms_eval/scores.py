"""Metric values with their sample, as lmms-eval's clustered errors need them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any


def with_sample(values: Mapping[str, float], **sample: str) -> dict[str, dict[str, Any]]:
    """Return each metric's value as ``score``, with fields of its sample (the cluster key)."""
    return {name: {"score": value, **sample} for name, value in values.items()}


def mean_score(items: Sequence[Mapping[str, Any]]) -> float:
    """Return the mean of such values; lmms-eval's own ``mean`` only accepts plain numbers."""
    return statistics.fmean(item["score"] for item in items)

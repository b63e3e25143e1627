"""Metric values that say whose they are, as lmms-eval's clustered errors need them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any


def with_sample(values: Mapping[str, float], **sample: str) -> dict[str, dict[str, Any]]:
    """Each metric's value as ``score``, beside fields of its sample such as the cluster key."""
    return {name: {"score": value, **sample} for name, value in values.items()}


def mean_score(items: Sequence[Mapping[str, Any]]) -> float:
    """The mean of such values; lmms-eval's own ``mean`` takes bare numbers only."""
    return statistics.fmean(item["score"] for item in items)

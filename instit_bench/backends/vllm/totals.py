"""What an engine did during a run: seconds starting, waiting and working, tokens, cache hits."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from instit_bench.types import Usage

# Names on the engine's /metrics page -> names in results.json.
_COUNTERS = {
    "vllm:prefix_cache_queries_total": "prefix_cache_queries",
    "vllm:prefix_cache_hits_total": "prefix_cache_hits",
    "vllm:mm_cache_queries_total": "media_cache_queries",
    "vllm:mm_cache_hits_total": "media_cache_hits",
}


_QUEUE = "vllm:num_requests_waiting"


def read_queue(page: str) -> int | None:
    """Return how many requests wait in the engines' queues, by a /metrics page."""
    from prometheus_client.parser import text_string_to_metric_families

    families = text_string_to_metric_families(page)
    found = [s.value for family in families for s in family.samples if s.name == _QUEUE]
    return int(sum(found)) if found else None


def read_counters(page: str) -> dict[str, float]:
    """Return the cache counters of a /metrics page, summed over all engines."""
    from prometheus_client.parser import text_string_to_metric_families  # the engine brings it

    found: defaultdict[str, float] = defaultdict(float)
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name in _COUNTERS:
                found[_COUNTERS[sample.name]] += sample.value
    return dict(found)


class Totals:
    """Sums over the run's lifetime in this process, restarts included.

    At any moment the engine is starting, working (requests are in flight) or waiting (it is up
    but idle).
    """

    def __init__(self) -> None:
        self._sums: defaultdict[str, float] = defaultdict(float)
        self._in_flight = 0
        self._doing: str | None = None
        self._since = time.monotonic()

    def switch(self, doing: str | None) -> None:
        """Set the current state: ``starting``, ``waiting``, ``working``, or ``None``."""
        now = time.monotonic()
        if self._doing is not None:
            self._sums[f"seconds_{self._doing}"] += now - self._since
        self._doing, self._since = doing, now

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count a request as in flight inside this block."""
        self._in_flight += 1
        if self._in_flight == 1:
            self.switch("working")
        try:
            yield
        finally:
            self._in_flight -= 1
            if self._in_flight == 0 and self._doing == "working":
                self.switch("waiting")

    def add(self, name: str, count: float) -> None:
        """Add to a counter."""
        self._sums[name] += count

    def add_usage(self, usage: Usage) -> None:
        """Count a reply's tokens."""
        self.add("prompt_tokens", usage.prompt_tokens or 0)
        self.add("cached_tokens", usage.cached_tokens or 0)
        self.add("generated_tokens", usage.completion_tokens or 0)

    def as_dict(self) -> dict[str, float]:
        """Return the sums, seconds to the millisecond."""
        return {name: round(value, 3) for name, value in sorted(self._sums.items())}

"""Evaluation harness for large multimodal models on Inst-IT Bench and GPT4Tools.

``instit_bench.run(model=…)`` works like ``instit-bench run`` and returns pandas frames.
"""

from __future__ import annotations

from instit_bench._version import __version__

TYPE_CHECKING = False  # without importing typing, which takes longer than all the rest
if TYPE_CHECKING:
    from typing import Any

    from instit_bench.api import RunFrames, run

__all__ = ["RunFrames", "__version__", "run"]


def __getattr__(name: str) -> Any:
    """Import the Python interface on first use, so that ``import instit_bench`` stays fast."""
    if name in ("run", "RunFrames"):
        from instit_bench import api

        return getattr(api, name)
    raise AttributeError(f"module 'instit_bench' has no attribute {name!r}")

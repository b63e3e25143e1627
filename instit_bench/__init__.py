"""Evaluation harness for large multimodal models on Inst-IT Bench and GPT4Tools.

The functions of the Python interface do what the commands of their names do (docs/api.md).
"""

from __future__ import annotations

import sys
from types import ModuleType

from instit_bench._version import __version__

TYPE_CHECKING = False  # without importing typing, which takes longer than all the rest
if TYPE_CHECKING:
    from typing import Any

    from instit_bench.api import (
        Audit,
        Check,
        Comparison,
        Explanation,
        Leaderboard,
        ReportPage,
        RunFrames,
        RunWarning,
        arun,
        audit,
        calibrate,
        check,
        compare,
        explain,
        export,
        judge,
        judge_sheet,
        leaderboard,
        load_run,
        load_samples,
        report,
        rescore,
        run,
        score,
    )

__all__ = [
    "Audit",
    "Check",
    "Comparison",
    "Explanation",
    "Leaderboard",
    "ReportPage",
    "RunFrames",
    "RunWarning",
    "__version__",
    "arun",
    "audit",
    "calibrate",
    "check",
    "compare",
    "explain",
    "export",
    "judge",
    "judge_sheet",
    "leaderboard",
    "load_run",
    "load_samples",
    "report",
    "rescore",
    "run",
    "score",
]


def __getattr__(name: str) -> Any:
    """Import the Python interface on first use, so that ``import instit_bench`` stays fast."""
    if name in __all__:
        from instit_bench import api

        return getattr(api, name)
    raise AttributeError(f"module 'instit_bench' has no attribute {name!r}")


class _Package(ModuleType):
    """This package: ``report`` and ``leaderboard`` are functions here, though packages too.

    Python would put a package in the function's place as soon as anything imports from it.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in __all__ and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __dir__() -> list[str]:
    """Have completion offer the interface, and nothing that it is made of."""
    return sorted(__all__)

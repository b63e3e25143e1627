"""The Python interface: what the command line does, as functions whose results show themselves.

Every function takes and returns plain values, works in notebooks, where an event loop is running,
and raises the errors of ``instit_bench.errors``. A run is named by its folder.
"""

from __future__ import annotations

from instit_bench.api.auditing import Audit, audit
from instit_bench.api.calibration import calibrate, judge_sheet
from instit_bench.api.reading import (
    check,
    compare,
    explain,
    export,
    leaderboard,
    load_run,
    load_samples,
    report,
)
from instit_bench.api.running import RunWarning, arun, judge, rescore, run, score
from instit_bench.api.values import Check, Comparison, Leaderboard, ReportPage, RunFrames
from instit_bench.comparison.explain.explain import Explanation

__all__ = [
    "Audit",
    "Check",
    "Comparison",
    "Explanation",
    "Leaderboard",
    "ReportPage",
    "RunFrames",
    "RunWarning",
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

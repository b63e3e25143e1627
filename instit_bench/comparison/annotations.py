"""Workflow commands of GitHub Actions: lines of a step's output that the runner executes.

Source: GitHub's "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

from instit_bench.comparison.check import CheckReport
from instit_bench.display import one_line


def error_lines(report: CheckReport) -> list[str]:
    """Return an ``::error`` line for each rule that does not hold."""
    return [
        f"::error title={_property(f'{finding.task}: {finding.rule}: {finding.status}')}::"
        f"{_message(f'{finding.text}; allowed: {finding.limit}')}"
        for finding in report.findings
        if finding.status != "held"
    ]


def without_commands(text: str, token: str) -> str:
    """Make ``text`` safe from the runner's commands; ``token`` must be unguessable."""
    return f"::stop-commands::{token}\n{text.rstrip()}\n::{token}::"


def _message(text: str) -> str:
    return one_line(text).replace("%", "%25")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")

"""A check in the forms that CI services read: JUnit XML, and GitHub Actions' workflow commands.

Source of the latter: GitHub's "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from instit_bench.comparison.check import CheckReport, Finding
from instit_bench.display import one_line


def junit_xml(report: CheckReport) -> str:
    """Return one test case per rule: a regression is a failure, a rule without a verdict an error.

    Names contain no measured values, so a service can follow a rule from run to run.
    """
    counts = {
        "tests": str(len(report.findings)),
        "failures": str(report.count("regression")),
        "errors": str(report.count("undecided")),
    }
    suites = ET.Element("testsuites", counts)
    suite = ET.SubElement(suites, "testsuite", {"name": "instit-bench check", **counts})
    for finding in report.findings:
        _case(suite, finding)
    ET.indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(suites, encoding="unicode")}\n'


def _case(suite: ET.Element, finding: Finding) -> None:
    names = {"classname": one_line(finding.task), "name": one_line(finding.rule), "time": "0"}
    case = ET.SubElement(suite, "testcase", names)
    text = one_line(f"{finding.limit}: {finding.text}")
    if finding.status == "passed":
        ET.SubElement(case, "system-out").text = text
        return
    tag = "failure" if finding.status == "regression" else "error"
    ET.SubElement(case, tag, {"type": finding.status, "message": text})


def error_lines(report: CheckReport) -> list[str]:
    """Return an ``::error`` line for each rule that does not hold."""
    return [
        f"::error title={_property(f'{finding.task}: {finding.rule}: {finding.status}')}::"
        f"{_message(f'{finding.text}; allowed: {finding.limit}')}"
        for finding in report.findings
        if finding.status != "passed"
    ]


def without_commands(text: str, token: str) -> str:
    """Make ``text`` safe from the runner's commands; ``token`` must be unguessable."""
    return f"::stop-commands::{token}\n{text.rstrip()}\n::{token}::"


def _message(text: str) -> str:
    return one_line(text).replace("%", "%25")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")

"""Write an audit's results: a page, Markdown and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic_core import to_jsonable_python

from instit_bench.audit.panels import Panel, panels
from instit_bench.audit.results import AuditResult, CheckResult
from instit_bench.report.pages import render_page
from instit_bench.runs.atomic import write_atomically

NAMES = ("audit.html", "audit.md", "audit.json")


def write_results(result: AuditResult) -> tuple[Path, ...]:
    """Write page, Markdown and JSON into the audit's folder, and return their paths."""
    shown = panels(result)
    texts = (audit_page(result, shown), markdown(result, shown), as_json(result))
    paths = tuple(result.audit.folder / name for name in NAMES)
    for path, text in zip(paths, texts, strict=True):
        write_atomically(path, text)
    return paths


def audit_page(result: AuditResult, shown: tuple[Panel, ...]) -> str:
    """Return a page of one file, with a panel for each check."""
    return render_page(
        "audit.html.j2",
        scripts=(),
        styles=("theme.css", "report_charts.css", "audit.css"),
        result=result,
        panels=[panel for panel in shown if panel.answers],
        absent=[panel for panel in shown if not panel.answers],
        facts=_facts(result),
    )


def _facts(result: AuditResult) -> list[str]:
    return [
        f"{task}: {metric} {100 * value.value:.1f} %, n {value.n}"
        for task, (metric, value) in result.plain.items()
        if value.value is not None
    ]


def markdown(result: AuditResult, shown: tuple[Panel, ...]) -> str:
    """Return the same as Markdown."""
    return "\n".join(_lines(result, shown)) + "\n"


def _lines(result: AuditResult, shown: tuple[Panel, ...]) -> Iterator[str]:
    yield f"# Audit of {_cell(result.audit.model)}"
    yield ""
    yield from (f"- {_cell(fact)}" for fact in _facts(result))
    for panel in shown:
        yield from ("", f"## {panel.question}", "")
        yield from (f"- **{_cell(a.task)}**: {_cell(a.told)}" for a in panel.answers)
        yield from (
            f"- {_cell(task)}: skipped: {_cell(why)}" for task, why in panel.skipped.items()
        )
        if panel.answers:
            yield from ("", panel.reading)
        yield from (f"`{name}`: {meaning}." for name, meaning in panel.meanings.items())
    if result.gaps:
        yield from ("", "## Samples without a score", "")
        yield from (f"- {_cell(gap)}" for gap in result.gaps)


def _cell(text: str) -> str:
    """Make outside text safe on one line of Markdown."""
    return " ".join(text.split()).replace("<", "&lt;").replace("|", "\\|")


def as_json(result: AuditResult) -> str:
    """Return all figures in full precision."""
    document: dict[str, Any] = {
        "model": result.audit.model,
        "plain": {
            task: {"metric": metric, "value": to_jsonable_python(value)}
            for task, (metric, value) in result.plain.items()
        },
        "checks": {found.planned.check.name: _check(found) for found in result.checks},
        "text_only": {
            "tasks": {
                task: {"chance": words.chance, "accuracy": to_jsonable_python(words.accuracy)}
                for task, (words, _) in result.text_only.found.items()
            },
            "skipped": dict(result.text_only.skipped),
        },
        "gaps": list(result.gaps),
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _check(found: CheckResult) -> Mapping[str, Any]:
    return {
        "figure": found.planned.check.figure,
        "gains": [
            {
                "task": gain.task,
                "run": gain.run,
                "against": gain.against,
                "metric": gain.compared.metric,
                "decides": gain.decides,
                "plain": gain.compared.test.b,
                "altered": gain.compared.test.a,
                "gain": gain.compared.test.difference,
                "ci95": gain.compared.test.ci95,
                "p": gain.compared.p,
                "n": gain.compared.test.n,
                "clusters": gain.compared.test.clusters,
            }
            for gain in found.gains
        ],
        "circular": to_jsonable_python(found.circular),
        "skipped": dict(found.skipped),
    }

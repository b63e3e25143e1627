"""The function that asks a model the same questions under interventions."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from instit_bench.api import html
from instit_bench.api.notebook import make_reporter
from instit_bench.api.running import RunWarning
from instit_bench.api.settings import RunSettings, spelt_out
from instit_bench.api.threads import outside_any_loop
from instit_bench.audit.page import write_results
from instit_bench.audit.panels import panels
from instit_bench.audit.plan import plan_audit
from instit_bench.audit.results import AuditResult, audit_result
from instit_bench.display import counted, path_text
from instit_bench.errors import InputError
from instit_bench.evaluation.config import RunConfig, read_settings
from instit_bench.evaluation.runner import run as run_to_outcome
from instit_bench.types import Metric
from instit_bench.validation import names_in

if TYPE_CHECKING:
    import pandas as pd


class Audit:
    """What an audit showed.

    ``figures`` has one row per check, run, task and metric: ``check, figure, task, run, metric,
    value, ci95_low, ci95_high, p, n``. A gain is a difference of fractions, circular accuracy and
    what words alone answer are fractions 0..1. ``path`` is the folder of the runs, ``page`` the
    written ``audit.html``.
    """

    def __init__(self, result: AuditResult, page: Path) -> None:
        self.result = result
        self.page = page

    @property
    def path(self) -> Path:
        """The folder of the audit."""
        return self.result.audit.folder

    @cached_property
    def figures(self) -> pd.DataFrame:
        """One row per check, run, task and metric."""
        import pandas as pd

        return pd.DataFrame(list(_rows(self.result)))

    def __repr__(self) -> str:
        checks = counted(sum(bool(panel.answers) for panel in panels(self.result)), "answer")
        return f"<Audit {path_text(self.path)}: {self.result.audit.model}, {checks}>"

    def _repr_html_(self) -> str:
        shown = panels(self.result)
        rows = [(p.question, a.task, a.told) for p in shown for a in p.answers]
        table = html.table(repr(self)[1:-1], ("check", "task", "answer"), rows, left=3)
        return "".join([table, *map(html.paragraph, self.result.gaps)])


def _rows(result: AuditResult) -> Iterator[dict[str, Any]]:
    for found in result.checks:
        check = found.planned.check
        for gain in found.gains:
            test = gain.compared.test
            low, high = test.ci95 or (None, None)
            named = {"check": check.name, "figure": check.figure, "task": gain.task}
            asked = {"run": gain.run, "metric": gain.compared.metric}
            figures = {"value": test.difference, "ci95_low": low, "ci95_high": high}
            yield {**named, **asked, **figures, "p": gain.compared.p, "n": test.n}
        for one in found.circular:
            yield _share(check.name, "circular accuracy", one.task, one.metric, one.circular)
    for task, (words, _) in result.text_only.found.items():
        yield _share("text-only", "words alone", task, "accuracy", words.accuracy)


def _share(check: str, figure: str, task: str, metric: str, value: Metric) -> dict[str, Any]:
    low, high = value.ci95 or (None, None)
    named = {"check": check, "figure": figure, "task": task, "run": None, "metric": metric}
    figures = {"value": value.value, "ci95_low": low, "ci95_high": high}
    return {**named, **figures, "p": None, "n": value.n}


@spelt_out(RunSettings, RunConfig)
def audit(
    config: Path | str | None = None,
    *,
    checks: str | Sequence[str] = (),
    progress: bool | None = None,
    **settings: Unpack[RunSettings],
) -> Audit:
    """Ask a model the same questions under interventions, and compare; or resume such an audit.

    The runs follow one another; ``instit-bench audit`` has those of an endpoint side by side. A
    ``RunWarning`` says what is wrong with a run, and the same call asks failed samples again.

    Args:
        config: YAML file of settings; keyword arguments override it.
        checks: Only these checks; by default all that apply (docs/audit.md).
        progress: Show a progress bar per run; by default in a notebook or on a terminal.
        settings: The options of ``instit-bench run``, with underscores; ``name`` is the audit's.

    Raises:
        InputError: Settings, checks, tasks or data are not valid, or no check applies to any task.
        NotComparableError: The folder contains runs with other settings.
        InstitBenchError: A run stopped before all samples were asked. Finished samples are kept.
        KeyboardInterrupt: Interrupted; the same call resumes the audit.
    """
    given = (read_settings(Path(config)) if config else {}) | {**settings}
    return outside_any_loop(lambda: _carried_out(given, names_in(checks), progress))


def _carried_out(given: dict[str, Any], checks: list[str], progress: bool | None) -> Audit:
    planned = plan_audit(given, checks)
    for run in planned.suite.runs:
        outcome = run_to_outcome(run.config, make_reporter(progress))
        if outcome.status == "interrupted":
            raise KeyboardInterrupt
        problem = outcome.conclusion(run.config.min_coverage)
        for line in (*outcome.warnings, *([problem.message] if problem else ())):
            warnings.warn(f"{run.label}: {line}", RunWarning, stacklevel=5)
        if problem and any(len(t.records) < t.entry.n_selected for t in outcome.run.tasks.values()):
            raise problem.error()
    result = audit_result(planned)
    if result is None:
        raise InputError(f"{planned.folder}: the plain run has not begun")
    return Audit(result, write_results(result)[0])

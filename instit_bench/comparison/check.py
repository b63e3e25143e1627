"""Check a run against a policy: one finding per rule, and one exit code for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from instit_bench.comparison.baseline_file import load_scored_run
from instit_bench.comparison.compare import (
    MetricComparison,
    RunComparison,
    TaskComparison,
    compare_runs,
)
from instit_bench.comparison.limits import (
    Status,
    judge_bound,
    judge_corrected_drop,
    judge_drop,
)
from instit_bench.comparison.policy import MetricRules, Policy, TaskLimits
from instit_bench.comparison.scored_run import ScoredRun, TaskScores
from instit_bench.comparison.select import of_tasks
from instit_bench.errors import InputError
from instit_bench.scorers.base import ScorerSpec


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one rule. ``limit`` is what it demands, ``text`` what was found."""

    task: str
    rule: str
    limit: str
    status: Status
    text: str


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All findings, and the comparison with the baseline behind them, if there is one."""

    run: ScoredRun
    comparison: RunComparison | None
    findings: tuple[Finding, ...]

    @property
    def exit_code(self) -> int:
        """0: all rules passed; 1: a regression; 3: a rule that cannot be checked, in any case."""
        found = {finding.status for finding in self.findings}
        return 3 if "undecided" in found else 1 if "regression" in found else 0

    def count(self, status: Status) -> int:
        """Return the number of rules with this status."""
        return sum(finding.status == status for finding in self.findings)

    @property
    def conclusion(self) -> str:
        """One line; it contains no text from data or models."""
        rules = len(self.findings)
        broken, open_ = self.count("regression"), self.count("undecided")
        if open_:
            also = f", {broken} broken" if broken else ""
            return f"check: UNDECIDED: {open_} of {rules} rules cannot be checked{also}"
        if broken:
            return f"check: REGRESSION: {broken} of {rules} rules broken"
        return f"check: passed: all {rules} rules"


def check_against(
    run: Path,
    baseline: Path | None,
    policy: Policy,
    policy_name: str,
    *,
    tasks: Sequence[str] = (),
    seed: int = 0,
) -> CheckReport:
    """Check the run in a folder against a run or a baseline file; messages name the policy.

    With ``tasks``, names or patterns, only these are checked, and entries for others may be there.

    Raises:
        InputError: A file is missing or not valid, the policy names what neither has, or a baseline
            is needed.
    """
    if baseline is None:
        _require_bounds(policy)
    checked = load_scored_run(run)
    before = load_scored_run(baseline) if baseline else None
    checked, *others = of_tasks([checked, before] if before else [checked], tasks)
    before = next(iter(others), None)
    policy.require_known(policy_names(checked, before), policy_name, in_part=bool(tasks))
    return check_run(checked, before, policy, seed=seed)


def _require_bounds(policy: Policy) -> None:
    """Refuse to check drops, or nothing at all, without a baseline."""
    if policy.explicit("max_drop"):
        raise InputError("--baseline is needed: the policy has a rule max_drop")
    if not policy.explicit("min_value") and not policy.explicit("max_value"):
        raise InputError(
            "--baseline is needed: without one only min_value and max_value can be checked, and "
            "no --policy has such a rule"
        )


def check_run(
    run: ScoredRun, baseline: ScoredRun | None, policy: Policy, *, seed: int = 0
) -> CheckReport:
    """Check a run against a policy; without a baseline the rules for drops are skipped."""
    metrics = policy_names(run, baseline)

    def select(task: str, scorer: ScorerSpec, valued: Sequence[str]) -> Sequence[str]:
        return _gated(policy.rules_for(task), scorer, metrics[task], valued)

    comparison = compare_runs(baseline, run, select, seed=seed) if baseline else None
    compared = {task.task: task for task in comparison.tasks} if comparison else {}
    before = baseline.tasks if baseline else {}
    findings = [
        finding
        for name in dict.fromkeys([*before, *run.tasks])
        for finding in _Task(
            name,
            policy.rules_for(name),
            before.get(name),
            run.tasks.get(name),
            compared.get(name),
        ).findings(with_baseline=baseline is not None)
    ]
    return CheckReport(run, comparison, tuple(findings))


def policy_names(run: ScoredRun, baseline: ScoredRun | None) -> Mapping[str, Sequence[str]]:
    """Return the tasks that rules may name, with their metrics."""
    names: dict[str, dict[str, None]] = {}
    for one in (baseline, run):
        for name, task in (one.tasks if one else {}).items():
            names.setdefault(name, {}).update(dict.fromkeys(task.metrics))
    return {name: tuple(metrics) for name, metrics in names.items()}


def _gated(
    limits: TaskLimits, scorer: ScorerSpec, metrics: Sequence[str], valued: Sequence[str]
) -> list[str]:
    """Return headline metrics, those that a rule names, and those with values that one covers."""
    heads = scorer.headlines(valued)
    named = [
        metric
        for metric in metrics
        if limits.names(metric, exactly=True) or (metric in valued and limits.names(metric))
    ]
    return list(dict.fromkeys([*heads, *named]))


@dataclass(frozen=True, slots=True)
class _Task:
    """One task of a check: the baseline's scores, the run's, and how they compare."""

    name: str
    limits: TaskLimits
    before: TaskScores | None
    after: TaskScores | None
    compared: TaskComparison | None

    def findings(self, *, with_baseline: bool) -> Iterator[Finding]:
        """Yield findings in the order of every output."""
        if self.after is None and self.limits.rules.optional:
            yield self._finding(*COMPARABLE, "passed", "optional: the run has no such task")
            return
        if self.after is None:
            yield self._finding(*COMPARABLE, "undecided", "the run has no such task")
            return
        yield from self._measured(self.after)
        if self.compared is not None:
            yield from self._drops(self.compared)
        elif with_baseline:
            yield self._finding(*COMPARABLE, "passed", "new: the baseline has no such task")
        yield from self._bounds(self.after)

    def _measured(self, after: TaskScores) -> Iterator[Finding]:
        """Check whether enough was measured to say anything."""
        expected = _expected(self.before or after, after)
        rules = self.limits.rules
        if rules.min_coverage is not None:
            share = after.n_counted / expected if expected else 0.0
            text = f"{after.n_counted} of {expected} samples count ({share:.4f})"
            status: Status = "passed" if share >= rules.min_coverage else "undecided"
            if self.before and self.before.n_counted / max(expected, 1) < rules.min_coverage:
                text += f"; of the baseline's {self.before.n_counted}"
                status = "undecided"
            yield self._finding("min_coverage", f"at least {rules.min_coverage:g}", status, text)
        if rules.max_error_rate is not None:
            share = after.n_errors / expected if expected else 0.0
            text = f"{after.n_errors} of {expected} samples failed ({share:.4f})"
            status = "passed" if share <= rules.max_error_rate else "undecided"
            yield self._finding("max_error_rate", f"at most {rules.max_error_rate:g}", status, text)

    def _drops(self, task: TaskComparison) -> Iterator[Finding]:
        if task.mismatches:
            differ = "; ".join(f"{m.field}: {m.a} against {m.b}" for m in task.mismatches)
            yield self._finding(*COMPARABLE, "undecided", differ)
            return
        caveats = "; ".join(task.caveats) or "nothing differs"
        yield self._finding(*COMPARABLE, "passed", caveats)
        for metric in task.absent:
            if self.limits.for_metric(metric).max_drop is not None:
                text = "no sample has a value in both runs"
                yield self._finding(f"{metric} max_drop", "", "undecided", text)
        for found in task.metrics:
            rules = self.limits.for_metric(found.metric)
            if rules.max_drop is not None:
                limit = f"at most {rules.max_drop:g} ({rules.gate})"
                verdict = self._drop(found, rules, rules.max_drop)
                yield self._finding(f"{found.metric} max_drop", limit, *verdict)

    def _drop(
        self, found: MetricComparison, rules: MetricRules, limit: float
    ) -> tuple[Status, str]:
        if rules.corrected and self.before and self.after:
            return judge_corrected_drop(self.before, self.after, found.metric, limit, rules.gate)
        return judge_drop(found, limit, rules.gate)

    def _bounds(self, after: TaskScores) -> Iterator[Finding]:
        for metric in dict.fromkeys(
            [*after.metrics, *(self.before.metrics if self.before else ())]
        ):
            rules = self.limits.for_metric(metric)
            gate, corrected = rules.gate, rules.corrected
            if rules.min_value is not None:
                limit = f"at least {rules.min_value:g} ({gate})"
                found = judge_bound(
                    after, metric, "min_value", rules.min_value, gate, corrected=corrected
                )
                yield self._finding(f"{metric} min_value", limit, *found)
            if rules.max_value is not None:
                limit = f"at most {rules.max_value:g} ({gate})"
                found = judge_bound(
                    after, metric, "max_value", rules.max_value, gate, corrected=corrected
                )
                yield self._finding(f"{metric} max_value", limit, *found)

    def _finding(self, rule: str, limit: str, status: Status, text: str) -> Finding:
        return Finding(self.name, rule, limit, status, text)


COMPARABLE = ("comparable", "same data, prompts, protocol")


def _expected(before: TaskScores, after: TaskScores) -> int:
    """Return how many samples to cover: a run with fewer than the baseline is not complete."""
    return max(before.n_total, after.n_total, len({*before.samples.ids, *after.samples.ids}))

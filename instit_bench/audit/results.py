"""What an audit showed: computed from the stored runs alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from instit_bench.audit.checks import PERMUTED_OPTIONS, PLAIN, Variant
from instit_bench.audit.circular import Circular, circular_of
from instit_bench.audit.plan import Audit, PlannedCheck
from instit_bench.audit.text_only import (
    MissingLibraryError,
    Question,
    TextOnly,
    text_only,
)
from instit_bench.comparison.comparable import Mismatch
from instit_bench.comparison.compare import MetricComparison, compare_runs, headline
from instit_bench.comparison.scored_run import ScoredRun, TaskScores, scored_run
from instit_bench.interventions.options import place_of
from instit_bench.runs.loaded import Run, RunTask
from instit_bench.scorers.registry import spec_of
from instit_bench.stats.intervals import mean_metric
from instit_bench.types import Metric

# What an intervention changes by intention.
_EXPECTED = (
    *("intervention", "prompt texts", "question or target of "),
    *("marks", "masks", "renamed_marks"),
)


@dataclass(frozen=True, slots=True)
class Gain:
    """A task's metric in the run ``against``, mostly the plain one, minus that in ``run``.

    ``compared.test.a`` is the score in ``run``, ``b`` the other, on the same samples. The deciding
    metric is the strict one, if the task has any.
    """

    task: str
    run: str
    against: str
    decides: bool
    compared: MetricComparison


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A check's figures, and by task (and run) why there is none."""

    planned: PlannedCheck
    gains: tuple[Gain, ...]
    circular: tuple[Circular, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)

    @property
    def deciding(self) -> tuple[Gain, ...]:
        """The gains of the deciding metrics."""
        return tuple(gain for gain in self.gains if gain.decides)


@dataclass(frozen=True, slots=True)
class TextOnlyResult:
    """What words alone answer, and the model's own score on the same samples, by task."""

    found: Mapping[str, tuple[TextOnly, Metric]]
    skipped: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AuditResult:
    """All checks; ``plain`` has the deciding metric of each task in the plain run.

    ``gaps`` says of each run and task which samples have no score.
    """

    audit: Audit
    plain: Mapping[str, tuple[str, Metric]]
    checks: tuple[CheckResult, ...]
    text_only: TextOnlyResult
    gaps: tuple[str, ...]


def audit_result(audit: Audit) -> AuditResult | None:
    """Read the audit's runs; ``None`` if the plain run never began.

    Raises:
        InputError: A file of a run is broken.
    """
    stored = {name: Run.load(path) for name, path in audit.stored.items()}
    if PLAIN not in stored:
        return None
    scored = {name: scored_run(run, keep=True) for name, run in stored.items()}
    return AuditResult(
        audit,
        dict(_plain(stored[PLAIN])),
        tuple(_check(check, stored, scored) for check in audit.checks),
        _text_only(stored[PLAIN]),
        tuple(_gaps(scored, audit.tasks)),
    )


def _plain(run: Run) -> Iterator[tuple[str, tuple[str, Metric]]]:
    for name, task in run.tasks.items():
        if metric := _deciding(task):
            yield name, (metric, mean_metric(*task.scores.of_metric(metric)))


def _deciding(task: RunTask) -> str | None:
    return spec_of(task.entry).deciding(task.scores.scores)


def _check(
    planned: PlannedCheck, stored: Mapping[str, Run], scored: Mapping[str, ScoredRun]
) -> CheckResult:
    gains: list[Gain] = []
    skipped = dict(planned.skipped)
    for variant in planned.check.variants:
        tasks = planned.tasks.get(variant.name, ())
        missing = [name for name in (variant.name, variant.against) if name not in scored]
        if missing:
            skipped |= dict.fromkeys(tasks, f"{missing[0]} has not run")
            continue
        found, left_out = _gains(variant, tasks, scored)
        gains += found
        skipped |= left_out
    circular: tuple[Circular, ...] = ()
    if planned.check.name == PERMUTED_OPTIONS:
        circular = tuple(_circular(planned, stored, skipped))
    return CheckResult(planned, tuple(gains), circular, skipped)


def _gains(
    variant: Variant, tasks: tuple[str, ...], scored: Mapping[str, ScoredRun]
) -> tuple[list[Gain], dict[str, str]]:
    """Return the gains of all tasks in one altered run, and why some have none."""
    name = variant.name
    plain, altered = scored[variant.against], scored[name]
    if plain.model != altered.model:
        return [], dict.fromkeys(tasks, f"{name} was run with model {altered.model}")
    compared = compare_runs(altered, plain, headline)
    gains, skipped = [], dict.fromkeys(tasks, f"{name}: no sample has a score in both runs")
    for task in compared.tasks:
        if task.task not in tasks:
            continue
        other = [found for found in task.mismatches if not _is_expected(found)]
        if other:
            skipped[task.task] = f"{name}: {other[0]}"
            continue
        decides = spec_of(plain.tasks[task.task]).deciding([m.metric for m in task.metrics])
        gains += [
            Gain(task.task, name, variant.against, m.metric == decides, m) for m in task.metrics
        ]
        if task.metrics:
            del skipped[task.task]
    return gains, skipped


def _is_expected(found: Mismatch) -> bool:
    return found.field.startswith(_EXPECTED)


def _circular(
    planned: PlannedCheck, stored: Mapping[str, Run], skipped: dict[str, str]
) -> Iterator[Circular]:
    """Yield the circular accuracies of the tasks whose rotations are all there.

    ``skipped`` is told of tasks without one.
    """
    tasks = dict.fromkeys(task for tasks in planned.tasks.values() for task in tasks)
    for task in tasks:
        names = [PLAIN, *(name for name, of in planned.tasks.items() if task in of)]
        if task in skipped or not all(name in stored for name in names):
            continue
        found = circular_of(task, [stored[name] for name in names])
        if found is None:
            skipped[task] = "no sample has a letter as target and a score in every order"
        else:
            yield found


def _text_only(run: Run) -> TextOnlyResult:
    found: dict[str, tuple[TextOnly, Metric]] = {}
    skipped: dict[str, str] = {}
    for name, task in run.tasks.items():
        questions, values = _questions(task)
        if not questions:
            skipped[name] = "it has no options with a letter as target"
            continue
        try:
            words = text_only(questions)
        except MissingLibraryError:
            skipped[name] = "needs scikit-learn: pip install 'instit-bench[audit]'"
            continue
        if words is None:
            skipped[name] = "all questions are about one image or video"
        else:
            found[name] = words, values
    return TextOnlyResult(found, skipped)


def _questions(task: RunTask) -> tuple[list[Question], Metric]:
    """Return a task's multiple-choice questions, and the model's deciding metric."""
    questions = []
    for record, _ in task.selected():
        place = place_of(record.target, len(record.choices))
        if place is not None:
            cluster = record.cluster or record.id
            questions.append(Question(record.question, tuple(record.choices), place, cluster))
    metric = _deciding(task)
    return questions, mean_metric(*task.scores.of_metric(metric or ""))


def _gaps(scored: Mapping[str, ScoredRun], tasks: Sequence[str]) -> Iterator[str]:
    for task in tasks:
        plain = scored[PLAIN].tasks.get(task)
        if plain is None or not plain.n_counted:
            yield f"{task}: no sample of the plain run has a score"
            continue
        for name, run in scored.items():
            if task in run.tasks and (missing := _missing(run.tasks[task])):
                yield f"{task}, {name}: {missing} of {run.tasks[task].n_total} samples not scored"


def _missing(task: TaskScores) -> int:
    return task.n_total - task.n_counted

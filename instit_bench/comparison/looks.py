"""A look at part of a run: what its samples so far say about the rules for drops."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from instit_bench.comparison.compare import family_of
from instit_bench.comparison.pairs import Pairs
from instit_bench.comparison.policy import Policy
from instit_bench.comparison.scored_run import ScoredRun, TaskScores
from instit_bench.errors import InputError
from instit_bench.runs.loaded import RunTask
from instit_bench.runs.looks import COUNT, Looks, Verdict, place
from instit_bench.runs.sample_scores import SampleScores
from instit_bench.scorers.registry import spec_of
from instit_bench.types import State

if TYPE_CHECKING:
    from instit_bench.stats.sequential import Estimates

LEVEL = 0.05
_NO_SCORE_YET = (State.NOT_JUDGED, State.NOT_SCORED, State.NOT_RUN)


@dataclass(frozen=True, slots=True)
class DropRule:
    """A metric of a task that may fall by ``allowed``; ``family`` is corrected by Holm together."""

    task: str
    media: str
    metric: str
    family: str
    allowed: float
    lower_is_better: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """A rule at a look: the means of the paired samples, and the interval of the difference.

    ``n`` samples have a value in both runs. ``failed`` and ``passed`` say what is settled;
    ``difference`` and ``interval`` are B minus A, in fractions.
    """

    rule: DropRule
    n: int
    a: float
    b: float
    difference: float
    interval: tuple[float, float]
    failed: bool
    passed: bool


def drop_rules(
    policy: Policy, baseline: ScoredRun, media: Mapping[str, str], where: str
) -> list[DropRule]:
    """Return the rules that looks can settle; ``media`` names the tasks of the run.

    Raises:
        InputError: A rule is decided by the complete run only, or there is none at all.
    """
    found = []
    for name in (task for task in media if task in baseline.tasks):
        task, limits = baseline.tasks[name], policy.rules_for(name)
        heads = spec_of(task).headlines([m for m in task.metrics if m in task.samples.scores])
        named = [metric for metric in task.metrics if limits.names(metric, exactly=True)]
        for metric in dict.fromkeys([*heads, *named]):
            rules = limits.for_metric(metric)
            if rules.min_value is not None or rules.max_value is not None:
                _refuse(where, f"{name}: {metric} has a bound (min_value or max_value)")
            if rules.max_drop is None:
                continue
            if rules.corrected:
                _refuse(where, f"{name}: {metric} is corrected by human scores")
            if rules.gate != "interval":
                _refuse(where, f"{name}: {metric} has gate: {rules.gate}, which has no interval")
            family = family_of(metric, heads)
            lower = metric in task.lower_is_better
            found.append(DropRule(name, media[name], metric, family, rules.max_drop, lower))
    if not found:
        raise InputError(
            "--until-verdict: no rule for a drop applies: the run and the baseline share no task "
            "with a headline metric that has values"
        )
    return found


def _refuse(where: str, what: str) -> None:
    raise InputError(
        f"{where}: {what}: only a complete run decides such a rule; leave it to `instit-bench "
        "check` without --adaptive, and use a policy of max_drop rules with gate: interval here"
    )


def add_ended(scores: SampleScores, task: RunTask, looks: Looks, look: int) -> None:
    """Add a task's samples of the looks so far that have ended and are not among the scores yet.

    What has ended stays as it is for the rest of the run, so no sample is read at two looks.

    Raises:
        InputError: The journal is broken.
    """
    spec, media = spec_of(task.entry), task.entry.media
    for record, _ in task.selected(besides=set(scores.ids)):
        asked = looks.look_of(media, record.cluster or record.id) <= look
        if asked and record.state not in _NO_SCORE_YET:
            scores.add_record(record, spec.question_kind(record, media))


def ready(task: str, media: str, scores: TaskScores, looks: Looks, look: int) -> bool:
    """Whether every sample of the looks so far has ended, with a score or a failure."""
    found = inside(scores, media, looks, look)
    ended = sum(scores.samples.states[n] not in _NO_SCORE_YET for n in found)
    return ended >= looks.samples[task][look - 1]


def settle(
    rules: Sequence[DropRule],
    before: ScoredRun,
    after: Mapping[str, TaskScores],
    looks: Looks,
    look: int,
) -> tuple[list[Seen], Verdict | None]:
    """Return what each rule shows at a look, and the verdict if all of them settle it.

    One rule that fails settles ``regression``; to pass, all rules must. At the last look, what is
    not shown to have fallen has passed, as in any check.
    """
    from instit_bench.stats.sequential import fails

    measured = {rule: _measure(rule, before, after, looks, look) for rule in rules}
    families = defaultdict[str, list[DropRule]](list)
    for rule in rules:
        families[rule.family].append(rule)
    failed: set[DropRule] = set()
    for members in families.values():
        left = list(members)
        # Holm: the first to fall must do so at level / m, the next at level / (m - 1), …
        while left:
            level = LEVEL / len(left)
            falls = [
                rule
                for rule in left
                if (found := measured[rule]) is not None
                and fails(looks.rule, found.at, rule.allowed, level)[found.index]
            ]
            if not falls:
                break
            failed.update(falls)
            left = [rule for rule in left if rule not in failed]
    seen = [
        _seen(rule, found, rule in failed, looks)
        for rule, found in measured.items()
        if found is not None
    ]
    if failed:
        return seen, "regression"
    all_passed = len(seen) == len(rules) and all(one.passed for one in seen)
    return seen, "passed" if all_passed or look == COUNT else None


@dataclass(frozen=True, slots=True)
class _Measured:
    """The estimates of one rule; ``index`` is the look's place in them."""

    at: Estimates
    index: int
    n: int
    a: float
    b: float


def bounds_of(rule: DropRule, looks: Looks, level: float) -> list[float]:
    """Return the bounds on |z| at each look that adds clusters, for the manifest."""
    from instit_bench.stats.sequential import bounds, estimates

    ends = _ends(looks, rule.task)
    if not ends:
        return []
    at = estimates([0.0] * ends[-1], [1.0] * ends[-1], ends)
    return [round(float(bound), 4) for bound in bounds(looks.rule, at, level)]


def _ends(looks: Looks, task: str) -> list[int]:
    return sorted({count for count in looks.clusters[task] if count})


def _measure(
    rule: DropRule,
    before: ScoredRun,
    after: Mapping[str, TaskScores],
    looks: Looks,
    look: int,
) -> _Measured | None:
    """Sum the paired differences by image or video, in the run's random order."""
    from instit_bench.stats.sequential import estimates

    a, b = before.tasks[rule.task].samples, after[rule.task].samples
    old, new = a.scores.get(rule.metric), b.scores.get(rule.metric)
    clusters = looks.clusters[rule.task]
    if old is None or new is None or not clusters[look - 1]:
        return None
    sums: dict[str, list[float]] = {}
    for n, m in Pairs.of(a, b):
        if looks.look_of(rule.media, b.clusters[m]) > look:
            continue
        found = sums.setdefault(place(looks.seed, rule.media, b.clusters[m]), [0.0, 0.0, 0.0])
        if not (math.isnan(old[n]) or math.isnan(new[m])):
            for index, value in enumerate((1.0, old[n], new[m])):
                found[index] += value
    rows = [sums[where] for where in sorted(sums)]
    counted = sum(row[0] for row in rows)
    if not counted:
        return None
    sign = -1.0 if rule.lower_is_better else 1.0
    # Those still to come have the size that is left, and a sum that no look so far depends on.
    ends = _ends(looks, rule.task)
    missing = ends[-1] - len(rows)
    left = looks.samples[rule.task][-1] - looks.samples[rule.task][look - 1]
    size = left / missing if missing else 0.0
    differences = [round(sign * (row[2] - row[1]), 12) for row in rows] + [0.0] * missing
    at = estimates(differences, [row[0] for row in rows] + [size] * missing, ends)
    return _Measured(
        at,
        ends.index(clusters[look - 1]),
        int(counted),
        sum(row[1] for row in rows) / counted,
        sum(row[2] for row in rows) / counted,
    )


def _seen(rule: DropRule, found: _Measured, failed: bool, looks: Looks) -> Seen:
    from instit_bench.stats.sequential import interval, passes

    at, index = found.at, found.index
    sign = -1.0 if rule.lower_is_better else 1.0
    drop = rule.allowed + looks.margin
    low, high = sorted(sign * end for end in interval(looks.rule, at, index, drop))
    passed = bool(passes(looks.rule, at, rule.allowed, looks.margin)[index])
    return Seen(
        rule,
        found.n,
        found.a,
        found.b,
        found.b - found.a,
        (max(-1.0, low), min(1.0, high)),
        failed,
        passed and not failed,
    )


def inside(scores: TaskScores, media: str, looks: Looks, look: int) -> list[int]:
    """Return the places of the samples that the looks so far asked."""
    known: dict[str, bool] = {}
    for cluster in scores.samples.clusters:
        if cluster not in known:
            known[cluster] = looks.look_of(media, cluster) <= look
    return [n for n, cluster in enumerate(scores.samples.clusters) if known[cluster]]

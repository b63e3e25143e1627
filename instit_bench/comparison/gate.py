"""The gate of a run in progress (``--until-verdict``), and its replay (``check --adaptive``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, cast, get_args

from instit_bench.comparison.baseline_file import load_scored_run
from instit_bench.comparison.check import COMPARABLE, CheckReport, Finding, policy_names
from instit_bench.comparison.comparable import caveats, mismatches
from instit_bench.comparison.limits import Status
from instit_bench.comparison.looks import (
    LEVEL,
    DropRule,
    Seen,
    add_ended,
    bounds_of,
    drop_rules,
    inside,
    ready,
    settle,
)
from instit_bench.comparison.pairs import Pairs
from instit_bench.comparison.policy import Policy, read_policy
from instit_bench.comparison.scored_run import ScoredRun, TaskScores, scored_run, task_scores
from instit_bench.comparison.select import of_tasks
from instit_bench.errors import InputError, NotComparableError
from instit_bench.runs.loaded import Run
from instit_bench.runs.looks import COUNT, Looks, StopRule, Verdict, plan_looks
from instit_bench.runs.sample_scores import SampleScores
from instit_bench.types import State

# Who judges is known only once a judge has spoken.
_LATER = ("judge", "judge_repeats", "judge_instructions")


class GateOptions(Protocol):
    """The settings of a run that concern its gate."""

    @property
    def until_verdict(self) -> bool:
        """Whether the run has a gate."""
        ...

    @property
    def baseline(self) -> Path | None:
        """The run folder or baseline file to compare with."""
        ...

    @property
    def policy(self) -> Path | None:
        """The file of rules."""
        ...


def gate_of(options: GateOptions) -> RunGate | None:
    """Return the gate that a run's settings ask for, if any.

    Raises:
        InputError: A file cannot be read, or is not valid.
    """
    if not options.until_verdict or options.baseline is None:
        return None
    policy = read_policy(options.policy) if options.policy else Policy()
    return RunGate(load_scored_run(options.baseline), policy, str(options.policy or "the policy"))


@dataclass
class RunGate:
    """Compares a run in progress with a baseline, look by look.

    ``ended`` has the samples of the looks so far, by task: none is read from the journal twice.
    """

    baseline: ScoredRun
    policy: Policy
    policy_name: str
    rules: list[DropRule] = field(default_factory=list)
    ended: dict[str, SampleScores] = field(default_factory=dict)

    def begin(self, run: Run, looks: Looks) -> None:
        """Find the rules, refuse what cannot be compared, and put the bounds into ``looks``.

        Raises:
            InputError: The policy has nothing that looks can settle.
            NotComparableError: Prompts, data or protocol differ from the baseline's.
        """
        media = {name: run.manifest.tasks[name].media for name in looks.clusters}
        self.rules = drop_rules(self.policy, self.baseline, media, self.policy_name)
        self.ended = {rule.task: SampleScores() for rule in self.rules}
        for name in self.ended:
            before, after = self.baseline.tasks[name], scored_run(run, keep=True).tasks[name]
            _require_comparable(name, before, after, self._metrics(name))
        families = [rule.family for rule in self.rules]
        for rule in self.rules:
            level = LEVEL / families.count(rule.family)
            looks.bounds[rule.task] = bounds_of(rule, looks, level)

    def settled(self, run: Run, looks: Looks, look: int) -> Verdict | None:
        """Return the verdict that the samples so far settle; ``None`` if a score is missing."""
        after = {}
        for name, ended in self.ended.items():
            add_ended(ended, run.tasks[name], looks, look)
            after[name] = task_scores(run.tasks[name], run.manifest, ended)
        if not all(ready(r.task, r.media, after[r.task], looks, look) for r in self.rules):
            return None
        for name in self.ended:
            if found := _differing(
                name, self.baseline.tasks[name], after[name], self._metrics(name)
            ):
                raise NotComparableError(
                    f"--until-verdict: the run is not comparable with {self.baseline.source}: "
                    f"{'; '.join(found)}"
                )
        return _settled(self.rules, self.baseline, after, self.policy, looks, look)[1]

    def _metrics(self, task: str) -> list[str]:
        return [rule.metric for rule in self.rules if rule.task == task]


def _require_comparable(
    name: str, before: TaskScores, after: TaskScores, metrics: Sequence[str]
) -> None:
    pairs = Pairs.of(before.samples, after.samples)
    found = [
        mismatch
        for mismatch in mismatches(name, before, after, pairs, metrics)
        if not set(mismatch.field.split(", ")) & set(_LATER)
    ]
    if found:
        raise NotComparableError(
            f"--until-verdict: the run would not be comparable with the baseline: "
            f"{'; '.join(map(str, found))}"
        )


def _differing(
    name: str, before: TaskScores, after: TaskScores, metrics: Sequence[str]
) -> list[str]:
    pairs = Pairs.of(before.samples, after.samples)
    return [str(found) for found in mismatches(name, before, after, pairs, metrics)]


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """How to look at a run that no gate has steered; ``None`` for what the run recorded."""

    rule: StopRule | None = None
    margin: float | None = None
    seed: int | None = None


def replay_options(
    rule: str | None,
    margin: float | None,
    seed: int | None,
    *,
    adaptive: bool,
    baseline: Path | None,
) -> ReplayOptions | None:
    """Return the options of a replay, or ``None`` for an ordinary check.

    Raises:
        InputError: An option is not valid, or has no use.
    """
    given = {"--stop-rule": rule, "--margin": margin, "--order-seed": seed}
    if not adaptive:
        if useless := [name for name, value in given.items() if value is not None]:
            raise InputError(f"{useless[0]} is only used with --adaptive")
        return None
    if baseline is None:
        raise InputError("--adaptive needs --baseline: the run that every look compares with")
    if rule is not None and rule not in get_args(StopRule):
        raise InputError(f"--stop-rule {rule}: choose from {', '.join(get_args(StopRule))}")
    if margin is not None and not 0 < margin <= 1:
        raise InputError(f"--margin {margin:g}: must be above 0 and at most 1 (0.05 for 5 points)")
    return ReplayOptions(cast("StopRule | None", rule), margin, seed)


def adaptive_check(
    run: Path,
    baseline: Path,
    policy: Policy,
    policy_name: str,
    options: ReplayOptions,
    *,
    tasks: Sequence[str] = (),
) -> CheckReport:
    """Replay the looks at a stored run, complete or stopped, and report the first that settles.

    A run that was not stopped by a gate is looked at in the order that it would have had.

    Raises:
        InputError: A file or option is not valid, or the policy has nothing that looks can settle.
    """
    stored = Run.load(run)
    checked, before = of_tasks([scored_run(stored, keep=True), load_scored_run(baseline)], tasks)
    policy.require_known(policy_names(checked, before), policy_name, in_part=bool(tasks))
    looks = _looks_of(stored, checked, baseline, options)
    media = {name: stored.manifest.tasks[name].media for name in checked.tasks}
    rules = drop_rules(policy, before, media, policy_name)
    return CheckReport(checked, None, tuple(_findings(checked, before, policy, looks, rules)))


def _looks_of(stored: Run, run: ScoredRun, baseline: Path, options: ReplayOptions) -> Looks:
    """Return the looks that the run's manifest recorded, or else those that it would have had."""
    recorded = stored.manifest.looks
    if recorded is not None:
        given = {"rule": options.rule, "margin": options.margin, "seed": options.seed}
        for name, value in given.items():
            if value is not None and value != getattr(recorded, name):
                raise InputError(
                    f"{stored.path}: its looks had {name} {getattr(recorded, name)}, not {value}; "
                    "leave the option out to replay them"
                )
        return recorded
    if any(len(task.samples) < task.n_total for task in run.tasks.values()):
        raise InputError(
            f"{stored.path}: is not complete and was not run with --until-verdict, so its samples "
            "are not in a random order; complete it with its own command first"
        )
    return plan_looks(
        {
            name: (stored.manifest.tasks[name].media, task.samples.clusters)
            for name, task in run.tasks.items()
        },
        rule=options.rule or "obf",
        margin=0.05 if options.margin is None else options.margin,
        seed=options.seed or 0,
        baseline=str(baseline),
    )


def _findings(
    run: ScoredRun,
    before: ScoredRun,
    policy: Policy,
    looks: Looks,
    rules: Sequence[DropRule],
) -> Iterator[Finding]:
    media = {rule.task: rule.media for rule in rules}
    look, seen, verdict, last = _replay(run, before, policy, looks, rules, media)
    shown = {one.rule: one for one in seen}
    for name in dict.fromkeys([*before.tasks, *run.tasks]):
        after = run.tasks.get(name)
        if after is None or name not in before.tasks:
            yield _one_sided(name, policy, missing=after is None)
            continue
        if name not in media:
            continue
        metrics = [rule.metric for rule in rules if rule.task == name]
        if differ := _differing(name, before.tasks[name], after, metrics):
            yield Finding(name, *COMPARABLE, "undecided", "; ".join(differ))
            continue
        known = "; ".join(caveats(before.tasks[name], after)) or "nothing differs"
        yield Finding(name, *COMPARABLE, "passed", known)
        own = [rule for rule in rules if rule.task == name]
        left = [rule for rule in own if verdict == "regression" and _is_open(shown.get(rule))]
        yield _looked(name, looks, look, last, verdict, [rule.metric for rule in left])
        yield from _errors(name, media[name], after, policy, looks, look)
        for rule in (rule for rule in own if rule not in left):
            yield _drop(rule, shown.get(rule), looks, look)


def _is_open(seen: Seen | None) -> bool:
    """Whether a regression elsewhere ended the run before this rule was settled."""
    return seen is None or not (seen.failed or seen.passed)


def _replay(
    run: ScoredRun,
    before: ScoredRun,
    policy: Policy,
    looks: Looks,
    rules: Sequence[DropRule],
    media: Mapping[str, str],
) -> tuple[int, list[Seen], Verdict | None, int]:
    """Return the look that settles the verdict, or the last possible one, with what it shows."""
    found: tuple[int, list[Seen], Verdict | None] = (0, [], None)
    last = 0
    for look in range(1, COUNT + 1):
        if not all(ready(name, media[name], run.tasks[name], looks, look) for name in media):
            break
        last = look
        if found[2] is None and look >= looks.first:
            found = (look, *_settled(rules, before, run.tasks, policy, looks, look))
    return *found, last


def _one_sided(name: str, policy: Policy, *, missing: bool) -> Finding:
    if not missing:
        return Finding(name, *COMPARABLE, "passed", "new: the baseline has no such task")
    optional = policy.rules_for(name).rules.optional
    said = "optional: the run has no such task" if optional else "the run has no such task"
    return Finding(name, *COMPARABLE, "passed" if optional else "undecided", said)


def _looked(
    name: str,
    looks: Looks,
    look: int,
    last: int,
    verdict: Verdict | None,
    left: Sequence[str],
) -> Finding:
    """Say where the looks settled; a verdict before the last look is called early if foreseen."""
    limit = f"{looks.rule}, margin {looks.margin:g}, seed {looks.seed}"
    counts, clusters = looks.samples[name], looks.clusters[name]
    if verdict is None:
        text = f"not settled by look {last} of {COUNT}: complete the run, or resume it"
        return Finding(name, "looks", limit, "undecided", text)
    early = "early, " if looks.rule == "curtailed" and look < COUNT else ""
    text = (
        f"{early}settled at look {look} of {COUNT}: {counts[look - 1]} of {counts[-1]} samples, "
        f"{clusters[look - 1]} of {clusters[-1]} clusters"
    )
    if left:
        text += f"; not settled there: {', '.join(left)}"
    return Finding(name, "looks", limit, "passed", text)


def _settled(
    rules: Sequence[DropRule],
    before: ScoredRun,
    after: Mapping[str, TaskScores],
    policy: Policy,
    looks: Looks,
    look: int,
) -> tuple[list[Seen], Verdict | None]:
    """As `settle`, but nothing passes while more samples failed than the policy allows.

    They have no score, and nobody knows what it would be: the check would be undecided.
    """
    seen, verdict = settle(rules, before, after, looks, look)
    for name, media in {rule.task: rule.media for rule in rules}.items():
        most = policy.rules_for(name).rules.max_error_rate
        failed, asked = _failed(after[name], media, looks, look)
        if verdict == "passed" and most is not None and failed > most * asked:
            return seen, None
    return seen, verdict


def _failed(scores: TaskScores, media: str, looks: Looks, look: int) -> tuple[int, int]:
    """Return how many samples of the looks so far failed, and how many there are."""
    states = [scores.samples.states[n] for n in inside(scores, media, looks, look)]
    return sum(state in (State.INFER_ERROR, State.JUDGE_ERROR) for state in states), len(states)


def _errors(
    name: str, media: str, after: TaskScores, policy: Policy, looks: Looks, look: int
) -> Iterator[Finding]:
    most = policy.rules_for(name).rules.max_error_rate
    if most is None or not look:
        return
    failed, asked = _failed(after, media, looks, look)
    share = failed / asked if asked else 0.0
    text = f"{failed} of {asked} samples failed ({share:.4f})"
    status: Status = "passed" if share <= most else "undecided"
    yield Finding(name, "max_error_rate", f"at most {most:g}", status, text)


def _drop(rule: DropRule, seen: Seen | None, looks: Looks, look: int) -> Finding:
    name, limit = f"{rule.metric} max_drop", f"at most {rule.allowed:g} (looks)"
    if seen is None:
        return Finding(rule.task, name, limit, "undecided", "no sample has a value in both runs")
    text = (
        f"{seen.a:.4f} to {seen.b:.4f}, difference {seen.difference:+.4f} "
        f"({seen.interval[0]:+.4f} to {seen.interval[1]:+.4f}) on {seen.n} samples"
    )
    if seen.failed:
        return Finding(rule.task, name, limit, "regression", text)
    drop = rule.allowed + looks.margin
    if seen.passed:
        return Finding(rule.task, name, limit, "passed", f"{text}; a drop of {drop:g} is ruled out")
    if look == COUNT:
        return Finding(
            rule.task, name, limit, "passed", f"{text}; no drop shown, {drop:g} not ruled out"
        )
    return Finding(rule.task, name, limit, "undecided", f"{text}; not settled yet")

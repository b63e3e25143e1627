"""The paired differences of a report: each run against each other one, as ``compare`` has them.

Two intervals that overlap do not mean that there is no difference: on the same samples, much of
what makes an interval wide is common to both runs. Hence a report shows the difference itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from instit_bench.comparison.compare import MetricComparison, TaskComparison, compare_runs
from instit_bench.comparison.scored_run import scored_run
from instit_bench.report.loaded import LoadedRun

_MOST_PAIRED = 8  # with more runs, there is one baseline
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_OPPOSITE = {"better": "worse", "worse": "better"}


@dataclass(frozen=True, slots=True)
class Paired:
    """A metric of a run minus the baseline's on the same ``n`` samples, in points (-100..100).

    ``p`` is corrected for testing several tasks (Holm). ``verdict`` is ``better``, ``worse``, ``no
    difference shown`` or ``not comparable``; ``why`` says what prevents the comparison.
    """

    difference: float
    ci95: tuple[float, float] | None
    p: float | None
    n: int
    verdict: str
    why: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The difference with its sign, to one decimal."""
        return signed(self.difference)

    @property
    def interval(self) -> str:
        """The 95 % interval, empty without one."""
        return "" if self.ci95 is None else f"{signed(self.ci95[0])} to {signed(self.ci95[1])}"

    @property
    def p_text(self) -> str:
        """The p value as a paper would print it, empty without one."""
        return "" if self.p is None else p_text(self.p)

    @property
    def reversed(self) -> Paired:
        """The baseline minus the run."""
        low_high = None if self.ci95 is None else (-self.ci95[1], -self.ci95[0])
        verdict = _OPPOSITE.get(self.verdict, self.verdict)
        return replace(self, difference=-self.difference, ci95=low_high, verdict=verdict)


# By baseline and run (indices), then by task and metric.
PairedDifferences = Mapping[tuple[int, int], Mapping[tuple[str, str], Paired]]


def paired_differences(runs: Sequence[LoadedRun], first: int = 0) -> PairedDifferences:
    """Compare the runs' headline metrics, pair by pair; ``first`` is the first baseline.

    Raises:
        InputError: A journal is broken.
    """
    if len(runs) < 2:
        return {}
    scored = [scored_run(run.run, keep=True) for run in runs]
    others = [run for run in range(len(runs)) if run != first]
    found: dict[tuple[int, int], Mapping[tuple[str, str], Paired]] = {}
    for base in [first, *others] if len(runs) <= _MOST_PAIRED else [first]:
        for other in range(len(runs)):
            if (other, base) in found:
                pairs = found[other, base]
                found[base, other] = {key: paired.reversed for key, paired in pairs.items()}
            elif other != base:
                tasks = compare_runs(scored[base], scored[other]).tasks
                found[base, other] = dict(pair for task in tasks for pair in _of_task(task))
    return found


def signed(points: float) -> str:
    """Return the number with its sign, to one decimal: ``+1.2``, ``−0.3``, ``0.0``."""
    text = f"{points:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "−")


def p_text(p: float) -> str:
    """Return a p value as a paper would print it: ``0.012``, ``4×10⁻⁵``."""
    if p >= 0.001:
        return f"{p:.2g}"
    digits, exponent = f"{p:.0e}".split("e")
    return f"{digits}×10{str(int(exponent)).translate(_RAISED)}"


def baselines(differences: PairedDifferences) -> list[int]:
    """Return the runs that others are compared with, the first one first."""
    return list(dict.fromkeys(base for base, _ in differences))


def _of_task(task: TaskComparison) -> Iterator[tuple[tuple[str, str], Paired]]:
    why = tuple(dict.fromkeys(map(str, task.mismatches)))
    for metric in task.metrics:
        yield (task.task, metric.metric), _paired(metric, why)


def _paired(found: MetricComparison, why: tuple[str, ...]) -> Paired:
    test = found.test
    return Paired(
        difference=100 * test.difference,
        ci95=None if test.ci95 is None else (100 * test.ci95[0], 100 * test.ci95[1]),
        p=found.p,
        n=test.n,
        verdict="not comparable" if why else found.conclusion,
        why=why,
    )

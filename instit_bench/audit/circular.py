"""Options in every order: circular accuracy, and whether a model likes a letter.

Over all rotations each option stands once behind each letter, so every letter is right equally
often, and a model without a liking for places chooses each equally often.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from instit_bench.interventions.options import names_others
from instit_bench.runs.loaded import Run, RunTask
from instit_bench.scorers.base import value_is_right
from instit_bench.scorers.registry import spec_of
from instit_bench.stats.intervals import mean_metric
from instit_bench.types import Metric


@dataclass(frozen=True, slots=True)
class Letter:
    """How often a letter is chosen, of all predictions with a letter, and how often it is right.

    ``accuracy`` is that of the questions whose right option stands behind it.
    """

    letter: str
    chosen: Metric
    accuracy: Metric


@dataclass(frozen=True, slots=True)
class Circular:
    """A task's accuracy in one order, on average over all orders, and in all orders at once.

    ``orders`` counts them, the plain one included. A sample counts if it has a score in each, and
    if its options were moved; ``fixed`` counts those whose options name others by letter or place.
    """

    task: str
    metric: str
    orders: int
    plain: Metric
    mean: Metric
    circular: Metric
    letters: tuple[Letter, ...]
    fixed: int = 0

    @property
    def expected(self) -> float:
        """The share of each letter without a liking for any (0..1)."""
        return 1 / len(self.letters)


@dataclass(frozen=True, slots=True)
class _Answer:
    """One prediction: the target's letter, the letter that was chosen, and whether it is right."""

    cluster: str
    target: str
    chosen: str | None
    right: bool
    choices: tuple[str, ...]


def circular_of(task: str, runs: Sequence[Run]) -> Circular | None:
    """Compute from the plain run and all rotations; ``None`` if a run has no score of the task.

    Raises:
        InputError: A journal is broken.
    """
    orders = [_answers(run.tasks[task]) if task in run.tasks else {} for run in runs]
    metric = _metric(runs[0].tasks[task])
    shared = [name for name in orders[0] if all(name in order for order in orders)]
    if metric is None or not shared:
        return None
    everyone = [[order[name] for order in orders] for name in shared]
    of_sample = [answers for answers in everyone if not names_others(answers[0].choices)]
    if not of_sample:
        return None
    clusters = [answers[0].cluster for answers in of_sample]
    every = [answer for answers in of_sample for answer in answers]
    count = max(len(answer.choices) for answer in every)
    letters = tuple(ascii_uppercase[:count])
    return Circular(
        task,
        metric,
        len(orders),
        plain=mean_metric([float(answers[0].right) for answers in of_sample], clusters),
        mean=mean_metric([_share(answers) for answers in of_sample], clusters),
        circular=mean_metric([float(_share(a) == 1.0) for a in of_sample], clusters),
        letters=tuple(_letter(letter, every, letters) for letter in letters),
        fixed=len(everyone) - len(of_sample),
    )


def _share(answers: Sequence[_Answer]) -> float:
    return sum(answer.right for answer in answers) / len(answers)


def _letter(letter: str, answers: Sequence[_Answer], letters: Sequence[str]) -> Letter:
    read = [answer for answer in answers if answer.chosen in letters]
    behind = [answer for answer in answers if answer.target == letter]
    return Letter(
        letter,
        mean_metric([float(a.chosen == letter) for a in read], [a.cluster for a in read]),
        mean_metric([float(a.right) for a in behind], [a.cluster for a in behind]),
    )


def _metric(task: RunTask) -> str | None:
    return spec_of(task.entry).deciding(task.scores.scores)


def _answers(task: RunTask) -> Mapping[str, _Answer]:
    """Return the answers that have a score in the deciding metric, by sample."""
    metric = _metric(task)
    if metric is None:
        return {}
    lower = metric in task.entry.lower_is_better
    column = dict(zip(task.scores.ids, task.scores.scores[metric], strict=True))
    found = {}
    for record, _ in task.selected():
        value = column.get(record.id, math.nan)
        right = value_is_right(value, lower)
        target = record.target.strip().upper()
        if right is not None and len(target) == 1 and target in ascii_uppercase:
            found[record.id] = _Answer(
                record.cluster or record.id,
                target,
                record.extracted,
                bool(right),
                tuple(record.choices),
            )
    return found

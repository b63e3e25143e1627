"""``ScorerSpec``: everything the rest of the program needs to know about a scorer.

Reports, comparisons, checks, exports and judging read the spec and never compare a scorer's name.
A scorer is one module here, or one in an installed package (docs/tasks.md).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from instit_bench.scorers.contract import Contract, Item, JudgedRecord
from instit_bench.types import ScoredSample, Scorer

# The method of a letter that a judge extracted, and what stands for a letter where there is none.
MODEL, NO_LETTER = "model", "none"

_RIGHT_FROM = 0.5  # of a judge's score, 0..1; right-or-wrong metrics are 0 or 1
# Keep the general part of a difference and drop what concerns one sample; skip quoted text.
_GENERAL_PART = re.compile(r"(?:(?<=\s)'[^']*'|[^;:(])*")


class ScorerTask(Protocol):
    """What a scorer may know about its task."""

    @property
    def name(self) -> str:
        """The task's name."""
        ...

    @property
    def path(self) -> Path:
        """The task's YAML file."""
        ...

    @property
    def metric_names(self) -> tuple[str, ...]:
        """The metrics that the task declares, in order."""
        ...

    @property
    def process_results(self) -> Callable[[Mapping[str, Any], list[str]], Mapping[str, Any]]:
        """The plugin's own function, imported on access."""
        ...


class ScoredRecord(Protocol):
    """What a spec reads from a finished sample: the question, and what the scorer extracted."""

    @property
    def question(self) -> str:
        """The question as in the dataset."""
        ...

    @property
    def target(self) -> str:
        """The right answer."""
        ...

    @property
    def extracted(self) -> str | None:
        """What the scorer extracted, if anything."""
        ...

    @property
    def method(self) -> str | None:
        """How that was extracted; ``model`` if a judge extracted it."""
        ...

    @property
    def details(self) -> Mapping[str, Any]:
        """The scorer's diagnostics (``Score.details``)."""
        ...


class ScoredTask(Protocol):
    """What a stored run records about the scorer of one task."""

    @property
    def scorer(self) -> str:
        """The scorer's name."""
        ...

    @property
    def metrics(self) -> Sequence[str]:
        """The task's metrics, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Matrix:
    """A table of counts that reports draw as a matrix: rows are targets, columns predictions.

    ``table`` is its key among the scorer's tables: a mapping of mappings to counts.
    """

    table: str
    title: str
    description: str


@dataclass(frozen=True, slots=True)
class JudgeExtraction:
    """How a judge extracts the letter of a prediction that stays ``unparsed``.

    ``metric`` equals the strict metric, except that these letters count; the strict metric itself
    and official ones never include them. ``contract`` is what the judge is asked, ``item`` what it
    reads of a sample; ``None`` if there is nothing to read.
    """

    metric: str
    contract: Contract
    item: Callable[[JudgedRecord], Item | None]


def _all_alike(record: ScoredRecord, media: str) -> str:  # noqa: ARG001 - one signature
    return "all questions"


def _general_part(record: ScoredRecord) -> str:
    difference = str(record.details["difference"])
    general = _GENERAL_PART.match(difference)
    return (general[0] if general else difference).strip()


def _no_tables(scored: Iterable[ScoredSample]) -> dict[str, Any]:  # noqa: ARG001 - one signature
    return {}


@dataclass(frozen=True, slots=True)
class ScorerSpec:
    """A scorer, and what its numbers mean.

    ``name`` is the scorer's name in a task's ``metadata.scorer`` and in manifests; ``make`` creates
    the scorer for one task.

    ``metrics`` are all that the scorer can compute: a task that declares another one is refused,
    because a misspelt name would never have a value. If it is empty, any name is accepted.

    ``official`` and ``strict`` are the headline metrics of a task's tables; ``stand_in`` replaces
    the official one where it has no value. If a spec has no ``official`` metric, the first metric
    that the task declares is official. ``also_official`` lists further metrics computed by the
    benchmark's own evaluator. The task declares which metrics count mistakes
    (``higher_is_better: false``).

    ``question_kind`` groups questions for flips and plots: it returns a short label for a record
    and its task's media (``none``, ``image`` or ``video``). ``first_moment`` returns the first
    frame (1-based) that a question about a video names, for a plot by position. ``why_different``
    groups records whose ``details["difference"]`` is set; by default it returns the start of that
    sentence, up to a colon, semicolon or bracket.

    ``tables`` computes further results over all samples (JSON values), which it can go through
    once; ``matrices`` lists the ones to draw. ``user_input`` finds the part of a long prompt that
    changes from sample to sample. ``outcome`` says what a list of samples shows for each: its
    score, what was extracted, or ``details["pairs"]``.

    ``needs_judge`` says that a judge scores the answers; ``multiple_choice`` says that targets are
    letters, so an engine can be restricted to reply with one; ``offers_tools`` says that prompts
    list tools and targets call them, as in GPT4Tools. ``extraction`` is set if a judge can
    read predictions that the scorer cannot (``--extract-with``).
    """

    name: str
    make: Callable[[ScorerTask], Scorer]
    metrics: frozenset[str] = frozenset()
    official: str | None = None
    strict: str | None = None
    stand_in: str | None = None
    also_official: frozenset[str] = frozenset()
    question_kind: Callable[[ScoredRecord, str], str] = _all_alike
    first_moment: Callable[[ScoredRecord], int | None] | None = None
    why_different: Callable[[ScoredRecord], str] = _general_part
    tables: Callable[[Iterable[ScoredSample]], dict[str, Any]] = _no_tables
    matrices: tuple[Matrix, ...] = ()
    user_input: Callable[[str], str | None] | None = None
    outcome: Literal["score", "extracted", "pairs"] = "score"
    needs_judge: bool = False
    multiple_choice: bool = False
    offers_tools: bool = False
    extraction: JudgeExtraction | None = None

    def is_official(self, metric: str) -> bool:
        """Whether the benchmark's own evaluator computes a metric."""
        return metric == self.official or metric in self.also_official

    def of(self, metrics: Sequence[str]) -> ScorerSpec:
        """Return this spec for a task with these metrics, which may be some of the scorer's.

        The journal keeps a sample's other metrics; nothing else reads them.
        The first metric is official if the spec names none, or if the task declares none of the
        metrics that the spec names.
        """
        if not metrics or (self.official and self.headlines(metrics)):
            return self
        return replace(self, official=metrics[0])

    def headlines(self, metrics: Collection[str]) -> tuple[str, ...]:
        """Return the metrics that head a task's table, the official one first.

        Pass only metrics that have values: a diagnostic never replaces a headline without one.
        """
        heads = (self.official, self.strict, self.stand_in)
        return tuple(name for name in heads if name is not None and name in metrics)

    def deciding(self, metrics: Collection[str]) -> str | None:
        """Return the metric that decides whether a sample is right: strict before official."""
        order = (self.strict, self.official, self.stand_in)
        return next((name for name in order if name is not None and name in metrics), None)


def is_right(
    metric: str | None, scores: Mapping[str, float], lower_is_better: Collection[str]
) -> bool | None:
    """Whether a sample counts as right by its deciding metric: half a point or more.

    If the metric counts mistakes: half a point or less. ``None`` if the sample has no value for it,
    because an error is neither right nor wrong.
    """
    value = None if metric is None else scores.get(metric)
    return None if value is None else value_is_right(value, metric in lower_is_better)


def value_is_right(value: float, lower_is_better: bool) -> bool | None:
    """Whether a value counts as right, as above; ``None`` if it is not a number."""
    if math.isnan(value):
        return None
    return value <= _RIGHT_FROM if lower_is_better else value >= _RIGHT_FROM

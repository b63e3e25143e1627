"""``results.json``: the metrics of a run, computed only from its samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from instit_bench.runs.extracted import ExtractionResult, extraction_result, metrics_of
from instit_bench.runs.judge_card import JudgeCard
from instit_bench.runs.judged import JudgingResult, judging_result
from instit_bench.runs.manifest import JudgingManifest, Manifest
from instit_bench.runs.marks import marks_of
from instit_bench.runs.record import SampleRecord
from instit_bench.runs.sample_scores import SampleScores
from instit_bench.runs.verdicts import JudgedSample, VerdictRecord, item_of
from instit_bench.scorers.base import ScorerSpec
from instit_bench.scorers.registry import spec_of
from instit_bench.stats.intervals import mean_metric
from instit_bench.types import Metric, ScoredSample, State, Usage

_TOKENS = tuple(entry.name for entry in fields(Usage))


class TaskResult(BaseModel):
    """One task's metrics and how its samples ended.

    ``headline`` is the metric that represents the task in a leaderboard; ``lower_is_better`` lists
    the metrics that count mistakes. ``card`` compares the task's judge with humans, and
    ``card_problem`` says why it does not apply, if it does not. None of these is in the file.
    """

    model_config = ConfigDict(frozen=True)

    n_total: int
    n_counted: int
    coverage: float
    states: dict[str, int]
    metrics: dict[str, Metric]
    marks: list[str]
    prompts: str
    usage: dict[str, int] = Field(default_factory=dict)
    tables: dict[str, Any] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=list)
    generated: list[str] = Field(default_factory=list)
    judging: JudgingResult | None = None
    extraction: ExtractionResult | None = None
    headline: str | None = Field(default=None, exclude=True)
    lower_is_better: list[str] = Field(default_factory=list, exclude=True)
    card: JudgeCard | None = Field(default=None, exclude=True)
    card_problem: str | None = Field(default=None, exclude=True)

    @property
    def corrected(self) -> JudgeCard | None:
        """The judge card, if it applies: it has the score that humans would give."""
        return None if self.card_problem else self.card

    def with_card(self, card: JudgeCard | None, judging: JudgingManifest | None) -> TaskResult:
        """Return the result with a judge card; ``judging`` are the task's judges."""
        if card is None:
            return self
        problem = card.problem(judging, self.metrics.get(card.metric))
        return self.model_copy(update={"card": card, "card_problem": problem})


class EngineResult(BaseModel):
    """What the run's own engine did, over all processes that ended normally.

    It is starting, working (requests are in flight) or waiting for a request. ``cached_tokens``
    are the prompt tokens served by its prefix cache; tokens per second are over working time.
    """

    model_config = ConfigDict(frozen=True)

    prompt_tokens: int = 0
    cached_tokens: int = 0
    generated_tokens: int = 0
    prompt_tokens_per_s: float | None = None
    generated_tokens_per_s: float | None = None
    seconds_starting: float = 0.0
    seconds_waiting: float = 0.0
    seconds_working: float = 0.0
    starts: int = 0
    prefix_cache_queries: int = 0
    prefix_cache_hits: int = 0
    media_cache_queries: int = 0
    media_cache_hits: int = 0


class RunResults(BaseModel):
    """``results.json``."""

    model_config = ConfigDict(frozen=True)

    model: str
    backend: str
    status: str
    data: dict[str, Any]
    tasks: dict[str, TaskResult]
    engine: EngineResult | None = None


def run_results(manifest: Manifest, tasks: dict[str, TaskResult]) -> RunResults:
    """Combine the tasks' results."""
    return RunResults(
        model=manifest.identity.model,
        backend=manifest.identity.backend,
        status=manifest.status,
        data=manifest.data.model_dump(),
        tasks=tasks,
        engine=_engine_result(manifest.engine),
    )


def _engine_result(totals: Mapping[str, float]) -> EngineResult | None:
    if not totals:
        return None
    working = totals.get("seconds_working", 0.0)
    rates = {
        f"{name}_per_s": round(totals.get(name, 0.0) / working, 1) if working else None
        for name in ("prompt_tokens", "generated_tokens")
    }
    return EngineResult.model_validate({**totals, **rates})


def task_result(
    name: str, manifest: Manifest, samples: Iterable[JudgedSample]
) -> tuple[TaskResult, SampleScores]:
    """Aggregate a task's selected samples in a single pass; return their scores besides."""
    task, judging = manifest.tasks[name], manifest.judging_of(name)
    spec, extraction = spec_of(task), manifest.extraction_of(name)
    tally = _Tally(spec, task.media, judged=judging is not None, extracted=extraction is not None)
    counted = tally.through(samples)
    tables = spec.tables(counted)
    for _ in counted:
        pass  # what the tables did not look at
    n_total = task.n_selected
    tally.states[State.NOT_RUN] += n_total - tally.states.total()
    n_counted = sum(count for state, count in tally.states.items() if state.counts)
    coverage = n_counted / n_total if n_total else 0.0
    result = TaskResult(
        n_total=n_total,
        n_counted=n_counted,
        coverage=coverage,
        states={state.value: tally.states[state] for state in State},
        metrics={
            metric: mean_metric(*tally.scores.of_metric(metric))
            for metric in metrics_of(name, manifest)
        },
        marks=marks_of(task, manifest, coverage),
        prompts=task.prompts,
        usage=dict(tally.tokens),
        tables=tables,
        notes=task.notes,
        generated=task.generated,
        judging=judging_result(judging, tally.verdicts) if judging else None,
        extraction=extraction_result(spec.extraction.metric, name, extraction, tally.unread)
        if extraction and spec.extraction
        else None,
        headline=next(iter(spec.headlines(task.metrics)), None),
        lower_is_better=task.lower_is_better,
    )
    return result, tally.scores


@dataclass
class _Tally:
    """Sums over samples, of which only the scores are kept.

    ``media`` is the task's. ``tokens`` are those reported by endpoints. If the task is ``judged``,
    ``verdicts`` has those on each sample. Where a judge extracts letters, ``unread`` has the
    verdicts on each prediction that the scorer could not read.
    """

    spec: ScorerSpec
    media: str
    judged: bool
    extracted: bool
    scores: SampleScores = field(default_factory=SampleScores)
    states: Counter[State] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    verdicts: dict[str, Sequence[VerdictRecord]] = field(default_factory=dict)
    unread: list[Sequence[VerdictRecord]] = field(default_factory=list)

    def through(self, samples: Iterable[JudgedSample]) -> Iterator[ScoredSample]:
        """Add each sample, and yield what tables need of it."""
        for record, verdicts in samples:
            self._add(record, verdicts)
            yield record.scored_sample()

    def _add(self, record: SampleRecord, verdicts: Sequence[VerdictRecord]) -> None:
        self.states[record.state] += 1
        for name in _TOKENS:
            if (count := getattr(record.usage, name)) is not None:
                self.tokens[name] += count
        self.scores.add_record(record, self.spec.question_kind(record, self.media))
        if self.judged:
            self.verdicts[record.id] = verdicts
        if self.extracted and item_of(record, self.spec) is not None:
            self.unread.append(verdicts)

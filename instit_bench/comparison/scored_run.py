"""A run as comparisons need it: its identity and every sample's scores, without texts or media."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instit_bench.display import path_text
from instit_bench.runs.loaded import Run, RunTask
from instit_bench.runs.looks import COUNT
from instit_bench.runs.manifest import JudgingManifest, Manifest, TaskManifest
from instit_bench.runs.sample_scores import SampleScores
from instit_bench.scorers.registry import spec_of
from instit_bench.types import State


@dataclass(frozen=True, slots=True)
class CorrectedScore:
    """A metric as humans would score it (0..1), from a judge card that applies.

    ``n`` human scores gave it, ``freedom`` are the degrees of freedom of its standard error.
    """

    metric: str
    value: float
    stderr: float | None
    ci95: tuple[float, float] | None
    n: int
    freedom: float


@dataclass(frozen=True, slots=True)
class TaskScores:
    """One task: the fields that must match for a comparison, and the scores of its samples.

    ``n_total`` counts the selected samples, including those that were never run. ``extraction``
    says which judge extracted letters and by which instructions; it concerns one metric only.
    ``corrected`` is the judge's metric corrected by human scores, if a card applies;
    ``card_problem`` says why it does not.
    ``intervention`` is what altered the requests, if anything.
    """

    scorer: str
    metrics: list[str]
    lower_is_better: list[str]
    data_digest: str | None
    prompt_digest: str | None
    prompts: str
    protocol: dict[str, Any]
    extraction: Mapping[str, str] | None
    n_total: int
    samples: SampleScores
    corrected: CorrectedScore | None = None
    card_problem: str | None = None
    intervention: str | None = None

    @property
    def n_counted(self) -> int:
        """The number of samples that count."""
        return sum(state.counts for state in self.samples.states)

    @property
    def n_errors(self) -> int:
        """The number of samples that failed, on the model's side or the judge's."""
        return sum(state in (State.INFER_ERROR, State.JUDGE_ERROR) for state in self.samples.states)

    @property
    def has_headline(self) -> bool:
        """Whether any sample has a value in a metric that heads the task's table."""
        return bool(spec_of(self).headlines(self.samples.scores))


@dataclass(frozen=True, slots=True)
class ScoredRun:
    """A run's identity and scores; ``source`` says where it was read from.

    ``stopped`` says in words that ``--until-verdict`` stopped it before its end.
    """

    name: str
    model: str
    backend: str
    data: str
    created: str
    tasks: Mapping[str, TaskScores]
    source: Path = Path()
    stopped: str = ""


def scored_run(run: Run, *, keep: bool = False) -> ScoredRun:
    """Return the scores of a stored run, finished or not.

    Unless told to ``keep`` them, each task's samples are dropped before the next task's are read.

    Raises:
        InputError: A journal is broken.
    """
    manifest = run.manifest
    return ScoredRun(
        name=path_text(run.path.resolve().name),
        model=manifest.identity.model,
        backend=manifest.identity.backend,
        data=manifest.data.label,
        created=manifest.created,
        tasks={
            task.name: task_scores(task, manifest)
            for task in (run.tasks.values() if keep else run.one_by_one())
        },
        source=run.path,
        stopped=_stopped(manifest),
    )


def _stopped(manifest: Manifest) -> str:
    looks = manifest.looks
    if manifest.status != "settled" or looks is None or looks.stopped_at is None:
        return ""
    early = "early " if looks.rule == "curtailed" else ""
    return f"is incomplete: stopped {early}at look {looks.stopped_at} of {COUNT} ({looks.rule})"


def task_scores(
    stored: RunTask, manifest: Manifest, samples: SampleScores | None = None
) -> TaskScores:
    """Return one task's scores: those of these samples, or else of all that the run has.

    Raises:
        InputError: The journal is broken.
    """
    task = stored.entry
    return TaskScores(
        scorer=task.scorer,
        metrics=stored.metrics,
        lower_is_better=task.lower_is_better,
        data_digest=task.data_digest,
        prompt_digest=task.prompt_digest,
        prompts=task.prompts,
        protocol=_protocol(stored.name, task, manifest),
        extraction=_extraction(stored.name, manifest),
        n_total=task.n_selected,
        samples=stored.scores if samples is None else samples,
        **_corrected(stored),
        intervention=manifest.identity.intervention,
    )


def _corrected(stored: RunTask) -> dict[str, Any]:
    if not stored.has_card:
        return {}
    result = stored.result_with_card
    card = result.corrected
    if card is None or card.corrected.value is None:
        return {"card_problem": result.card_problem}
    found = card.corrected
    score = CorrectedScore(
        card.metric, card.corrected.value, found.stderr, found.ci95, card.n, card.freedom
    )
    return {"corrected": score}


def _protocol(name: str, task: TaskManifest, manifest: Manifest) -> dict[str, Any]:
    """Return the protocol of prompting and judging, without model and engine; only what is known.

    A prediction file says nothing about its protocol; lmms-eval's log tells all except the frames
    of videos.
    """
    identity, scorer = manifest.identity, spec_of(task)
    protocol: dict[str, Any] = {}
    if task.style != "unknown":
        protocol = {"prompt_style": task.style, **task.generation}
        if task.media == "video" and identity.backend != "file":
            protocol |= {"max_frames": identity.max_frames, "video_as": identity.video_as}
        if task.media != "none" and identity.other_marks:
            protocol |= {"marks": identity.marks, "masks": task.masks_digest}
            protocol |= {"renamed_marks": identity.renamed_marks}
        if scorer.multiple_choice:
            protocol["constrain_choices"] = identity.constrain_choices
    if scorer.needs_judge:
        protocol |= _judging(name, manifest.judging)
    return protocol


def _judging(name: str, judging: JudgingManifest | None) -> Mapping[str, Any]:
    """With several judges, the first one's scores count."""
    if judging is None or name not in judging.contracts:
        return {"judge": "none"}
    return {
        "judge": judging.judges[0],
        "judge_repeats": judging.repeats,
        "judge_instructions": judging.contracts[name],
    }


def _extraction(name: str, manifest: Manifest) -> dict[str, str] | None:
    extraction = manifest.extraction_of(name)
    if extraction is None:
        return None
    return {"judge": extraction.judges[0], "instructions": extraction.contracts[name]}

"""A run that stops as soon as a verdict is settled: ``--until-verdict``.

Who gives the verdict is not known here: a ``Gate`` is told of each look whose samples have all
ended, and says whether the run may stop.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass, field, replace
from typing import Protocol

from instit_bench.errors import InputError
from instit_bench.evaluation.plan import RunPlan
from instit_bench.progress import Reporter
from instit_bench.runs.loaded import Run
from instit_bench.runs.looks import COUNT, Looks, Verdict, place, plan_looks


class Gate(Protocol):
    """Says when a run's verdict is settled."""

    def begin(self, run: Run, looks: Looks) -> None:
        """Look at the run before its first request, and complete ``looks`` with the bounds.

        Raises:
            InputError: There is nothing that the gate could settle.
            NotComparableError: The run cannot be compared with the baseline.
        """
        ...

    def settled(self, run: Run, looks: Looks, look: int) -> Verdict | None:
        """Return the verdict if it is settled by the samples of the looks so far."""
        ...


def in_looks(plan: RunPlan) -> RunPlan:
    """Return the plan with whole images and videos in random order, and the looks at them."""
    config = plan.config
    of_tasks = {
        task.task.name: (
            task.task.config.metadata.media,
            [task.selected[n].cluster for n in range(len(task.selected))],
        )
        for task in plan.tasks
    }
    looks = plan_looks(
        of_tasks,
        rule=config.stop_rule,
        margin=config.margin,
        seed=config.order_seed,
        first=config.first_look,
        baseline=str(config.baseline),
    )
    places = [
        place(looks.seed, media, cluster)
        for media, clusters in of_tasks.values()
        for cluster in clusters
    ]
    media = [media for media, clusters in of_tasks.values() for _ in clusters]
    # A look takes its part of every medium, one medium after the other. Texts are first: of texts
    # at the end of all, some would be sent long before their look (see `Shares`).
    keys = [
        (bisect_left(looks.edges[medium], where), medium != "none", medium, where)
        for medium, where in zip(media, places, strict=True)
    ]
    return replace(plan, order=array("Q", sorted(plan.order, key=keys.__getitem__)), looks=looks)


def require_scores_in_the_run(plan: RunPlan) -> None:
    """Refuse judged tasks whose verdicts come only after the last request.

    Raises:
        InputError: There is such a task.
    """
    config = plan.config
    why = None
    if config.judge_batch:
        why = "--judge-batch answers after the run"
    elif not config.judges:
        why = "no --judge is named"
    elif config.judge_gpu is None and any(name.startswith("vllm:") for name in config.judges):
        why = "a vllm judge without --judge-gpu starts after the last request"
    for name in plan.judge_contracts():
        if why is not None:
            raise InputError(
                f"--until-verdict: {name} gets no scores while the run goes on: {why}; choose "
                "--tasks without it, or a judge that answers during the run, such as openai:MODEL"
            )


@dataclass
class Watch:
    """Counts the samples that a look still waits for, and asks the gate once there are none."""

    run: Run
    gate: Gate
    looks: Looks
    reporter: Reporter
    waiting: list[int] = field(default_factory=lambda: [0] * (COUNT + 1))
    seen: int = 0

    def expect(self, media: str, cluster: str) -> None:
        """Wait for one more sample of an image or video."""
        self.waiting[self.looks.look_of(media, cluster) - 1] += 1

    def ended(self, media: str, cluster: str) -> bool:
        """Count a sample that has its score, or failed; return whether the run may stop."""
        self.waiting[self.looks.look_of(media, cluster) - 1] -= 1
        return self.settled()

    def settled(self) -> bool:
        """Look wherever all samples have ended; return whether the run may stop."""
        while self.looks.verdict is None and self.seen < COUNT and not self.waiting[self.seen]:
            self.seen += 1
            if self.seen >= self.looks.first:
                self._look(self.seen)
        return self.looks.verdict is not None

    def _look(self, look: int) -> None:
        verdict = self.gate.settled(self.run, self.looks, look)
        asked, everything = self.looks.asked_by(look), self.looks.asked_by(COUNT)
        said = f"look {look} of {COUNT}, {asked:,} of {everything:,} samples"
        if verdict is None:
            self.reporter.status(f"{said}: not settled yet")
            return
        self.looks.verdict, self.looks.stopped_at = verdict, look
        early = ", early" if self.looks.rule == "curtailed" and look < COUNT else ""
        self.reporter.status(f"{said}: {verdict} ({self.looks.rule}{early})")

"""How a run ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from instit_bench.errors import Problem
from instit_bench.evaluation.failures import FailureGroup
from instit_bench.runs.loaded import Run

Status = Literal["interrupted", "failed", "settled", "finished"]


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended; ``problem`` says what went wrong if it did not finish."""

    run: Run
    status: Status
    problem: Problem | None = None
    failures: tuple[FailureGroup, ...] = ()
    warnings: tuple[str, ...] = ()

    def conclusion(self, min_coverage: float) -> Problem | None:
        """Return why it is not a success, with the exit code; ``None`` if it is one."""
        if self.status == "interrupted":
            return Problem(
                "interrupted; finished samples are kept; run the same command again to resume", 130
            )
        if self.problem:
            return self.problem
        for name, task in self.run.results.tasks.items():
            if task.coverage < min_coverage:
                return Problem(
                    f"{name}: coverage {task.coverage:.4f} ({task.n_counted} of {task.n_total}) is "
                    f"below --min-coverage {min_coverage}",
                    3,
                )
        return None

"""The Python interface: a run as a function, and its numbers as pandas frames."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from instit_bench.errors import InstitBenchError
from instit_bench.evaluation.config import make_config
from instit_bench.evaluation.runner import run as run_to_outcome
from instit_bench.progress import Silent
from instit_bench.runs.loaded import Run
from instit_bench.runs.results import RunResults

if TYPE_CHECKING:
    import pandas as pd

Result = TypeVar("Result")


@dataclass(frozen=True)
class RunFrames:
    """A finished run.

    ``metrics`` has one row per task and metric (``task, metric, value, stderr, ci95_low, ci95_high,
    n, n_total, coverage``), ``samples`` one row per sample (``task, id, state, prediction, target,
    extracted, method, error, …`` and one column per metric); values are fractions 0..1.
    """

    path: Path
    metrics: pd.DataFrame
    samples: pd.DataFrame
    results: RunResults


def run(config: Path | str | None = None, **settings: Any) -> RunFrames:
    """Evaluate a model; ``settings`` are the options of ``instit-bench run``, by name.

    It works in notebooks too, where an event loop is running already.

    Raises:
        InputError: Settings, tasks or data are not valid.
        NotComparableError: The run directory contains a run with other settings.
        InstitBenchError: Too many samples failed; finished samples are kept.
        KeyboardInterrupt: Interrupted; the same call resumes the run.
    """
    chosen = make_config(Path(config) if config else None, settings)
    outcome = _outside_any_loop(lambda: run_to_outcome(chosen, Silent()))
    if outcome.status == "interrupted":
        raise KeyboardInterrupt
    if outcome.problem:
        raise InstitBenchError(f"{outcome.run.path}: {outcome.problem.message}")
    return RunFrames(
        path=outcome.run.path,
        metrics=_metrics_frame(outcome.run.results),
        samples=_samples_frame(outcome.run),
        results=outcome.run.results,
    )


def _outside_any_loop(work: Callable[[], Result]) -> Result:
    """Do work that starts an event loop of its own, in a thread where one is running already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return work()
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(work).result()


def _metrics_frame(results: RunResults) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for name, task in results.tasks.items():
        for metric, result in task.metrics.items():
            low, high = result.ci95 or (None, None)
            rows.append(
                {
                    "task": name,
                    "metric": metric,
                    "value": result.value,
                    "stderr": result.stderr,
                    "ci95_low": low,
                    "ci95_high": high,
                    "n": result.n,
                    "n_total": task.n_total,
                    "coverage": task.coverage,
                }
            )
    return pd.DataFrame(rows)


def _samples_frame(run: Run) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for name, task in run.tasks.items():
        for record in task.records.values():
            row = record.model_dump(exclude={"scores", "usage", "state"})
            row |= asdict(record.usage) | record.scores
            rows.append({"task": name, **row, "state": record.state.value})
    return pd.DataFrame(rows)

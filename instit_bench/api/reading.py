"""The functions that read stored runs: none needs a model, a network or a GPU."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from instit_bench.api import frames
from instit_bench.api.running import folder_of
from instit_bench.api.settings import Numbers
from instit_bench.api.values import Check, Comparison, Leaderboard, ReportPage, RunFrames
from instit_bench.comparison.baseline_file import load_scored_run
from instit_bench.comparison.cells import require_comparable
from instit_bench.comparison.check import check_against
from instit_bench.comparison.compare import compare_runs, everything, headline
from instit_bench.comparison.explain.causes import TIE
from instit_bench.comparison.explain.explain import Explanation, explain_runs
from instit_bench.comparison.policy import Policy, read_policy
from instit_bench.display import path_text
from instit_bench.errors import InputError
from instit_bench.formats.export import export_run
from instit_bench.leaderboard.rows import published_rows, row_of
from instit_bench.report.report_page import write_report
from instit_bench.runs.directory import runs_among
from instit_bench.runs.loaded import Run, load_results

if TYPE_CHECKING:
    import pandas as pd

AnyRun = RunFrames | Path | str
"""A run, its folder, or a pattern such as ``results/*`` for several."""


def load_run(path: Path | str) -> RunFrames:
    """Load a stored run, finished or not.

    Raises:
        InputError: The folder is not a run directory, or its manifest is not valid.
    """
    return RunFrames(Run.load(Path(path)))


def load_samples(*runs: AnyRun, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Load the samples of many runs as one frame: ``run, model, task, id, state, …, metrics``.

    Args:
        runs: Runs, their folders, or patterns such as ``"results/*"``; by default all under
            ``results``.
        columns: Only these columns, which saves memory; by default all.

    Raises:
        InputError: One is not a run, a file is broken, or there is no such column.
    """
    paths = _found(runs)
    names = [path_text(path.resolve().name) for path in paths]
    distinct = len(set(names)) == len(names)
    labels = names if distinct else [path_text(path) for path in paths]
    loaded = {label: Run.load(path) for label, path in zip(labels, paths, strict=True)}
    return frames.samples_frame(loaded, columns)


def leaderboard(*runs: AnyRun, published: bool = False) -> Leaderboard:
    """Return one row per model.

    Args:
        runs: Runs, their folders, or patterns; by default all under ``results``.
        published: Add the published results.

    Raises:
        InputError: One is not a run, or there is none.
    """
    rows = published_rows() if published else []
    paths = _found(runs) if runs or not published else []
    rows += [row_of(load_results(path), path_text(path)) for path in paths]
    return Leaderboard(rows)


def compare(
    reference: AnyRun,
    *runs: AnyRun,
    all_metrics: bool = False,
    allow_mismatch: bool = False,
    bootstrap: bool = False,
    seed: int = 0,
) -> Comparison:
    """Compare runs with a reference on the samples they share, and test the differences.

    Args:
        reference: A run, its folder, or a baseline file.
        runs: The runs to compare with it.
        all_metrics: Compare all metrics, not only the headline ones.
        allow_mismatch: Compare even if prompts, data or protocol differ.
        bootstrap: Add bootstrap intervals, resampled by image or video.
        seed: Seed of the random draws.

    Raises:
        InputError: One is neither a run nor a baseline file, only one is named, or the seed is not
            valid.
        NotComparableError: Prompts, data or protocol differ, or there is no task in common.
    """
    numbers = Numbers(seed=seed)
    paths = [path for run in runs for path in _matching(run)]
    if not paths:
        raise InputError("compare: name at least two runs; the first is the reference")
    base = load_scored_run(folder_of(reference))
    select = everything if all_metrics else headline
    found = [
        compare_runs(base, load_scored_run(path), select, seed=numbers.seed, bootstrap=bootstrap)
        for path in paths
    ]
    for one in found:
        require_comparable(one, allow_mismatch)
    return Comparison(found)


def explain(
    a: AnyRun,
    b: AnyRun,
    *,
    tasks: Sequence[str] = (),
    metric: str | None = None,
    tie: float = TIE,
) -> Explanation:
    """Say why two runs that should agree differ: each changed sample's cause, with its evidence.

    Args:
        a: A run, or its folder.
        b: The run that should agree.
        tasks: Only these tasks; patterns such as ``"inst_it_*"``.
        metric: Metric to explain; by default the one that decides whether a sample is right.
        tie: Largest margin of a tie between two tokens, in nats.

    Raises:
        InputError: One is not a run, a file is broken, there is no such task, or ``tie`` is not
            valid.
        NotComparableError: The runs share no task with a value in both.
    """
    numbers = Numbers(tie=tie)
    runs = Run.load(folder_of(a)), Run.load(folder_of(b))
    return explain_runs(*runs, tasks, metric, numbers.tie)


def check(
    run: AnyRun,
    baseline: AnyRun | None = None,
    policy: Path | str | None = None,
    *,
    seed: int = 0,
) -> Check:
    """Check a run against a baseline by the rules of a policy, as ``instit-bench check`` does.

    Args:
        run: A run, or its folder.
        baseline: A run, or a file from ``baseline save``; needed unless the policy has only
            ``min_value`` and ``max_value``.
        policy: YAML file of rules; by default the usual rules.
        seed: Seed of the permutation test.

    Raises:
        InputError: A file is missing or not valid, a baseline is needed, or the seed is not valid.
    """
    numbers = Numbers(seed=seed)
    rules = read_policy(Path(policy)) if policy else Policy()
    before = None if baseline is None else folder_of(baseline)
    return Check(check_against(folder_of(run), before, rules, str(policy), seed=numbers.seed))


def report(*runs: AnyRun, output: Path | str | None = None, media: bool = True) -> ReportPage:
    """Write an HTML page about runs: metrics, plots and every sample.

    Args:
        runs: Runs, their folders, or patterns.
        output: The page; by default ``report.html`` in the first run.
        media: Write thumbnails next to the page.

    Raises:
        InputError: One is not a run, or is named twice.
    """
    page = write_report(_found(runs), Path(output) if output else None, media=media)
    return ReportPage(page.path, page.n_samples, page.n_images)


def export(
    run: AnyRun,
    format: Literal["official", "lmms-eval", "inspect"] = "official",
    output: Path | str | None = None,
    *,
    include_path: Iterable[Path | str] = (),
    data: str | None = None,
) -> dict[str, Path]:
    """Write a run in another program's format; return the files written, by name.

    Args:
        run: A run, or its folder.
        format: ``official`` (the benchmarks' own evaluators), ``lmms-eval`` or ``inspect``.
        output: Folder; by default ``export`` in the run.
        include_path: lmms-eval: folders with task plugins.
        data: lmms-eval: data of a run on a subset.

    Raises:
        InputError: The run has nothing that the format can hold.
    """
    folder = Path(output) if output else None
    return export_run(folder_of(run), format, folder, tuple(map(Path, include_path)), data)


def _found(runs: Sequence[AnyRun]) -> list[Path]:
    paths = [path for run in runs or ("results/*",) for path in _matching(run)]
    if not paths:
        raise InputError("no runs under results/; name run folders")
    return runs_among(paths, lambda text: warnings.warn(text, stacklevel=4))


def _matching(run: AnyRun) -> list[Path]:
    """Return the folder of a run, or the paths that a pattern matches."""
    path = folder_of(run)
    if path.exists() or not any(sign in path_text(path) for sign in "*?["):
        return [path]
    found = sorted(map(Path, glob(str(path))))  # noqa: PTH207 - it takes absolute patterns too
    if not found and str(path) != "results/*":
        raise InputError(f"{path_text(path)}: matches no run")
    return found

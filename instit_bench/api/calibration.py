"""The functions that compare a run's judge with human scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from instit_bench.api.running import folder_of
from instit_bench.api.settings import Numbers
from instit_bench.api.values import RunFrames
from instit_bench.judging.calibrate import calibrate_run
from instit_bench.judging.sheet import make_sheet
from instit_bench.runs.directory import RunDirectory
from instit_bench.runs.judge_card import JudgeCard


def judge_sheet(
    run: RunFrames | Path | str,
    *,
    n: int = 60,
    stratify: bool = False,
    tasks: Sequence[str] = (),
    output: Path | str | None = None,
    separator: Literal["comma", "semicolon", "tab"] = "comma",
    seed: int = 0,
) -> Path:
    """Write a sheet of samples for humans to score, without the judge's verdicts; return its path.

    Args:
        run: A run, or its folder.
        n: Samples per judged task.
        stratify: Draw from low, middle and high scores of the judge.
        tasks: Only these tasks, by names or patterns; by default all that were judged.
        output: CSV file to write; by default ``sheet.csv`` in the run folder.
        separator: Separator; semicolon for spreadsheets with decimal commas.
        seed: Seed of the draw.

    Raises:
        InputError: The folder is not a run, nothing is judged, the file exists, or a number is not
            valid.
    """
    numbers = Numbers(n=n, seed=seed)
    directory = RunDirectory(folder_of(run))
    path = Path(output) if output else None
    drawn = make_sheet(
        directory,
        numbers.n,
        tasks=tasks,
        stratify=stratify,
        seed=numbers.seed,
        output=path,
        separator=separator,
    )
    return drawn.path


def calibrate(
    run: RunFrames | Path | str, gold: Path | str, *, tune: bool = False, seed: int = 0
) -> dict[str, JudgeCard]:
    """Compare a run's judge with human scores; return the judge cards by task.

    Args:
        run: A run, or its folder.
        gold: The filled sheet.
        tune: Tune the weight of the judge's scores, from 50 human scores on.
        seed: Seed of the folds of ``tune``.

    Raises:
        InputError: The sheet is not valid or not of this run, or has too few scores, or the seed
            is not valid.
    """
    numbers = Numbers(seed=seed)
    directory = RunDirectory(folder_of(run))
    return dict(calibrate_run(directory, Path(gold), tune=tune, seed=numbers.seed).cards)

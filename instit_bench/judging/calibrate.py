"""``judge calibrate``: compare a judge's scores with human ones, and correct their mean."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from instit_bench.errors import InputError
from instit_bench.judging.card import Gold, make_card
from instit_bench.judging.sheet_file import FilledRow, read_sheet, same_text
from instit_bench.judging.sheet_plan import (
    SheetPlan,
    TaskPlan,
    judged_metric,
    judged_samples,
    read_plan,
    stored_sheets,
)
from instit_bench.runs.atomic import write_atomically
from instit_bench.runs.directory import RunDirectory
from instit_bench.runs.judge_card import JudgeCard
from instit_bench.runs.loaded import Run
from instit_bench.runs.record import SampleRecord
from instit_bench.runs.verdicts import digest_of, open_item

_FEWEST = 2  # human scores per stratum, for their spread


@dataclass(frozen=True, slots=True)
class Calibration:
    """The cards, by task, and what a reader should know besides."""

    cards: Mapping[str, JudgeCard]
    notes: tuple[str, ...]


def calibrate_run(
    directory: RunDirectory, sheet: Path, *, tune: bool = False, seed: int = 0
) -> Calibration:
    """Write a card for each task of a filled sheet into the run.

    Raises:
        InputError: The sheet is not valid or not of this run, a sample is unknown or its prediction
            has changed, or there are too few human scores.
        StorageError: A card cannot be written.
    """
    rows = read_sheet(sheet)
    with directory.locked(create=False):
        run = Run.load(directory.path)
        name = _sheet_of(rows, sheet, stored_sheets(directory), run.path)
        plan = read_plan(directory, name)
        by_task = _by_task(rows, plan)
        notes: list[str] = []
        cards = {
            task: _card(run, task, plan, filled, notes, tune=tune, seed=seed)
            for task, filled in by_task.items()
        }
        for task, card in cards.items():
            write_atomically(directory.card_path(task), card.model_dump_json(indent=2) + "\n")
    return Calibration(cards, tuple(notes))


def _sheet_of(rows: Sequence[FilledRow], file: Path, known: Sequence[str], run: Path) -> str:
    if not known:
        raise InputError(f"{run}: no sheet was drawn from it; draw one with `judge sheet`")
    named = {row.sheet: row for row in rows if row.sheet}
    for name, row in named.items():
        if name not in known:
            raise InputError(
                f"{row.where}: field 'sheet': {name} was not drawn from {run}; its sheets are "
                f"{', '.join(known)}"
            )
    if len(named) > 1:
        raise InputError(f"{file}: has rows of several sheets: {', '.join(named)}")
    if not named and len(known) > 1:
        raise InputError(
            f"{file}: has no column 'sheet', and {run} has several: {', '.join(known)}"
        )
    return next(iter(named), known[0])


def _by_task(rows: Sequence[FilledRow], plan: SheetPlan) -> dict[str, dict[str, FilledRow]]:
    found: defaultdict[str, dict[str, FilledRow]] = defaultdict(dict)
    for row in rows:
        task = row.task or _only_task(row, plan)
        if task not in plan.tasks:
            raise InputError(
                f"{row.where}: field 'task': {task!r} is not a task of the sheet; its tasks are "
                f"{', '.join(plan.tasks)}"
            )
        if not any(drawn.id == row.sample for drawn in plan.tasks[task].drawn):
            raise InputError(
                f"{row.where}: field 'sample': {row.sample!r} is not a sample that the sheet was "
                "drawn with; do not change this column"
            )
        if row.sample in found[task]:
            first = found[task][row.sample]
            raise InputError(
                f"{row.where}: sample {row.sample} has a score already ({first.where})"
            )
        found[task][row.sample] = row
    return {task: found[task] for task in plan.tasks if task in found}


def _only_task(row: FilledRow, plan: SheetPlan) -> str:
    if len(plan.tasks) > 1:
        raise InputError(
            f"{row.where}: field 'task' is empty; the sheet has {', '.join(plan.tasks)}"
        )
    return next(iter(plan.tasks))


def _card(
    run: Run,
    task: str,
    plan: SheetPlan,
    rows: Mapping[str, FilledRow],
    notes: list[str],
    *,
    tune: bool,
    seed: int,
) -> JudgeCard:
    metric = judged_metric(run, task)
    judging = run.manifest.judging_of(task)
    records = judged_samples(run.tasks[task], metric) if task in run.tasks and metric else []
    if metric is None or judging is None or not records:
        raise InputError(f"{run.path}: {task} has no judge's scores now; judge the run first")
    of_task = plan.tasks[task]
    _require_unchanged(run.tasks[task].records, of_task, rows)
    gold, left_out = _gold(records, metric, of_task, rows)
    notes += [f"{task}: {note}" for note in left_out]
    _require_enough(gold, of_task, rows, task)
    reported = run.tasks[task].result.metrics[metric]
    card = make_card(
        gold,
        tune=tune,
        seed=seed,
        task=task,
        metric=metric,
        judge=judging.judges[0],
        instructions=judging.contracts[task],
        repeats=judging.repeats,
        date=datetime.now(UTC).date().isoformat(),
        sheet=plan.sheet,
        reported=reported.value,
        n_reported=reported.n,
    )
    if problem := card.problem(judging, reported):
        notes.append(f"{task}: the card does not apply: {problem}")
    return card


def _require_unchanged(
    records: Mapping[str, SampleRecord], plan: TaskPlan, rows: Mapping[str, FilledRow]
) -> None:
    """Refuse scores for other predictions than the run has now."""
    items = {drawn.id: drawn.item for drawn in plan.drawn}
    for sample, row in rows.items():
        record = records.get(sample)
        if record is None or digest_of(open_item(record)) != items[sample]:
            raise InputError(
                f"{row.where}: field 'prediction': the run's prediction for {sample} (or its "
                "question or target) has changed since the sheet was drawn; draw a new one"
            )
        if row.prediction and not same_text(row.prediction, record.prediction or ""):
            raise InputError(
                f"{row.where}: field 'prediction': is not the prediction for sample {sample}; it "
                "was edited, or only some of the columns were sorted"
            )


def _gold(
    records: Sequence[SampleRecord], metric: str, plan: TaskPlan, rows: Mapping[str, FilledRow]
) -> tuple[Gold, list[str]]:
    """Return the scores of all samples of the plan that the judge has scored, with notes."""
    stratum_of = {name: s for s, members in enumerate(plan.strata) for name in members}
    inside = [record for record in records if record.id in stratum_of]
    human = {place: rows[r.id].score for place, r in enumerate(inside) if r.id in rows}
    notes = []
    if missing := len(records) - len(inside):
        notes.append(f"{missing} samples were judged only after the sheet was drawn: left out")
    if missing := len(rows) - len(human):
        notes.append(f"{missing} samples with a human score have no judge's score now: left out")
    return Gold(
        judge=[record.scores[metric] for record in inside],
        clusters=[record.cluster or record.id for record in inside],
        strata=[stratum_of[record.id] for record in inside],
        human=human,
    ), notes


def _require_enough(gold: Gold, plan: TaskPlan, rows: Mapping[str, FilledRow], task: str) -> None:
    """Refuse a sheet where some stratum has fewer than two scores: its part would be unknown."""
    sizes, drawn = defaultdict[int, int](int), defaultdict[int, int](int)
    for place, stratum in enumerate(gold.strata):
        sizes[stratum] += 1
        drawn[stratum] += place in gold.human
    short = {s for s, size in sizes.items() if drawn[s] < min(_FEWEST, size)}
    open_ = [d.id for d in plan.drawn if d.stratum in short and d.id not in rows]
    if short or len(gold.human) < _FEWEST:
        ids = ", ".join(open_[: 2 * _FEWEST])
        more = f"; score more of the sheet, among others {ids}" if ids else "; draw a larger sheet"
        raise InputError(f"{task}: {len(gold.human)} human scores are too few{more}")

"""Estimate the cost of judging before any call is made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from instit_bench.errors import InputError
from instit_bench.evaluation.config import RunConfig
from instit_bench.evaluation.plan import make_plan
from instit_bench.judging.contracts import extraction_contracts
from instit_bench.judging.prices import REPLY_TOKENS, estimated_tokens
from instit_bench.judging.rejudge import contracts_of
from instit_bench.runs.loaded import Run
from instit_bench.runs.verdicts import item_of, open_item
from instit_bench.scorers.contract import Contract, Item
from instit_bench.scorers.judge import JudgeContract, JudgeItem
from instit_bench.scorers.registry import spec_of
from instit_bench.types import Usage

Asked = tuple[Contract, Item]


def estimate_run(run: Path, data: str | None) -> tuple[int, Usage]:
    """Estimate calls and tokens for judging a run's answers once.

    Raises:
        InputError: The folder is not a run directory.
    """
    stored = Run.load(run)
    return _sum(_answers(stored, contracts_of(stored.manifest, data)))


def estimate_letters(run: Path) -> tuple[int, Usage]:
    """Estimate calls and tokens for extracting the letters of a run's unparsed predictions.

    Raises:
        InputError: The folder is not a run directory, or has no multiple-choice task.
    """
    stored = Run.load(run)
    letters = extraction_contracts(stored.manifest, stored.tasks)
    if not letters:
        raise InputError(f"{run}: has no multiple-choice task to extract letters from")
    return _sum(
        (contract, item)
        for task, contract in letters.items()
        for record in stored.tasks[task].records.values()
        if (item := item_of(record, spec_of(stored.tasks[task].entry))) is not None
    )


def estimate_tasks(tasks: str, data: str) -> tuple[int, Usage]:
    """Estimate before anything is generated, with targets in place of a model's answers.

    Raises:
        InputError: A task or its data are missing.
    """
    plan = make_plan(RunConfig(model="none", tasks=tasks, data=data))
    contracts = plan.judge_contracts()
    return _sum(
        (contracts[task.task.name], JudgeItem(sample.question, sample.target, sample.target))
        for task in plan.tasks
        if task.task.name in contracts
        for sample in task.samples
    )


def _answers(run: Run, contracts: dict[str, JudgeContract]) -> Iterator[Asked]:
    for task, contract in contracts.items():
        for record in run.tasks[task].records.values():
            if record.finished:
                yield contract, open_item(record)


def _sum(asked: Iterable[Asked]) -> tuple[int, Usage]:
    tokens = [estimated_tokens(contract.instructions + item.as_json()) for contract, item in asked]
    return len(tokens), Usage(sum(tokens), len(tokens) * REPLY_TOKENS)

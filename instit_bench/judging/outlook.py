"""What judging would take: the calls that are left, their tokens and their cost; nothing is sent.

Verdicts in the cache of other runs are not looked up: there may be fewer calls, never more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from instit_bench.display import counted
from instit_bench.judging.config import JudgeConfig
from instit_bench.judging.contracts import extraction_contracts
from instit_bench.judging.panels import Panel, panels_of
from instit_bench.judging.prices import REPLY_TOKENS, cost_told, estimated_tokens
from instit_bench.judging.rejudge import check_there_is_work, contracts_of
from instit_bench.runs.loaded import Run
from instit_bench.runs.manifest import Price
from instit_bench.runs.verdicts import item_of
from instit_bench.scorers.contract import Item
from instit_bench.scorers.registry import spec_of
from instit_bench.types import Usage


@dataclass(frozen=True, slots=True)
class JudgeCalls:
    """The calls that one judge is left with, the tokens that they take, and its price if known."""

    judge: str
    calls: int
    usage: Usage
    price: Price | None

    @property
    def told(self) -> str:
        """One line: calls, tokens and US dollars."""
        cost = cost_told(self.price, self.usage) if self.calls and ":" in self.judge else "no cost"
        return (
            f"{self.judge}: at most {counted(self.calls, 'call')}, about "
            f"{self.usage.prompt_tokens or 0:,} prompt and {self.usage.completion_tokens or 0:,} "
            f"reply tokens, {cost}"
        )


def added(calls: Sequence[JudgeCalls]) -> list[JudgeCalls]:
    """Return one entry per judge, with what several runs ask it in all."""
    sums: dict[str, JudgeCalls] = {}
    for one in calls:
        before = sums.get(one.judge, JudgeCalls(one.judge, 0, Usage(0, 0), one.price))
        usage = Usage(
            (before.usage.prompt_tokens or 0) + (one.usage.prompt_tokens or 0),
            (before.usage.completion_tokens or 0) + (one.usage.completion_tokens or 0),
        )
        sums[one.judge] = JudgeCalls(one.judge, before.calls + one.calls, usage, one.price)
    return list(sums.values())


Asked = tuple[str, str, Item]
"""A task, a sample's id, and what a judge is asked about it."""


def calls_left(panel: Panel, asked: Sequence[Asked], run: Run | None) -> list[JudgeCalls]:
    """Return what is left for each judge of a panel, of what is asked, beside a run's verdicts."""
    given = {
        (task, sample): panel.given(run, task, sample, item) if run and task in run.tasks else set()
        for task, sample, item in asked
    }
    found = []
    for judge in panel.judging.judges:
        prompts = [
            panel.contracts[task].instructions + item.as_json()
            for task, sample, item in asked
            for repeat in range(panel.judging.repeats)
            if (judge, repeat) not in given[task, sample]
        ]
        usage = Usage(sum(map(estimated_tokens, prompts)), len(prompts) * REPLY_TOKENS)
        price = panel.judging.prices.get(judge)
        found.append(JudgeCalls(judge, len(prompts), usage, price))
    return found


def calls_left_in_run(run: Run, config: JudgeConfig, data: str | None) -> list[JudgeCalls]:
    """Return what ``judge RUN`` would ask.

    Raises:
        InputError: There is nothing to judge, or no judge is named.
    """
    judges = config.extractor is None or config.judge
    contracts = contracts_of(run.manifest, data) if judges else {}
    letters = extraction_contracts(run.manifest, run.tasks) if config.extractor else {}
    check_there_is_work(run, config, contracts, letters)
    return [
        calls
        for panel in panels_of(config, contracts, letters)
        for calls in calls_left(panel, list(_asked(run, panel.contracts)), run)
    ]


def _asked(run: Run, tasks: Iterable[str]) -> Iterator[Asked]:
    for task in tasks:
        spec = spec_of(run.tasks[task].entry)
        for record in run.tasks[task].records.values():
            if (item := item_of(record, spec)) is not None:
                yield task, record.id, item

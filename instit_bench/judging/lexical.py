"""The judge for people without any endpoint; its scores are comparable with no other judge's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from instit_bench.progress import Tell
from instit_bench.scorers.contract import Contract, Item
from instit_bench.scorers.judge.contract import LEXICAL, JudgeItem
from instit_bench.scorers.judge.lexical import lexical_score
from instit_bench.types import Verdict


class LexicalJudge:
    """Counts shared words and references; no model, no network, no cost."""

    name = LEXICAL
    late = False

    def settings(self) -> dict[str, Any]:
        """None."""
        return {}

    async def start(self, folder: Path, tell: Tell) -> None:
        """Nothing to start."""

    def knows(self, contract: Contract, item: Item, repeat: int) -> bool:  # noqa: ARG002
        """Always."""
        return True

    async def judge(self, contract: Contract, item: Item, repeat: int) -> Verdict:  # noqa: ARG002
        """Score one open-ended answer, at once; it is asked for nothing else."""
        assert isinstance(item, JudgeItem)  # noqa: S101 - `JudgeConfig` refuses it elsewhere
        return Verdict(lexical_score(item.answer, item.ground_truth), raw="")

    async def close(self) -> None:
        """Nothing to release."""

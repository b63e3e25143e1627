"""A judge that needs no endpoint; its scores are not comparable with those of other judges."""

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
        """Return no settings: there are none."""
        return {}

    async def start(self, folder: Path, tell: Tell) -> None:
        """Nothing to start."""

    def knows(self, contract: Contract, item: Item, repeat: int) -> bool:  # noqa: ARG002
        """Return true: a score never needs a call."""
        return True

    async def judge(self, contract: Contract, item: Item, repeat: int) -> Verdict:  # noqa: ARG002
        """Score one open-ended answer; nothing else is supported."""
        assert isinstance(item, JudgeItem)  # noqa: S101 - `JudgeConfig` refuses it elsewhere
        return Verdict(lexical_score(item.answer, item.ground_truth), raw="")

    def keep(self, contract: Contract, item: Item, repeat: int, verdict: Verdict) -> None:
        """Nothing to cache: it is computed again as fast."""

    async def close(self) -> None:
        """Nothing to release."""

"""Judge open-ended answers inside lmms-eval with the judge named by ``INSTIT_BENCH_JUDGE``.

lmms-eval scores answers one by one, in a few threads (``--process_docs_parallel``). The judge is
that of our own runs, with its cache and retries, on its own event loop.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from dataclasses import dataclass
from functools import cache

from instit_bench.errors import InputError
from instit_bench.judging.base import JudgeHere, JudgeUnavailable
from instit_bench.judging.config import JudgeConfig
from instit_bench.judging.create import make_judges
from instit_bench.runs.verdicts import LEXICAL_SCORE, OFFICIAL_SCORE
from instit_bench.scorers.judge import JudgeContract, JudgeItem
from instit_bench.scorers.judge.contract import LEXICAL
from instit_bench.types import Verdict

JUDGE = "INSTIT_BENCH_JUDGE"
_log = logging.getLogger(__name__)


@dataclass
class SampleJudge:
    """A judge for one answer at a time, from any thread."""

    judge: JudgeHere
    loop: asyncio.AbstractEventLoop
    unavailable: str | None = None

    def scores(self, contract: JudgeContract, item: JudgeItem, where: str) -> dict[str, float]:
        """Return the judge's score under its metric's name; on an error nothing, and log a line."""
        error = self.unavailable
        if error is None:
            asking = self._verdict(contract, item)
            try:
                verdict = asyncio.run_coroutine_threadsafe(asking, self.loop).result()
            except JudgeUnavailable as stop:
                self.unavailable = error = str(stop)
            else:
                if verdict.score is not None:
                    metric = LEXICAL_SCORE if self.judge.name == LEXICAL else OFFICIAL_SCORE
                    return {metric: verdict.score}
                error = verdict.error
        _log.warning("%s: not judged, and left out of the score: %s", where, error)
        return {}

    async def _verdict(self, contract: JudgeContract, item: JudgeItem) -> Verdict:
        verdict = await self.judge.judge(contract, item, repeat=0)
        self.judge.keep(contract, item, 0, verdict)
        return verdict


def chosen_judge() -> SampleJudge | None:
    """Return the judge that ``INSTIT_BENCH_JUDGE`` names, or ``None`` if it is not set.

    Raises:
        InputError: It does not name a judge that is available here.
    """
    spec = os.environ.get(JUDGE, "none")
    return None if spec == "none" else _make(spec)


@cache
def _make(spec: str) -> SampleJudge:
    if spec != LEXICAL and not spec.startswith("openai:"):
        raise InputError(f"{JUDGE}={spec}: choose lexical, openai:MODEL or none inside lmms-eval")
    setup = JudgeConfig(judge=(spec,)).setup([spec])
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="instit-bench-judge", daemon=True).start()

    async def make() -> JudgeHere:  # on the loop: the cache's file belongs to its thread
        judge = make_judges(setup)[0]
        assert isinstance(judge, JudgeHere)  # noqa: S101 - neither of both has replicas
        return judge

    return SampleJudge(asyncio.run_coroutine_threadsafe(make(), loop).result(), loop)

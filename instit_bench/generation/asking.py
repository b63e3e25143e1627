"""Instructions in progress: each caption's request is sent, and what came of it is journaled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import BaseModel

from instit_bench.backends import BackendUnavailable, EngineLost, GenerationError
from instit_bench.backends.asker import Asker
from instit_bench.display import counted
from instit_bench.errors import NotComparableError, Problem
from instit_bench.evaluation.failures import Streak
from instit_bench.generation.captions import Caption
from instit_bench.generation.plan import LANE, WriterPlan
from instit_bench.generation.replies import Ended, RawReply
from instit_bench.generation.spending import Spending, make_spending
from instit_bench.progress import Reporter
from instit_bench.scheduling.engines import MOST_LOST, Engines
from instit_bench.scheduling.schedule import Item, Turn
from instit_bench.types import Request


@dataclass
class Writing:
    """Requests in progress."""

    plan: WriterPlan
    engines: Engines[Caption]
    reporter: Reporter
    append: Callable[[BaseModel], None]
    problem: Problem | None = None
    in_flight: int = 0
    ended: dict[int, Ended] = field(init=False)
    spending: Spending = field(init=False)
    streak: Streak = field(init=False)

    def __post_init__(self) -> None:
        config = self.plan.config
        self.ended = dict(self.plan.stored)
        self.spending = make_spending(config, self.plan.used)
        self.streak = Streak(config.stop_after)

    async def work(self) -> None:
        """Send requests until nothing remains, a budget is reached, or the backend is gone."""
        total, left = len(self.plan.chosen), self.plan.left
        self.reporter.lane(LANE, total, total - len(left))
        self.reporter.engines(self.engines.lines)
        if not left:
            return
        # All requests begin with the same tools. None waits until a first one has computed them:
        # an engine shares a text's beginning even while it is computed.
        items = [Item(caption) for caption in left]
        folder, tell = self.plan.config.output, self.reporter.status
        try:
            await self.engines.ask_all(items, self._take, folder, tell)
        except BackendUnavailable as error:
            self.problem = Problem(str(error))

    def finish(self) -> bool:
        """Send nothing more; return whether anything is in flight, which is then awaited."""
        self.engines.stop()
        if self.in_flight:
            self.reporter.status(
                f"stopping: {counted(self.in_flight, 'request')} in flight will be finished; "
                "Ctrl-C again stops at once"
            )
        return self.in_flight > 0

    async def _take(self, turn: Turn[Caption], computed: Callable[[], None], asker: Asker) -> bool:
        """Ask for one caption, and keep what came of it; return whether there is a reply."""
        most = self.plan.config.max_tokens
        request = self.plan.request(turn.item.value)
        asked = request.sample.question
        if (limit := self.spending.refused(asked, most)) is not None:
            self.engines.stop()
            told = f"the next request could exceed {limit}; raise it and run again"
            self.problem = self.problem or Problem(told, NotComparableError.exit_code)
            return False
        self.in_flight += 1
        self.reporter.asked(LANE)
        reply = None
        try:
            reply = await self._reply(turn, request, computed if turn.leads else None, asker)
        finally:
            self.in_flight -= 1
            self.spending.settle(asked, most, reply)
        self.append(reply)
        self.ended[reply.id] = reply.ended
        if reply.error:
            self.reporter.detail(f"caption {reply.id}: {reply.error}")
        self.reporter.step(LANE, "failed" if reply.error else "done", reply.tokens)
        if self.streak.reached:
            raise BackendUnavailable(self.streak.told)
        return reply.error is None

    async def _reply(
        self,
        turn: Turn[Caption],
        request: Request,
        computed: Callable[[], None] | None,
        asker: Asker,
    ) -> RawReply:
        caption, lost = turn.item.value, turn.item.lost
        known = {"id": caption.number, "file_name": caption.file_name, "caption": caption.text}
        try:
            prediction = await asker.ask(request, _no_media, computed)
        except GenerationError as error:
            self.streak.failed(str(error))
            return RawReply(**known, instructions=None, error=str(error))
        except EngineLost as error:
            if lost < MOST_LOST:
                raise
            told = f"{lost + 1} engines died with it; {error}"
            return RawReply(**known, instructions=None, error=told)
        self.streak.answered()
        return RawReply(
            **known,
            instructions=prediction.text or prediction.refusal or "",
            finish_reason=prediction.finish_reason,
            usage=prediction.usage,
            latency_s=prediction.latency_s,
        )


def _no_media(*_: object) -> None:
    """Take note of nothing: requests for instructions are text."""

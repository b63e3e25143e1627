"""Instructions in progress: each caption's request is sent, and what came of it is journaled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel

from instit_bench.backends import Backend, BackendUnavailable, GenerationError
from instit_bench.display import counted
from instit_bench.errors import NotComparableError, Problem
from instit_bench.evaluation.failures import Streak
from instit_bench.generation.captions import Caption
from instit_bench.generation.plan import LANE, WriterPlan
from instit_bench.generation.replies import RawReply
from instit_bench.generation.spending import Spending, make_spending
from instit_bench.progress import Reporter
from instit_bench.scheduling.dispatch import ask_all
from instit_bench.scheduling.schedule import Item, Schedule, Turn, leads_ahead
from instit_bench.types import Request


@dataclass
class Writing:
    """Requests in progress."""

    plan: WriterPlan
    backend: Backend
    reporter: Reporter
    append: Callable[[BaseModel], None]
    problem: Problem | None = None
    in_flight: int = 0
    replies: dict[int, RawReply] = field(init=False)
    spending: Spending = field(init=False)
    schedule: Schedule[Caption] = field(init=False)
    streak: Streak = field(init=False)

    def __post_init__(self) -> None:
        config, stored = self.plan.config, self.plan.stored
        self.replies = dict(stored)
        self.spending = make_spending(config, stored.values())
        self.streak = Streak(config.stop_after)
        # All requests begin with the same tools: an engine computes them once.
        todo: Sequence[Item[Caption]] = [Item(one, shares="tools") for one in self.plan.left]
        ahead = leads_ahead(config.in_flight, self.backend.prefix_caches)
        self.schedule = Schedule(todo, ahead)

    async def work(self) -> None:
        """Send requests until nothing remains, a budget is reached, or the backend is gone."""
        total = len(self.plan.chosen)
        self.reporter.lane(LANE, total, total - len(self.plan.left))
        if self.schedule.empty:
            return
        try:
            await self.backend.start(self.plan.config.output, self.reporter.status)
            await ask_all(self.schedule, self.plan.config.in_flight, self._take)
        except BackendUnavailable as error:
            self.problem = Problem(str(error))
        finally:
            await self.backend.close()

    def finish(self) -> bool:
        """Send nothing more; return whether anything is in flight, which is then awaited."""
        self.schedule.stop()
        if self.in_flight:
            self.reporter.status(
                f"stopping: {counted(self.in_flight, 'request')} in flight will be finished; "
                "Ctrl-C again stops at once"
            )
        return self.in_flight > 0

    async def _take(self, turn: Turn[Caption], computed: Callable[[], None]) -> bool:
        """Ask for one caption, and keep what came of it; return whether there is a reply."""
        caption, most = turn.item.value, self.plan.config.max_tokens
        request = self.plan.request(caption)
        asked = request.sample.question
        if (limit := self.spending.refused(asked, most)) is not None:
            self.schedule.stop()
            told = f"the next request could exceed {limit}; raise it and run again"
            self.problem = self.problem or Problem(told, NotComparableError.exit_code)
            return False
        self.in_flight += 1
        self.reporter.asked(LANE)
        reply = None
        try:
            reply = await self._reply(caption, request, computed if turn.leads else None)
        finally:
            self.in_flight -= 1
            self.spending.settle(asked, most, reply)
        self.append(reply)
        self.replies[reply.id] = reply
        if reply.error:
            self.reporter.detail(f"caption {reply.id}: {reply.error}")
        self.reporter.step(LANE, "failed" if reply.error else "done", reply.tokens)
        if self.streak.reached:
            raise BackendUnavailable(self.streak.told)
        return reply.error is None

    async def _reply(
        self, caption: Caption, request: Request, computed: Callable[[], None] | None
    ) -> RawReply:
        known = {"id": caption.number, "file_name": caption.file_name, "caption": caption.text}
        try:
            if computed is None:
                prediction = await self.backend.generate(request)
            else:
                prediction = await self.backend.lead(request, computed)
        except GenerationError as error:
            self.streak.failed(str(error))
            return RawReply(**known, instructions=None, error=str(error))
        self.streak.answered()
        return RawReply(
            **known,
            instructions=prediction.text or prediction.refusal or "",
            finish_reason=prediction.finish_reason,
            usage=prediction.usage,
            latency_s=prediction.latency_s,
        )

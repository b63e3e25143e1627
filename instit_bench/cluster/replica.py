"""A replica as the run sees it: whom to ask, and whether it is still there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from instit_bench._version import __version__
from instit_bench.backends.asker import Seen
from instit_bench.backends.base import BackendUnavailable, EngineLost, GenerationError
from instit_bench.cluster.actor import ReplicaActor
from instit_bench.cluster.messages import Farewell, News, Order, Question, Ready, Reply
from instit_bench.cluster.session import Node
from instit_bench.errors import InstitBenchError
from instit_bench.media import MediaError
from instit_bench.progress import Meter, Tell
from instit_bench.types import Prediction, Request

_ACTOR_CALLS = 16  # at once: one collects replies, few others are short
_CLOSES_WITHIN_S = 60.0
_PLACED_WITHIN_S = 60.0
_SILENT_FOR_S = 900.0  # it tells something every 2 s, unless its process or machine is frozen
_FIRST_AT_ONCE = 16
_GROWTH_AT_ONCE = 1.25


class ReplicaLost(Exception):  # noqa: N818 - a state
    """The actor, or the node it is on, is gone; the message says why."""


class QueueLimit:
    """A fixed limit, or with ``adaptive`` one that follows the engine's queue, up to ``most``.

    While nothing waits there and all that is allowed is in flight, it grows; what waits in the
    engine's queue would be better off with another replica, so the limit falls by as many.
    """

    def __init__(self, most: int, *, adaptive: bool = False) -> None:
        self.at_once = min(_FIRST_AT_ONCE, most) if adaptive else most
        self._most = most
        self._adaptive = adaptive

    def see(self, waiting: int | None, in_flight: int) -> None:
        """Take note of the engine's queue; ``None``: it is not known."""
        if not self._adaptive or waiting is None:
            return
        if waiting > 0:
            self.at_once = max(1, min(self.at_once, in_flight) - waiting)
        elif in_flight >= self.at_once:
            self.at_once = min(self._most, int(self.at_once * _GROWTH_AT_ONCE) + 1)


@dataclass(slots=True)
class _Open:
    """A question without a reply."""

    request: Request
    answer: asyncio.Future[Prediction]
    seen: Seen
    computed: Callable[[], None] | None


class Replica:
    """One backend on one node; it is asked like a backend in this process.

    ``gone`` is called once, when nothing more can be expected of it.
    """

    def __init__(
        self,
        order: Order,
        node: Node,
        gpus: int,
        limit: QueueLimit,
        tell: Tell,
        gone: Callable[[Replica, str], None],
    ) -> None:
        self.name = order.name
        self.node = node
        self.prefix_caches = 0
        self.answered = 0
        self.gpu_busy: float | None = None
        self._order = order
        self._gpus = gpus
        self._limit = limit
        self._tell = tell
        self._gone = gone
        self._actor: Any = None
        self._ready = False
        self._open: dict[int, _Open] = {}
        self._outbox: list[Question] = []
        self._asked = 0
        self._meter = Meter()
        self._lost: str | None = None
        self._listening: asyncio.Task[None] | None = None

    @property
    def at_once(self) -> int:
        """The most requests in flight."""
        return self._limit.at_once

    @property
    def in_flight(self) -> int:
        """The requests in flight."""
        return len(self._open)

    @property
    def line(self) -> str:
        """What it has answered, is doing, and how busy its GPUs are."""
        rate = self._meter.rate(time.monotonic())
        pace = f", {rate:.1f} samples/s" if rate is not None else ""
        gpu = f", GPU {self.gpu_busy:.0%}" if self.gpu_busy is not None else ""
        done = f"{self.answered} answered{pace}, {self.in_flight} in flight{gpu}"
        return f"{self.name} on {self.node.name}: {done}"

    async def start(self) -> Ready:
        """Create the actor on its node, and start its backend.

        Raises:
            ReplicaLost: The actor died, or cannot be created.
        """
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        self._actor = (
            ray.remote(ReplicaActor)
            .options(
                num_cpus=0,
                num_gpus=self._gpus,
                max_concurrency=_ACTOR_CALLS,
                max_restarts=0,  # a new one is created where there is room, maybe elsewhere
                scheduling_strategy=NodeAffinitySchedulingStrategy(self.node.id, soft=False),
            )
            .remote()
        )
        try:
            version = await self._placed()
            if version != __version__:
                told = f"has instit-bench {version}, the machine of the run {__version__}"
                return Ready(refused=f"{told}; install the same version")
            self._listening = asyncio.create_task(self._listen())  # it tells what it fetches
            ready: Ready = await self._actor.prepare.remote(self._order)
        except ray.exceptions.RayError as error:
            raise ReplicaLost(_first_line(error)) from error
        self._ready = ready.refused is None
        self.prefix_caches = ready.prefix_caches
        return ready

    async def _placed(self) -> str:
        """Wait until the actor has its GPUs, and say so if others hold them; return its version."""
        waiting = asyncio.get_running_loop().call_later(
            _PLACED_WITHIN_S,
            self._tell,
            f"{self.name} waits for {self._gpus} free GPUs on {self.node.name}",
        )
        try:
            version: str = await self._actor.is_there.remote()
            return version
        finally:
            waiting.cancel()

    async def ask(
        self, request: Request, seen: Seen, computed: Callable[[], None] | None
    ) -> Prediction:
        """Send a request, and wait for what comes of it."""
        if self._lost is not None:
            raise EngineLost(self._lost)
        self._asked += 1
        self._meter.start(time.monotonic())
        number = self._asked
        answer: asyncio.Future[Prediction] = asyncio.get_running_loop().create_future()
        self._open[number] = _Open(request, answer, seen, computed)
        if not self._outbox:  # all that is asked in this turn of the loop goes in one call
            asyncio.get_running_loop().call_soon(self._send)
        self._outbox.append(Question(number, request, computed is not None))
        try:
            return await answer
        finally:
            self._open.pop(number, None)

    async def close(self) -> Farewell:
        """End the backend and the actor."""
        import ray

        farewell = Farewell({}, {})
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        if self._ready:
            try:
                async with asyncio.timeout(_CLOSES_WITHIN_S):
                    farewell = await self._actor.close.remote()
            except (ray.exceptions.RayError, TimeoutError):
                pass
        self.end()
        return farewell

    def end(self) -> None:
        """End the actor's process, if there is one."""
        import ray

        if self._actor is not None:
            ray.kill(self._actor)

    def _send(self) -> None:
        questions, self._outbox = self._outbox, []
        if self._lost is None:
            self._actor.ask.remote(questions)

    async def _listen(self) -> None:
        import ray

        try:
            while True:
                # While it starts, a backend may block the actor's loop for as long as it likes.
                async with asyncio.timeout(_SILENT_FOR_S if self._ready else None):
                    news: News = await self._actor.news.remote()
                self._take(news)
        except TimeoutError:
            self._lose(f"nothing was heard of it for {_SILENT_FOR_S:g} s")
        except ray.exceptions.RayError as error:
            self._lose(_first_line(error))
        except Exception as error:  # noqa: BLE001 - otherwise nobody would hear of it any more
            self._lose(f"{type(error).__name__}: {error}")

    def _lose(self, reason: str) -> None:
        self._lost = reason
        self.end()  # it may only be out of reach: what it was asked is asked again
        for question in self._open.values():
            if not question.answer.done():
                question.answer.set_exception(EngineLost(reason))
        self._gone(self, reason)

    def _take(self, news: News) -> None:
        # What an engine answered before it broke down is kept.
        for reply in sorted(news.replies, key=lambda reply: reply.failure == "backend"):
            if (question := self._open.get(reply.number)) is not None:
                try:
                    self._deliver(question, reply)
                except InstitBenchError as error:  # such as a full disk: whoever asked shall know
                    question.answer.set_exception(error)
        for line in news.lines:
            self._tell(f"{self.name} on {self.node.name}: {line}")
        self.gpu_busy = self.gpu_busy if news.gpu_busy is None else news.gpu_busy
        self._limit.see(news.waiting, self.in_flight)

    def _deliver(self, question: _Open, reply: Reply) -> None:
        if reply.computed:
            if question.computed is not None:
                question.computed()
            return
        if question.answer.done():
            return
        if reply.failure == "backend" and self._order.own_engine:
            self._lose(reply.reason)  # of an endpoint it would be true of all replicas
            return
        if reply.resolved is not None:
            resolved = replace(question.request, messages=reply.resolved, shown=reply.shown)
            question.seen(resolved, reply.files)
        if reply.prediction is not None:
            self.answered += 1
            self._meter.step(time.monotonic())
            question.answer.set_result(reply.prediction)
        else:
            question.answer.set_exception(self._failure(reply))

    def _failure(self, reply: Reply) -> Exception:
        match reply.failure:
            case "media":
                return MediaError(f"on {self.node.name}: {reply.reason}")
            case "request":
                return GenerationError(reply.reason)
            case "backend":
                return BackendUnavailable(f"{self.name} on {self.node.name}: {reply.reason}")
            case _:
                return RuntimeError(f"{self.name} on {self.node.name}: {reply.reason}")


def _first_line(error: Exception) -> str:
    """Return Ray's reason in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reasons = [line for line in lines if "because" in line or "died" in line or "dead" in line]
    return (reasons or lines or [type(error).__name__])[-1][:300]

"""Who answers requests: a backend in this process, or replicas on many machines."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from instit_bench.backends import Backend
from instit_bench.backends.asker import Asker, LocalAsker, Reading
from instit_bench.backends.base import BackendOptions
from instit_bench.backends.create import BACKENDS
from instit_bench.backends.vllm.command import gpus_needed
from instit_bench.cluster.settings import ClusterSettings
from instit_bench.datasets.hub_archive import HubArchive
from instit_bench.progress import Tell
from instit_bench.scheduling.dispatch import ask_all
from instit_bench.scheduling.schedule import Item, Schedule, Turn, leads_ahead
from instit_bench.scheduling.spread import Spread

if TYPE_CHECKING:
    from instit_bench.cluster.replica import Replica

MOST_LOST = 2  # engines that die with a request, before the request is at fault

T = TypeVar("T")
Take = Callable[[Turn[T], Callable[[], None], Asker], Awaitable[bool]]
"""Asks one item of whom it is told to, and returns whether it was answered.

It may raise `EngineLost`: the item goes to another engine.
"""


class Engines(Protocol[T]):
    """Whoever answers the items of a run."""

    async def ask_all(
        self, items: Sequence[Item[T]], take: Take[T], folder: Path, tell: Tell
    ) -> None:
        """Start, ask every item, and release everything; the first exception ends it.

        Logs may be written to ``folder``, the run directory.
        """

    def stop(self) -> None:
        """Begin nothing more."""

    def lines(self) -> Sequence[str]:
        """What each of several engines is doing."""
        ...

    def settings(self) -> dict[str, Any]:
        """What a manifest records besides the backend's settings, once all is asked."""
        ...

    def learned(self) -> dict[str, Any]:
        """What requests showed of a server; see `Backend.learned`."""
        ...

    def totals(self) -> dict[str, float]:
        """What the engines counted; see `Backend.totals`."""
        ...


def engines_for(
    name: str,
    backend: Backend,
    options: BackendOptions,
    cluster: ClusterSettings,
    gpus: int | None = None,
    reading: Reading | None = None,
    archives: tuple[HubArchive, ...] = (),
) -> Engines[T]:
    """Return one engine, or replicas if ``cluster`` names one.

    ``backend`` is what each of them is: the one of this name, with these options, which include
    the most requests in flight at each. ``gpus`` are those of a replica, by default what it needs.
    A replica fetches the ``archives`` of media folders that its machine lacks.
    """
    reading = reading or Reading()
    if cluster.ray is None:
        return OneEngine(backend, reading, options.concurrency)
    return Replicas(name, backend, options, cluster, gpus, reading, archives=archives)


class OneEngine(Generic[T]):
    """A backend in this process."""

    def __init__(self, backend: Backend, reading: Reading, in_flight: int) -> None:
        self._backend = backend
        self._asker = LocalAsker(backend, reading)
        self._in_flight = in_flight
        self._schedule: Schedule[T] | None = None
        self._stopped = False

    async def ask_all(
        self, items: Sequence[Item[T]], take: Take[T], folder: Path, tell: Tell
    ) -> None:
        """Ask all with bounded concurrency."""
        ahead = leads_ahead(self._in_flight, self._backend.prefix_caches)
        schedule = self._schedule = Schedule(items, ahead)
        if self._stopped:
            return

        async def ask(turn: Turn[T], computed: Callable[[], None]) -> bool:
            return await take(turn, computed, self._asker)

        try:
            await self._backend.start(folder, tell)
            await ask_all(schedule, self._in_flight, ask)
        finally:
            await self._backend.close()

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopped = True
        if self._schedule is not None:
            self._schedule.stop()

    def lines(self) -> Sequence[str]:
        """There is only one."""
        return ()

    def settings(self) -> dict[str, Any]:
        """Add nothing."""
        return {}

    def learned(self) -> dict[str, Any]:
        """Return the backend's."""
        return self._backend.learned()

    def totals(self) -> dict[str, float]:
        """Return the backend's."""
        return self._backend.totals()


class Replicas(Generic[T]):
    """Replicas of a backend in a Ray cluster; ``backend`` itself answers nothing."""

    def __init__(
        self,
        name: str,
        backend: Backend,
        options: BackendOptions,
        cluster: ClusterSettings,
        gpus: int | None,
        reading: Reading,
        called: str = "replica",
        archives: tuple[HubArchive, ...] = (),
    ) -> None:
        from instit_bench.cluster.messages import Order, variables_for
        from instit_bench.cluster.pool import ReplicaPool, Wanted

        loads = BACKENDS.load(name).loads_a_model and options.base_url is None
        if gpus is None:
            gpus = gpus_needed(options) if loads else 0
        self._backend = backend
        order = Order(
            name=called,
            backend=name,
            options=options,
            reading=reading,
            folder=Path(),
            own_engine=loads,
            archives=archives,
            working_directory=Path.cwd(),
            environment=variables_for(options.endpoint, own_engine=loads),
        )
        self._pool = ReplicaPool(
            Wanted(
                cluster.ray or "",
                cluster.replicas,
                gpus,
                options.concurrency,
                cluster.adaptive_concurrency,
            ),
            order,
        )
        self._spread: Spread[T, Replica] | None = None
        self._stopped = False

    async def ask_all(
        self, items: Sequence[Item[T]], take: Take[T], folder: Path, tell: Tell
    ) -> None:
        """Ask all, each replica as much at once as it takes."""
        spread: Spread[T, Replica] = Spread(items, self._pool.watch)
        self._spread = spread
        if self._stopped:
            return
        try:
            await self._backend.close()
            await self._pool.start(folder, tell)
            await spread.ask_all(take)
        finally:
            await self._pool.close()

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopped = True
        if self._spread is not None:
            self._spread.stop()

    def lines(self) -> Sequence[str]:
        """One per replica."""
        return self._pool.lines

    def settings(self) -> dict[str, Any]:
        """Where the replicas were."""
        return {"ray": self._pool.settings()}

    def learned(self) -> dict[str, Any]:
        """Return what the replicas' backends have learned."""
        return self._pool.learned()

    def totals(self) -> dict[str, float]:
        """Return the sums over all replicas."""
        return self._pool.totals()

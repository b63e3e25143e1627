"""The replicas of a run: as many as fit, on all nodes, for as long as there are any."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from instit_bench.backends.base import BackendUnavailable
from instit_bench.cluster.messages import Farewell, Order
from instit_bench.cluster.replica import QueueLimit, Replica, ReplicaLost
from instit_bench.cluster.session import Node, connect, disconnect, living_nodes
from instit_bench.errors import InputError
from instit_bench.progress import Tell

_LOOK_EVERY_S = 1.0
_HOPES_S = 300.0  # for a node to join once there is no replica left
_MOST_DEATHS = 3  # of replicas of one node that had not answered anything


@dataclass(frozen=True, slots=True)
class Wanted:
    """``replicas`` at most, or as many as fit, with so many ``gpus`` each (0: one per node).

    ``at_once`` is the maximum of requests in flight per replica, which ``adaptive`` starts lower.
    """

    address: str
    replicas: int | None
    gpus: int
    at_once: int
    adaptive: bool = False


class ReplicaPool:
    """Starts replicas where there is room, and again where one has died."""

    def __init__(self, wanted: Wanted, order: Order) -> None:
        self._wanted = wanted
        self._order = order
        self._tell: Tell = lambda _: None
        self._number = 0
        self._replicas: dict[Replica, asyncio.Task[None]] = {}
        self._ready: list[Replica] = []
        self._deaths: Counter[str] = Counter()
        self._refusals: dict[str, str] = {}  # by the node's id
        self._nodes: list[Node] = []
        self._used_nodes: dict[str, None] = {}
        self._proven: set[str] = set()  # ids of nodes on which one was ready
        self._most = 0
        self._connected = False
        self._farewells: list[Farewell] = []
        self._changed = asyncio.Event()
        self._present: Callable[[Sequence[Replica]], None] = lambda _: None
        self._defect: Exception | None = None
        self._empty_since: float | None = None
        self._last_reason = ""

    async def start(self, folder: Path, tell: Tell) -> None:
        """Connect to Ray; engines write their logs below ``folder``, the run directory.

        Raises:
            InputError: There is no cluster, or none of its nodes has room for a replica.
        """
        self._tell = tell
        self._order = replace(self._order, folder=folder.resolve())
        self._connected = await connect(self._wanted.address)
        self._nodes = await living_nodes()
        if not any(self._room(node) for node in self._nodes):
            gpus = ", ".join(f"{node.name} has {node.gpus}" for node in self._nodes)
            raise InputError(
                f"--ray {self._wanted.address}: no node has the GPUs of one replica, "
                f"{self._wanted.gpus} ({gpus}); change --gpus-per-replica or add a node"
            )

    async def watch(self, present: Callable[[Sequence[Replica]], None]) -> None:
        """Keep as many replicas as there is room for; tell which are ready at every change.

        Raises:
            InputError: None has started on any node.
            BackendUnavailable: All have died, and died again.
        """
        self._present = present
        while True:
            self._changed.clear()
            self._fill()
            present(list(self._ready))
            if self._defect is not None:
                raise self._defect
            if self._replicas:
                self._empty_since = None
            else:
                self._give_up()
            try:
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._changed.wait()
            except TimeoutError:
                self._nodes = await living_nodes()

    async def close(self) -> None:
        """End all replicas, and leave the cluster."""
        if self._replicas:
            for starting in self._replicas.values():
                starting.cancel()
            await asyncio.gather(*self._replicas.values(), return_exceptions=True)
            closing = [replica.close() for replica in self._replicas]
            self._farewells += await asyncio.gather(*closing)
        if self._connected:
            await disconnect()

    @property
    def lines(self) -> list[str]:
        """One line per replica: what it has answered, is doing, and how busy its GPUs are."""
        return [replica.line for replica in self._ready]

    def settings(self) -> dict[str, Any]:
        """Return what a manifest records."""
        return {
            "version": version("ray"),
            "address": self._wanted.address,
            "replicas": self._most,
            "gpus_per_replica": self._wanted.gpus,
            "nodes": list(self._used_nodes),
        }

    def learned(self) -> dict[str, Any]:
        """Return what the backends have learned; they all ask the same kind of server."""
        return {name: value for said in self._farewells for name, value in said.learned.items()}

    def totals(self) -> dict[str, float]:
        """Return the sums of what the engines counted."""
        totals: Counter[str] = Counter()
        for said in self._farewells:
            totals.update(said.totals)
        return dict(totals)

    def _fill(self) -> None:
        """Start replicas where there is room, first on the nodes with the fewest."""
        while self._wanted.replicas is None or len(self._replicas) < self._wanted.replicas:
            on = Counter(replica.node.id for replica in self._replicas)
            free = [node for node in self._nodes if self._room(node) > on[node.id]]
            if not free:
                return
            self._add(min(free, key=lambda node: on[node.id]))

    def _room(self, node: Node) -> int:
        """Return how many replicas may be on a node."""
        if node.id in self._refusals or self._deaths[node.id] >= _MOST_DEATHS:
            return 0
        return self._places(node)

    def _places(self, node: Node) -> int:
        """Return how many replicas a node could hold, if all is well there."""
        if self._wanted.gpus:
            return node.gpus // self._wanted.gpus
        return self._wanted.replicas or 1

    def _add(self, node: Node) -> None:
        self._number += 1
        order = replace(self._order, name=f"{self._order.name} {self._number}")
        limit = QueueLimit(self._wanted.at_once, adaptive=self._wanted.adaptive)
        added = Replica(order, node, self._wanted.gpus, limit, self._tell, self._gone)
        self._replicas[added] = asyncio.create_task(self._started(added))

    async def _started(self, replica: Replica) -> None:
        try:
            ready = await replica.start()
        except ReplicaLost as error:
            self._gone(replica, str(error))
            return
        except Exception as error:  # noqa: BLE001 - raised where the replicas are watched
            self._defect = error
            self._changed.set()
            return
        if ready.refused is None:
            self._ready.append(replica)
            self._proven.add(replica.node.id)
            self._used_nodes[replica.node.name] = None
            self._most = max(self._most, len(self._ready))
            self._tell(f"{replica.name} is ready on {replica.node.name}")
        else:
            reason = self._last_reason = f"{replica.node.name}: {ready.refused}"
            if replica.node.id in self._proven:  # it may pass, as memory that a dying engine holds
                self._deaths[replica.node.id] += 1
            else:
                self._refusals[replica.node.id] = reason
            self._tell(f"warning: {replica.name} did not start on {reason}")
            del self._replicas[replica]
            replica.end()
        self._changed.set()

    def _gone(self, replica: Replica, reason: str) -> None:
        if self._replicas.pop(replica, None) is None:
            return
        if replica in self._ready:
            self._ready.remove(replica)
            self._present(list(self._ready))  # at once: it would be asked again and again
        if not replica.answered:
            self._deaths[replica.node.id] += 1
        self._nodes = [node for node in self._nodes if node is not replica.node]
        self._last_reason = f"{replica.name} on {replica.node.name} died: {reason}"
        self._tell(f"warning: {self._last_reason}")
        self._changed.set()

    def _give_up(self) -> None:
        """Raise why no replica can be expected any more, if so."""
        now = time.monotonic()
        self._empty_since = self._empty_since or now
        hopeless = self._nodes and not any(map(self._room, self._nodes))
        possible = filter(self._places, self._nodes)
        exhausted = all(n.id in self._refusals or self._deaths[n.id] for n in possible)
        if not hopeless or not (exhausted or now - self._empty_since > _HOPES_S):
            return
        if self._refusals and not self._most:
            raise InputError("no replica started: " + "; ".join(self._refusals.values()))
        raise BackendUnavailable(f"no replica is left; the last one: {self._last_reason}")

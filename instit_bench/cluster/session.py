"""The connection to Ray: a cluster that is there, or processes on this machine."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instit_bench.backends.base import BackendUnavailable
from instit_bench.errors import InputError

LOCAL = "local"
_ANSWERS_WITHIN_S = 10.0
_HINT = (
    "; is Ray running there? A cluster with a token wants RAY_AUTH_MODE=token and its token, in "
    "RAY_AUTH_TOKEN or ~/.ray/auth_token, here as on its nodes"
)
_TOKEN = secrets.token_hex(32)  # one per process: Ray keeps the first that it reads
_OBJECT_STORE = 80 * 2**20  # bytes; the least that Ray accepts: media go by path


@dataclass(frozen=True, slots=True)
class Node:
    """A living machine of the cluster; ``gpus`` are all that it has, free or not."""

    id: str
    name: str
    gpus: int


async def connect(address: str) -> bool:
    """Connect to a cluster, or start Ray on this machine; return whether to disconnect later.

    Raises:
        InputError: Ray is not installed, or there is no cluster at this address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read when it is imported
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError:
        raise InputError('--ray needs Ray: pip install "instit-bench[ray]"') from None
    if ray.is_initialized():
        _require_this_cluster(address, ray.get_runtime_context().gcs_address)
        return False
    await _reach(address)
    logging.getLogger("ray").setLevel(logging.ERROR)
    own: dict[str, Any] = {"include_dashboard": False, "object_store_memory": _OBJECT_STORE}
    settings = {"num_cpus": 0, **own} if address == LOCAL else {}
    try:
        if address == LOCAL:
            _have_a_token()
        # In a thread: in the main one it would take the handlers of this program's signals away.
        await asyncio.to_thread(
            ray.init,
            address=address,
            log_to_driver=False,
            configure_logging=False,
            **settings,
        )
    except Exception as error:
        reason = " ".join(str(error).split())  # of versions that differ it names them line by line
        hint = "" if address == LOCAL or "ersion mismatch" in reason else _HINT
        raise InputError(f"--ray {address}: {reason}{hint}") from error
    return True


def _require_this_cluster(address: str, connected: str) -> None:
    """Refuse another cluster than the one to which this process is connected, as in a notebook."""
    if address != "auto" and _resolved(address) != _resolved(connected):
        raise InputError(
            f"--ray {address}: this process is connected to Ray at {connected}; name that or auto, "
            "or call ray.shutdown() first"
        )


def _resolved(address: str) -> str:
    """Return the address with the number of its host, if that is known."""
    host, _, port = address.rpartition(":")
    try:
        return f"{socket.gethostbyname(host.strip('[]'))}:{port}"
    except OSError:
        return address


async def _reach(address: str) -> None:
    """Refuse an address at which nobody listens: Ray would try for minutes, deaf to Ctrl-C."""
    if address.startswith("ray://"):
        raise InputError(
            f"--ray {address}: Ray's client is not supported; start the run on a node of the "
            "cluster, with --ray auto or the address of its head, such as 10.0.0.1:6379"
        )
    given = os.environ.get("RAY_ADDRESS", address) if address == "auto" else address
    host, _, port = given.rpartition(":")
    if not port.isdecimal():
        return
    try:
        async with asyncio.timeout(_ANSWERS_WITHIN_S):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except (OSError, OverflowError, TimeoutError) as error:
        reason = str(error) or f"no answer within {_ANSWERS_WITHIN_S:.0f} s"
        raise InputError(f"--ray {address}: {reason}{_HINT}") from None
    writer.close()


def _have_a_token() -> None:
    """Give Ray on this machine a token if the user has none: it would write one into their home."""
    given = any(os.environ.get(f"RAY_AUTH_{name}") for name in ("MODE", "TOKEN", "TOKEN_PATH"))
    if not given and not (Path.home() / ".ray" / "auth_token").exists():
        os.environ["RAY_AUTH_TOKEN"] = _TOKEN


async def disconnect() -> None:
    """End what `connect` began."""
    import ray

    await asyncio.to_thread(ray.shutdown)


async def living_nodes() -> list[Node]:
    """Return the nodes that are alive.

    Raises:
        BackendUnavailable: The connection is closed.
    """
    import ray

    if not ray.is_initialized():  # Ray would start itself on this machine
        raise BackendUnavailable("the connection to Ray was closed; run the same command again")
    found = await asyncio.to_thread(ray.nodes)
    return [
        Node(node["NodeID"], _name(node), int(node["Resources"].get("GPU", 0)))
        for node in found
        if node["Alive"]
    ]


def _name(node: dict[str, Any]) -> str:
    """Return the node's name, with its address if they differ."""
    name, address = node["NodeName"], node["NodeManagerAddress"]
    host = node["NodeManagerHostname"]
    return f"{name} ({host})" if name == address else str(name)

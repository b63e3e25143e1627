"""The part of a replica that runs inside a Ray actor, beside its backend."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from instit_bench._version import __version__
from instit_bench.backends.asker import LocalAsker
from instit_bench.backends.base import Backend, BackendUnavailable, GenerationError
from instit_bench.backends.create import create_backend
from instit_bench.cluster.messages import (
    Failure,
    Farewell,
    News,
    Order,
    Question,
    Ready,
    Reply,
    without_content,
)
from instit_bench.datasets.hub_archive import HubArchive
from instit_bench.errors import InputError, InstitBenchError
from instit_bench.media import MediaError
from instit_bench.media.fingerprint import Fingerprint
from instit_bench.types import Request

_TELLS_EVERY_S = 2.0
_LINES_KEPT = 100
_GPU_QUERY = ("--query-gpu=utilization.gpu", "--format=csv,noheader,nounits")
_GPU_QUERY_WITHIN_S = 5.0
_SHOWS_ALL_GPUS = "RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES"


class ReplicaActor:
    """Answers questions with its backend; whoever asks collects the replies as they come.

    Replies are collected in one call for all that are there, so that the number of calls does not
    grow with the number of samples.
    """

    def __init__(self) -> None:
        self._replies: list[Reply] = []
        self._lines: list[str] = []
        self._load: tuple[int | None, float | None] = (None, None)
        self._arrived = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._backend: Backend | None = None
        self._asker: LocalAsker | None = None

    async def is_there(self) -> str:
        """Return the version of this program as soon as the actor runs."""
        return __version__

    async def prepare(self, order: Order) -> Ready:
        """Create and start the backend."""
        os.environ.pop("OMP_NUM_THREADS", None)  # Ray's: one thread, for an actor without CPUs
        os.environ.update(order.environment)
        _show_own_gpus_only()
        with suppress(OSError):
            os.chdir(order.working_directory)
        try:
            for folder in order.options.workload.media_folders:
                if not os.path.exists(folder):  # noqa: PTH110 - pathlib's raises without permission
                    await self._fetch(folder, order.archives)
            self._backend = create_backend(order.backend, order.options)
            await self._backend.start(_folder(order), self._tell)
        except (InstitBenchError, BackendUnavailable) as error:
            return Ready(refused=str(error))
        self._asker = LocalAsker(self._backend, order.reading)
        self._begin(self._watch_load(self._backend))
        return Ready(self._backend.prefix_caches)

    async def ask(self, questions: Sequence[Question]) -> None:
        """Begin to answer; the replies come with `news`."""
        for question in questions:
            self._begin(self._answer(question))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def news(self) -> News:
        """Wait for something to tell, but not for long, and return all of it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_TELLS_EVERY_S):
                await self._arrived.wait()
        self._arrived.clear()
        replies, self._replies = self._replies, []
        lines, self._lines = self._lines, []
        load, self._load = self._load, (None, None)
        return News(tuple(replies), tuple(lines), *load)

    async def close(self) -> Farewell:
        """Close the backend; return what it has learned and counted."""
        for task in self._tasks:
            task.cancel()
        if self._backend is None:
            return Farewell({}, {})
        await self._backend.close()
        return Farewell(self._backend.learned(), self._backend.totals())

    async def _watch_load(self, backend: Backend) -> None:
        while True:
            self._load = (await backend.waiting(), await _gpu_busy())
            await asyncio.sleep(_TELLS_EVERY_S)

    async def _fetch(self, folder: Path, archives: Sequence[HubArchive]) -> None:
        """Fetch a media folder from the hub, if it is the hub's.

        Raises:
            InputError: It is not, or that failed.
        """
        archive = next((archive for archive in archives if archive.contains(folder)), None)
        if archive is None:
            raise InputError(
                f"{folder}: this media folder is not there; use a folder that all nodes share, or "
                "copy it to the same place on each"
            )
        loop = asyncio.get_running_loop()

        def tell(text: str) -> None:
            loop.call_soon_threadsafe(self._tell, text)

        await asyncio.to_thread(archive.fetch, tell)

    def _tell(self, text: str) -> None:
        self._lines = [*self._lines[-_LINES_KEPT:], text]
        self._arrived.set()

    def _reply(self, reply: Reply) -> None:
        self._replies.append(reply)
        self._arrived.set()

    async def _answer(self, question: Question) -> None:
        assert self._asker is not None  # noqa: S101 - asked once it is ready
        number = question.number
        resolved: Request | None = None
        files: Mapping[Path, Fingerprint] = {}

        def seen(request: Request, shown: Mapping[Path, Fingerprint]) -> None:
            nonlocal resolved, files
            resolved, files = request, shown

        def computed() -> None:
            self._reply(Reply(number, computed=True))

        failure: Failure | None = None
        prediction, reason = None, ""
        try:
            leads = computed if question.leads else None
            prediction = await self._asker.ask(question.request, seen, leads)
        except MediaError as error:
            failure, reason = "media", str(error)
        except GenerationError as error:
            failure, reason = "request", str(error)
        except BackendUnavailable as error:
            failure, reason = "backend", str(error)
        except Exception as error:  # noqa: BLE001 - raised again where the run is
            failure, reason = "program", f"{type(error).__name__}: {error}"
        messages = without_content(resolved.messages) if resolved else None
        shown = resolved.shown if resolved else ()
        self._reply(Reply(number, False, prediction, failure, reason, messages, shown, files))


def _folder(order: Order) -> Path:
    """Return a folder for the engine's log: in the run directory, if this machine has it."""
    if not order.own_engine:
        return order.folder
    if not order.folder.is_dir():
        return Path(tempfile.mkdtemp(prefix="instit-bench-"))
    folder = order.folder / "replicas" / order.name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _show_own_gpus_only() -> None:
    """Hide the GPUs of others, where the user has told Ray not to."""
    if _SHOWS_ALL_GPUS not in os.environ:
        return
    import ray

    if gpus := ray.get_runtime_context().get_accelerator_ids().get("GPU"):
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(gpus)


async def _gpu_busy() -> float | None:
    """Return the mean utilisation of the GPUs that this process may use, from 0 to 1.

    ``None`` if there are none, or it is not known.
    """
    gpus = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    program = shutil.which("nvidia-smi")
    if not gpus or program is None:
        return None
    try:
        process = await asyncio.create_subprocess_exec(
            *(program, f"--id={gpus}", *_GPU_QUERY),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(_GPU_QUERY_WITHIN_S):
            told, _ = await process.communicate()
        shares = [float(line) / 100 for line in told.split()]
    except (OSError, TimeoutError, ValueError):
        return None
    return sum(shares) / len(shares) if shares else None

"""A Ray cluster of several raylets on this machine, and a backend whose speed a test sets."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from shlex import join, quote
from shutil import rmtree

import pytest

ray = pytest.importorskip("ray")

# It answers after a delay, and writes down which process answered what. The first process to
# find the file `slow` there takes it, and is ten times slower from then on. No one answers before
# as many have started as the file `gate` says. All that it has in flight beyond `engine` waits.
BACKEND = """
import asyncio, os, time
from pathlib import Path
from instit_bench.backends import Backend, BackendSpec, GenerationError
from instit_bench.errors import InputError
from instit_bench.types import Prediction, Usage

class Slow(Backend):
    prefix_caches = 1

    def __init__(self, options):
        given = options.adapter.arguments
        self.folder, self.delay = Path(given["folder"]), float(given.get("delay", 0.05))
        self.key = os.environ.get("OPENAI_API_KEY", "")
        self.sum = 0
        self.engine = int(given.get("engine", 0))
        self.flight = 0

    async def waiting(self):
        return max(0, self.flight - self.engine) if self.engine else None

    def settings(self):
        return {"delay": self.delay}

    def learned(self):
        return {"key_length": len(self.key)}

    async def start(self, folder, tell):
        self.note("started", "")
        try:
            (self.folder / "slow").rename(self.folder / f"slow-{os.getpid()}")
            self.delay *= 10
        except OSError:
            pass
        if (self.folder / "refuse").exists():
            raise InputError("the engine did not start: out of memory")
        tell("the engine is up")

    def awaited(self):
        gate = self.folder / "gate"
        return int(gate.read_text() or 0) if gate.exists() else 0

    def note(self, what, sample):
        with (self.folder / "log").open("a") as log:
            log.write(f"{what} {os.getpid()} {sample} {time.time()} {self.flight}\\n")

    async def generate(self, request):
        self.flight += 1
        try:
            return await self.answer(request)
        finally:
            self.flight -= 1

    async def answer(self, request):
        sample = f"{request.sample.task}/{request.sample.id}"
        self.note("asked", sample)
        while (self.folder / "log").read_text().count("started") < self.awaited():
            await asyncio.sleep(0.05)
        await asyncio.sleep(self.delay)
        if (self.folder / "poison").exists() and (self.folder / "poison").read_text() == sample:
            os._exit(7)
        if sample.endswith("3"):
            raise GenerationError("this one is refused")
        self.note("answered", sample)
        self.sum += 1
        return Prediction(f"A {sample}", "stop", Usage(11, 3), 0.5)

    def totals(self):
        return {"answers": float(self.sum)}

SPEC = BackendSpec("slow", Slow)
"""


def install_backend(folder: Path) -> Path:
    """Install the backend `slow` in a folder for PYTHONPATH."""
    folder.mkdir(parents=True)
    (folder / "slow_backend.py").write_text(BACKEND)
    info = folder / "slow_backend-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: slow_backend\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[instit_bench.backends]\nslow = slow_backend:SPEC\n")
    return folder


def _patiently(start, **settings):
    """Start a part of Ray, which gives up after 30 s, however busy this machine is."""
    for _ in range(3):
        try:
            return start(**settings)
        except Exception as error:
            if "timed out" not in str(error):
                raise
    return start(**settings)


class Apart:
    """A node that has other files than this machine in some folders; Linux, as root."""

    def __init__(self, address: str, name: str, gpus: int, hidden: Sequence[Path]) -> None:
        tried = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
        if tried.returncode:
            pytest.skip(f"mount namespaces are not permitted here: {tried.stderr.decode()}")
        for folder in hidden:
            folder.mkdir(parents=True, exist_ok=True)
        self._hidden = [str(folder) for folder in hidden]
        mounts = "".join(f"mount -t tmpfs none {quote(folder)} && " for folder in self._hidden)
        node = [
            *(str(Path(sys.executable).with_name("ray")), "start", "--address", address),
            *("--node-name", name, "--num-cpus", "0", "--num-gpus", str(gpus), "--block"),
            *("--object-store-memory", str(80 * 2**20)),
        ]
        self._process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", f"{mounts}exec {join(node)}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def inside(self, *words: object) -> str:
        """Run a program among this node's files; return what it prints."""
        command = ["nsenter", f"--mount=/proc/{self._process.pid}/ns/mnt", *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def empty(self) -> None:
        """Remove all files in the hidden folders."""
        self.inside("find", *self._hidden, "-mindepth", "1", "-delete")

    def limit(self, size: int) -> None:
        """Let each hidden folder hold so many bytes, in whole pages."""
        for folder in self._hidden:
            self.inside("mount", "-o", f"remount,size={size}", folder)

    def end(self) -> None:
        """End the node and its replicas; their files end with them."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


class Machines:
    """The nodes of a cluster; the head has none of the replicas' GPUs."""

    def __init__(self, temp: Path) -> None:
        from ray.cluster_utils import Cluster

        self._cluster = Cluster(
            initialize_head=True,
            head_node_args={
                "node_name": "head",
                "num_cpus": 0,
                "num_gpus": 0,
                "object_store_memory": 80 * 2**20,
                "include_dashboard": False,
                "temp_dir": str(temp),
            },
        )
        self.address = self._cluster.address
        self.session = Path(self._cluster.head_node.get_session_dir_path())

    def add(self, name: str, gpus: int = 1):
        """Add a node with so many GPUs, which only Ray believes in."""
        return _patiently(
            self._cluster.add_node,
            node_name=name,
            num_cpus=0,
            num_gpus=gpus,
            object_store_memory=80 * 2**20,
            include_dashboard=False,
        )

    def add_apart(self, name: str, gpus: int, hidden: Sequence[Path]) -> Apart:
        """Add a node with a mount namespace of its own, in which these folders are empty.

        Skips where that is forbidden.
        """
        return Apart(self.address, name, gpus, hidden)

    def kill_one(self) -> None:
        """Kill a node's processes at once; a driver on this machine is connected to the head."""
        self._cluster.remove_node(self.nodes.pop(1), allow_graceful=False)

    def remove(self, node) -> None:
        """End a node."""
        self._cluster.remove_node(node)

    def shutdown(self) -> None:
        self._cluster.shutdown()


@contextmanager
def machines(temp: Path, plugins: Path, gpus=(1, 1)):
    """A cluster whose nodes find the plugins; it and its folder end with the block."""
    kept = dict(os.environ)
    repository = str(Path(__file__).resolve().parents[2])
    os.environ["PYTHONPATH"] = os.pathsep.join([str(plugins), repository])
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.pop("OPENAI_API_KEY", None)
    cluster = _patiently(lambda: Machines(temp))
    try:
        cluster.nodes = [cluster.add(f"node-{n}", count) for n, count in enumerate(gpus)]
        yield cluster
    finally:
        cluster.shutdown()
        rmtree(temp, ignore_errors=True)  # sessions and their logs
        os.environ.clear()
        os.environ.update(kept)


def log_of(folder: Path) -> list[list[str]]:
    """What replicas have noted: what, process, sample, when (s), and how much was in flight."""
    try:
        return [line.split(" ") for line in (folder / "log").read_text().splitlines()]
    except FileNotFoundError:
        return []


def workers_of(folder: Path) -> Counter[int]:
    """How many answers each replica's process has given."""
    return Counter(int(pid) for what, pid, *_ in log_of(folder) if what == "answered")


def kill_process(pid: int) -> None:
    """Kill one process."""
    os.kill(pid, signal.SIGKILL)

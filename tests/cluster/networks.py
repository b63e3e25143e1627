"""Two machines as far as the network is concerned: namespaces with an address each."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.command_line import cli_environment

_HEAD, _WORKER = "10.77.0.1", "10.77.0.2"
_START = (
    "--num-cpus",
    0,
    "--num-gpus",
    1,
    "--object-store-memory",
    80 * 2**20,
    "--node-ip-address",
)


def _ip(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ip", *map(str, words)], capture_output=True, text=True, check=False)


class Networks:
    """A head and a worker, each in its own namespace, and a driver beside the head.

    Ray's token is in the environment of all three, as it must be.
    """

    address = f"{_HEAD}:6379"
    hosts = (_HEAD, _WORKER)

    def __init__(self, folder: Path, temp: Path, plugins: Path, token: str) -> None:
        self.temp = temp
        self._names = (f"ib-{os.getpid()}-head", f"ib-{os.getpid()}-worker")
        self._env = cli_environment(
            INSTIT_BENCH_HOME=str(folder / "home"),
            RAY_USAGE_STATS_ENABLED="0",
            RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0",
            RAY_AUTH_MODE="token",
            RAY_AUTH_TOKEN=token,
        )
        self._env["PYTHONPATH"] = os.pathsep.join([str(plugins), self._env["PYTHONPATH"]])
        self._folder = folder

    def start(self) -> None:
        """Join the namespaces by a cable, and start Ray in each; skip where that is forbidden."""
        head, worker = self._names
        if shutil.which("ip") is None or os.geteuid() != 0:
            pytest.skip("network namespaces need root and the program ip")
        if (made := _ip("netns", "add", head)).returncode:
            pytest.skip(f"network namespaces are not permitted here: {made.stderr.strip()}")
        _ip("netns", "add", worker)
        ends = ("ib0", "netns", head, "type", "veth", "peer", "name", "ib0", "netns", worker)
        if (made := _ip("link", "add", *ends)).returncode:
            pytest.skip(f"a cable between namespaces is not permitted: {made.stderr.strip()}")
        for name, address in zip(self._names, self.hosts, strict=True):
            _ip("-n", name, "addr", "add", f"{address}/24", "dev", "ib0")
            for device in ("lo", "ib0"):
                _ip("-n", name, "link", "set", device, "up")
        self._ray(head, _HEAD, "--head", "--port", 6379, "--include-dashboard", "false")
        self._ray(worker, _WORKER, "--address", self.address)

    def run(self, *words: object, **env: str) -> subprocess.CompletedProcess[str]:
        """Run ``instit-bench …`` in the head's namespace; both streams come back as one."""
        return self._inside(self._names[0], sys.executable, "-m", "instit_bench", *words, **env)

    def end(self) -> None:
        """End what runs in the namespaces, and take them away."""
        for name in self._names:
            deadline = time.monotonic() + 10
            while (pids := _ip("netns", "pids", name).stdout.split()) and (
                time.monotonic() < deadline
            ):
                for pid in pids:
                    with suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)
                time.sleep(0.1)
            _ip("netns", "delete", name)
        shutil.rmtree(self.temp, ignore_errors=True)

    def _ray(self, name: str, address: str, *words: object) -> None:
        ray = Path(sys.executable).with_name("ray")
        temp = self.temp / address
        done = self._inside(name, ray, "start", *_START, address, "--temp-dir", temp, *words)
        assert done.returncode == 0, done.stdout + done.stderr

    def _inside(self, name: str, *words: object, **env: str) -> subprocess.CompletedProcess[str]:
        # In a file: what `ray start` leaves behind would keep a pipe open.
        out = self._folder / "output"
        with out.open("w") as stream:
            done = subprocess.run(
                ["ip", "netns", "exec", name, *map(str, words)],
                cwd=self._folder,
                env=self._env | env,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                timeout=300,
                check=False,
            )
        return subprocess.CompletedProcess(done.args, done.returncode, out.read_text(), "")


@contextmanager
def networks(folder: Path, temp: Path, plugins: Path, token: str):
    """Two namespaces with a Ray node each; they end with the block, however it ends."""
    pair = Networks(folder, temp, plugins, token)
    try:
        pair.start()
        yield pair
    finally:
        pair.end()

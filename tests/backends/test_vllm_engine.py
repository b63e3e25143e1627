"""Starting, watching and stopping an engine, with a stand-in (tests/vllm uses the real one)."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from instit_bench.backends import BackendOptions, BackendUnavailable, GenerationError
from instit_bench.backends.options import EngineOptions
from instit_bench.backends.vllm import backend as vllm_backend
from instit_bench.backends.vllm.server import EngineEnded, EngineServer
from instit_bench.errors import InputError
from instit_bench.resources import demo_data
from instit_bench.types import GenerationParams, ImagePart, Message, Request, Sample, TextPart
from tests.command_line import REPOSITORY
from tests.openai_server import Reply, openai_server
from tests.vllm.processes import alive

FAKE = Path(__file__).with_name("fake_engine.py")
PARAMS = GenerationParams(max_tokens=7, temperature=0.0, seed=0)
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="vLLM runs on Linux")


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Set the stand-in's behaviour and return its settings file."""
    file = tmp_path / "fake.json"

    def set_up(version="0.19.1", **settings):
        file.write_text(json.dumps(settings))
        command = (sys.executable, str(FAKE), "--fake", str(file))
        monkeypatch.setattr(vllm_backend, "SERVE", command)
        monkeypatch.setattr(vllm_backend, "installed_version", lambda: version)
        return file

    set_up()
    return set_up


def processes(file):
    return json.loads(file.with_suffix(".processes").read_text())


def asked(file):
    return [json.loads(line) for line in file.with_suffix(".asked").read_text().splitlines()]


def server(file, told=None):
    command = [sys.executable, str(FAKE), "--fake", str(file)]
    tell = told.append if told is not None else lambda _: None
    return EngineServer(command, file.with_name("engine.log"), tell)


def request(number, cluster="c", choices=(), images=()):
    sample = Sample("t", str(number), {}, "A", cluster, choices=choices)
    parts = (*map(ImagePart, images), TextPart(f"question {number}"))
    return Request(sample, (Message("user", parts),), PARAMS)


def wait_until_gone(pids):
    deadline = time.monotonic() + 20
    while any(map(alive, pids)):
        assert time.monotonic() < deadline, [pid for pid in pids if alive(pid)]
        time.sleep(0.05)


def test_the_engine_is_ready_when_it_answers_and_stops_with_all_its_processes(fake):
    file = fake(slow=0.5)

    async def life():
        engine = server(file)
        await engine.start()
        assert engine.running
        assert await engine.healthy()
        assert engine.base_url.startswith("http://127.0.0.1:")
        pids = processes(file)
        assert all(map(alive, pids))
        await engine.stop()
        assert not engine.running
        return pids

    wait_until_gone(asyncio.run(life()))


def test_the_log_shows_progress_and_contains_no_key(fake):
    file = fake(
        say=["INFO Starting to load model m", "key is KEY", "INFO Starting to load model m"]
    )
    told: list[str] = []

    async def life():
        engine = server(file, told)
        await engine.start()
        await engine.stop()
        return engine.key

    key = asyncio.run(life())
    assert told == ["engine: loading the weights"]
    log = file.with_name("engine.log").read_text()
    assert "key is ***" in log
    assert key not in log


def test_a_failed_start_reports_the_engine_s_reason(fake):
    file = fake(fail=True, say=["Traceback", "RuntimeError: No CUDA GPUs are available"])
    with pytest.raises(EngineEnded, match="No CUDA GPUs are available; vLLM finds no GPU"):
        asyncio.run(server(file).start())


OWNER = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {repository!r})
from instit_bench.backends.vllm.server import EngineServer
async def life():
    engine = EngineServer({command!r}, Path({log!r}), lambda _: None)
    await engine.start()
    print("ready", flush=True)
    await asyncio.sleep(600)
asyncio.run(life())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_engine_does_not_outlive_the_process_that_started_it(fake, tmp_path, number):
    file = fake()
    program = OWNER.format(
        repository=str(REPOSITORY),
        command=[sys.executable, str(FAKE), "--fake", str(file)],
        log=str(tmp_path / "engine.log"),
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert owner.stdout.readline() == "ready\n"
    pids = processes(file)
    assert all(map(alive, pids))
    owner.send_signal(number)
    owner.wait(20)
    wait_until_gone(pids)


def test_the_engine_does_not_outlive_a_killed_guard(fake):
    file = fake()

    async def life():
        engine = server(file)
        await engine.start()
        server_pid, _, guard = processes(file)
        engine._process.send_signal(signal.SIGKILL)
        deadline = time.monotonic() + 10
        while alive(server_pid) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        worker = processes(file)[1]
        if alive(worker):  # unlike the real engine's workers, this one does not watch its parent
            subprocess.run(["kill", "-9", str(worker)], check=True)
        return alive(server_pid), alive(guard)

    assert asyncio.run(life()) == (False, False)


def drive(folder, requests, **options):
    """Send the requests one by one; return replies, totals and status messages."""
    told: list[str] = []

    async def once():
        backend = vllm_backend.VllmBackend(BackendOptions("m", **options))
        try:
            await backend.start(folder, told.append)
            replies = [(await backend.generate(r)).text for r in requests]
        finally:
            await backend.close()
        return replies, backend.totals()

    return *asyncio.run(once()), told


def test_a_crashed_engine_is_restarted_and_only_open_requests_are_repeated(fake, tmp_path):
    file = fake(die_at=[3])
    replies, totals, told = drive(tmp_path, [request(n) for n in range(1, 6)])
    assert replies == ["A"] * 5
    texts = [record["body"]["messages"][0]["content"] for record in asked(file)]
    assert texts == [f"question {n}" for n in (1, 2, 3, 3, 4, 5)]
    assert totals["starts"] == 2
    assert totals["prompt_tokens"] == 35
    assert totals["prefix_cache_queries"] == 10, (
        "the counters of the running engine are read at the end"
    )
    assert any("the engine died" in line for line in told)
    wait_until_gone(processes(file))


def test_the_number_of_restarts_is_limited(fake, tmp_path):
    file = fake(die_at=list(range(100)), say=["RuntimeError: it hurts"])
    with pytest.raises(BackendUnavailable, match="died 4 times: RuntimeError: it hurts"):
        drive(tmp_path, [request(1)])
    assert len(asked(file)) == 4


def test_requests_carry_the_key_and_choices_only_on_request(fake, tmp_path):
    file = fake()
    mc = request(1, choices=("a", "b", "c"))
    drive(tmp_path, [mc, request(2)], engine=EngineOptions(constrain_choices=True))
    drive(tmp_path, [mc])
    records = asked(file)
    assert all(record["authorised"] for record in records)
    found = [record["body"].get("structured_outputs") for record in records]
    assert found == [{"choice": ["A", "B", "C"]}, None, None]


def test_with_several_copies_requests_that_share_an_image_go_to_the_same_one(fake, tmp_path):
    file = fake()
    requests = [request(n, cluster=f"video {n % 8}") for n in range(24)]
    drive(tmp_path, requests, engine=EngineOptions(data_parallel=2))
    ranks: dict[int, set[str]] = {}
    for number, record in enumerate(asked(file)):
        ranks.setdefault(number % 8, set()).add(record["rank"])
    assert {len(found) for found in ranks.values()} == {1}
    assert set.union(*ranks.values()) == {"0", "1"}


def test_a_failed_start_is_a_usage_error_that_names_the_log(fake, tmp_path):
    fake(fail=True, say=["ValueError: there is no chat template here"])
    with pytest.raises(
        InputError, match=r"chat template here; choose --prompt-style raw.*engine\.log"
    ):
        drive(tmp_path, [request(1)])


def test_a_running_server_is_used_instead_of_starting_one(tmp_path, monkeypatch):
    monkeypatch.setenv("VLLM_API_KEY", "sk-secret")
    monkeypatch.setattr(vllm_backend, "installed_version", lambda: None)
    with openai_server(lambda _: Reply("B")) as running:
        replies, totals, _ = drive(tmp_path, [request(1)], base_url=running.base_url)
    assert replies == ["B"]
    assert running.keys == ["Bearer sk-secret"]
    assert "starts" not in totals
    assert not (tmp_path / "engine.log").exists()


def test_without_vllm_the_error_names_the_extra_to_install(monkeypatch):
    monkeypatch.setattr(vllm_backend, "installed_version", lambda: None)
    with pytest.raises(InputError, match=r'pip install "instit-bench\[vllm\]".*--backend openai'):
        vllm_backend.VllmBackend(BackendOptions("m"))


def test_its_server_keeps_idle_connections_far_longer_than_the_client_uses_them(fake, tmp_path):
    file = fake()
    drive(tmp_path, [request(1)])
    assert int(asked(file)[0]["keep_alive"]) > 600


@pytest.mark.parametrize("trouble", ["drop_at", "busy_at"])
def test_a_request_that_the_engine_drops_is_sent_again(fake, trouble, tmp_path, monkeypatch):
    monkeypatch.setattr(vllm_backend, "PAUSE_S", 0.01)
    file = fake(**{trouble: [1, 2]})
    told: list[str] = []

    async def life():
        backend = vllm_backend.VllmBackend(BackendOptions("m"))
        await backend.start(tmp_path, told.append)
        try:
            return await backend.generate(request(1)), backend.totals()["starts"]
        finally:
            await backend.close()

    prediction, starts = asyncio.run(life())
    assert (prediction.text, starts) == ("A", 1)
    assert len(asked(file)) == 3


def test_a_request_that_the_engine_keeps_dropping_is_retried_a_limited_number_of_times(
    fake, tmp_path, monkeypatch
):
    monkeypatch.setattr(vllm_backend, "PAUSE_S", 0.01)
    file = fake(busy_at=list(range(1, 50)))

    async def life():
        backend = vllm_backend.VllmBackend(BackendOptions("m", max_retries=2))
        await backend.start(tmp_path, lambda _: None)
        try:
            await backend.generate(request(1))
        finally:
            await backend.close()

    with pytest.raises(GenerationError, match="error 503"):
        asyncio.run(life())
    assert len(asked(file)) == 3


# --- media once ----------------------------------------------------------------------------------

IMAGES = sorted((demo_data() / "Inst-It-Bench/images_vpt").iterdir())


def sent(file):
    """For each request, which of its images were sent: letters are, dots are only named."""
    letters: dict[str, str] = {}

    def shown(part):
        letter = letters.setdefault(part["uuid"], chr(ord("a") + len(letters)))
        return letter if part["image_url"] else "."

    contents = [record["body"]["messages"][0]["content"] for record in asked(file)]
    return ["".join(shown(part) for part in parts if "image_url" in part) for parts in contents]


def test_an_image_is_sent_once_and_then_named(fake, tmp_path):
    file = fake("0.20.0")
    replies, _, _ = drive(tmp_path, [request(n, images=IMAGES[:2]) for n in range(3)])
    assert replies == ["A"] * 3
    assert sent(file) == ["ab", "..", ".."]


def test_equal_images_have_equal_names_and_others_have_not(fake, tmp_path):
    copy = tmp_path / "copy.jpg"
    copy.write_bytes(IMAGES[0].read_bytes())
    file = fake("0.20.0")
    drive(tmp_path, [request(1, images=[IMAGES[0]]), request(2, images=[copy, IMAGES[1]])])
    assert sent(file) == ["a", ".b"]


def test_what_the_engine_has_dropped_is_sent_again_and_nobody_notices(fake, tmp_path):
    file = fake("0.20.0", keeps=1)
    requests = [request(n, images=[IMAGES[n % 2]]) for n in range(3)]
    replies, _, told = drive(tmp_path, requests)
    assert replies == ["A"] * 3
    assert sent(file) == ["a", "b", ".", "a"]
    assert told == []


def test_an_engine_that_is_started_again_is_sent_all_again(fake, tmp_path):
    file = fake("0.20.0", die_at=[2])
    drive(tmp_path, [request(n, images=IMAGES[:1]) for n in range(3)])
    assert sent(file) == ["a", ".", "a", "."]


def test_an_engine_that_keeps_nothing_is_soon_sent_everything_at_once(fake, tmp_path):
    file = fake("0.20.0", keeps=0)
    drive(tmp_path, [request(n, images=IMAGES[:1]) for n in range(40)])
    assert len(asked(file)) < 40 + 20
    assert sent(file)[-10:] == ["a"] * 10


def test_an_error_of_the_request_itself_is_told_after_one_more_try(fake, tmp_path):
    file = fake("0.20.0", busy_at=[2, 3])
    options = {"max_retries": 0}
    with pytest.raises(GenerationError, match="error 503"):
        drive(tmp_path, [request(n, images=IMAGES[:1]) for n in range(2)], **options)
    assert sent(file) == ["a", ".", "a"]


@pytest.mark.parametrize("version", ["0.19.1", "dev"])
def test_an_older_engine_gets_every_image_without_a_name(fake, tmp_path, version):
    file = fake(version)
    drive(tmp_path, [request(n, images=IMAGES[:1]) for n in range(2)])
    parts = [record["body"]["messages"][0]["content"][0] for record in asked(file)]
    assert [part.keys() for part in parts] == [{"type", "image_url"}] * 2
    assert all(part["image_url"]["url"] for part in parts)

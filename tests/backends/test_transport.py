"""The transport under the client: what it makes of connections, proxies and broken servers."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import contextmanager

import pytest

from instit_bench.backends import (
    BackendOptions,
    BackendUnavailable,
    GenerationError,
    create_backend,
)
from instit_bench.resources import demo_data
from instit_bench.types import GenerationParams, ImagePart, Message, Request, Sample, TextPart
from tests.openai_server import Reply, openai_server

IMAGE = demo_data() / "Inst-It-Bench/images_vpt/001.jpg"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def ask(base_url, timeout_s=60.0):
    sample = Sample(task="t", id="1", doc={}, target="A", cluster="1")
    parts = (ImagePart(path=IMAGE), TextPart("Q"))
    request = Request(sample, (Message("user", parts),), GenerationParams())
    options = BackendOptions("m", base_url=base_url, max_retries=0, timeout_s=timeout_s)

    async def once():
        backend = create_backend("openai", options)
        try:
            return await backend.generate(request)
        finally:
            await backend.close()

    return asyncio.run(once())


def test_a_proxy_is_used_for_other_machines(monkeypatch):
    with openai_server(lambda _: Reply("B")) as server:
        monkeypatch.setenv("HTTP_PROXY", server.base_url.removesuffix("/v1"))
        assert ask("http://endpoint.invalid/v1").text == "B"
    assert server.paths == ["http://endpoint.invalid/v1/chat/completions"]
    assert len(server.requests[0]["messages"][0]["content"]) == 2


def test_a_user_in_the_address_becomes_a_header():
    with openai_server(lambda _: Reply("B")) as server:
        assert ask(server.base_url.replace("//", "//user:hush@")).text == "B"
    assert server.keys == ["Basic dXNlcjpodXNo"]


def test_an_unknown_host_stops_the_run():
    with pytest.raises(BackendUnavailable, match=r"cannot reach http://endpoint\.invalid/v1: \w+"):
        ask("http://endpoint.invalid/v1")


@contextmanager
def raw_server(reply):
    """Send these bytes in answer to whatever comes, and close the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            with connection:
                while b"\r\n\r\n" not in connection.recv(2**20):
                    pass
                connection.sendall(reply)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(2**20):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        thread.join()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BROKEN = {
    "nothing": (b"", "without a complete reply"),
    "not HTTP": (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "not valid HTTP"),
    "half a body": (HEAD + b'Content-Length: 99\r\n\r\n{"choices"', "without a complete reply"),
    "half a chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\n{", "complete reply"),
}


@pytest.mark.parametrize(("reply", "told"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_reply_is_an_error_of_that_request(reply, told):
    with (
        raw_server(reply) as base_url,
        pytest.raises(GenerationError, match=f"the connection broke: .*{told}"),
    ):
        ask(base_url)


def test_a_server_that_says_nothing_is_an_error_of_that_request():
    with (
        openai_server(lambda _: Reply("B", delay_s=1.0)) as server,
        pytest.raises(GenerationError, match=r"no reply within|timed out"),
    ):
        ask(server.base_url, timeout_s=0.2)


def test_long_headers_are_read():
    reply = Reply("B", headers={"Content-Security-Policy": "x" * 20_000})
    with openai_server(lambda _: reply) as server:
        assert ask(server.base_url).text == "B"

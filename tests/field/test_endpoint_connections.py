"""Connections to an endpoint: size limits, compression, redirects, proxies, certificates."""

from __future__ import annotations

import asyncio
import json

import pytest

from instit_bench.backends import (
    BackendOptions,
    BackendUnavailable,
    GenerationError,
    create_backend,
)
from instit_bench.endpoint import client as client_module
from instit_bench.errors import InputError
from instit_bench.types import Message, Request, TextPart
from tests.field.endpoint import PARAMS, SAMPLE, ask, choice
from tests.openai_server import Reply, openai_server

pytestmark = pytest.mark.usefixtures("plain_environment")


def test_an_endless_reply_does_not_exhaust_memory(monkeypatch):
    monkeypatch.setattr(client_module, "LARGEST_REPLY", 2**20)
    with (
        openai_server(lambda _: Reply("x" * 2**21)) as server,
        pytest.raises(GenerationError, match="larger than 1 MiB"),
    ):
        ask(server, retries=2)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [200, 400])
def test_the_size_limit_applies_to_the_decompressed_body(monkeypatch, status):
    import gzip

    monkeypatch.setattr(client_module, "LARGEST_REPLY", 2**20)
    packed = gzip.compress(b" " * 2**22)
    reply = Reply(status=status, body=packed, headers={"Content-Encoding": "gzip"})
    with (
        openai_server(lambda _: reply) as server,
        pytest.raises(GenerationError, match="larger than 1 MiB"),
    ):
        ask(server)


def test_a_compressed_reply_is_read():
    import gzip

    packed = gzip.compress(json.dumps(choice({"content": "B"})).encode())
    reply = Reply(body=packed, headers={"Content-Encoding": "gzip"})
    with openai_server(lambda _: reply) as server:
        assert ask(server).text == "B"


def test_a_request_on_a_closed_keep_alive_connection_is_sent_again():
    replies = iter([Reply("A"), Reply(drop=True), Reply("B")])
    with openai_server(lambda _: next(replies)) as server:
        assert ask(server, times=2, retries=0).text == "B"
    assert len(server.requests) == 3


def test_however_many_kept_connections_are_closed_a_request_gets_through():
    """A busy server closes every idle connection at once, each with a request on its way."""
    closing = iter([False] * 4 + [True] * 3)

    def answer(_):
        return Reply("B", drop=next(closing, False), delay_s=0.2)

    async def life(backend):
        request = Request(SAMPLE, (Message("user", (TextPart("Q"),)),), PARAMS)
        await backend.generate(request)
        await asyncio.gather(*(backend.generate(request) for _ in range(3)))
        try:
            return await backend.generate(request)
        finally:
            await backend.close()

    with openai_server(answer) as server:
        options = BackendOptions("m", base_url=server.base_url, max_retries=0)
        assert asyncio.run(life(create_backend("openai", options))).text == "B"
    assert len(server.requests) == 8


def test_a_request_on_a_new_connection_is_not_sent_again():
    with (
        openai_server(lambda _: Reply(drop=True)) as server,
        pytest.raises(GenerationError, match="the connection broke"),
    ):
        ask(server, retries=0)
    assert len(server.requests) == 1


def test_idle_connections_are_closed_before_the_server_closes_them():
    from instit_bench.endpoint import Endpoint

    client = Endpoint("http://127.0.0.1:9/v1", "k").client(1.0, 0)
    assert client._client._transport.idle_s < 5


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nothing_is_sent_where_an_endpoint_redirects_to(monkeypatch, status):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with openai_server(lambda _: Reply("B")) as other:
        target = other.base_url.replace("//", "//user:hush@") + "/chat/completions?signed=hush"
        moved = Reply(status=status, headers={"Location": target}, body=b"")
        with (
            openai_server(lambda _: moved) as server,
            pytest.raises(BackendUnavailable) as caught,
        ):
            ask(server, times=3, retries=2, header=("X-Key=hush-hush",))
    assert (len(server.requests), other.contacts) == (1, 0)
    assert str(caught.value) == (
        f"{server.base_url} redirects to {other.base_url}, where nothing was sent: the key, the "
        "headers and the prompts would go there; if you trust that address, name it instead"
    )


@pytest.mark.parametrize("status", [307, 308])
def test_the_same_request_on_the_same_server_is_followed(status):
    """FastAPI adds a slash; gateways route a model to a path of its own (openai-python 785)."""
    moved = Reply(status=status, headers={"Location": "/v1/chat/completions/m?x=1"}, body=b"")
    replies = iter([moved, Reply("B")])
    with openai_server(lambda _: next(replies)) as server:
        assert ask(server, header=("X-Key=hush",)).text == "B"
    assert server.paths == ["/v1/chat/completions", "/v1/chat/completions/m?x=1"]
    assert server.requests[0] == server.requests[1]
    assert [headers["X-Key"] for headers in server.headers] == ["hush", "hush"]


def test_not_for_ever_and_not_as_another_method():
    loop = Reply(status=307, headers={"Location": "/v1/chat/completions"}, body=b"")
    get = Reply(status=303, headers={"Location": "/v1/chat/completions"}, body=b"")
    for moved, requests in ((loop, 6), (get, 1)):
        with (
            openai_server(lambda _, moved=moved: moved) as server,
            pytest.raises(BackendUnavailable, match="redirects to"),
        ):
            ask(server)
        assert len(server.requests) == requests


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://api.invalid/v1/chat/completions/", "https://api.invalid/v1/chat/completions/"),
        ("https://sso.invalid/login?back=x", "https://sso.invalid/login"),
        ("", "an address that it does not name"),
        (None, "an address that it does not name"),
    ],
)
def test_the_new_address_is_shown_as_one_that_can_be_named(location, shown):
    headers = {} if location is None else {"Location": location}
    with (
        openai_server(lambda _: Reply(status=307, headers=headers, body=b"")) as server,
        pytest.raises(BackendUnavailable) as caught,
    ):
        ask(server)
    assert f"/v1 redirects to {shown}, where nothing" in str(caught.value)


FAR = "https://endpoint.invalid/v1"


def test_an_unusable_socks_proxy_is_one_clear_error(monkeypatch):
    pytest.importorskip("openai")
    monkeypatch.setitem(__import__("sys").modules, "socksio", None)
    monkeypatch.setenv("ALL_PROXY", "socks5://user:hush@127.0.0.1:1080")
    with pytest.raises(InputError, match=r'ALL_PROXY .*"instit-bench\[socks\]"') as caught:
        create_backend("openai", BackendOptions("m", base_url=FAR))
    assert "hush" not in str(caught.value)


def test_an_invalid_proxy_address_is_one_clear_error(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "gopher://hush")
    with pytest.raises(InputError, match="ALL_PROXY: is not a valid") as caught:
        create_backend("openai", BackendOptions("m", base_url=FAR))
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "socks5://127.0.0.1:9", "gopher://x"])
def test_local_servers_are_contacted_without_proxies(monkeypatch, proxy):
    for name in ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, proxy)
    with openai_server(lambda _: Reply("B")) as server:
        assert ask(server).text == "B"


def test_missing_certificates_are_one_clear_error(monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(InputError, match=r"SSL_CERT_FILE: no such file: .*none\.pem"):
        create_backend("openai", BackendOptions("m", base_url=FAR))
    (tmp_path / "none.pem").write_text("not a certificate")
    with pytest.raises(InputError, match=r"SSL_CERT_FILE: .*none\.pem cannot be used"):
        create_backend("openai", BackendOptions("m", base_url=FAR))


def test_a_plain_local_server_needs_no_certificates(monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with openai_server(lambda _: Reply("B")) as server:
        assert ask(server).text == "B"

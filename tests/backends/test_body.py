"""A request's body: JSON with images as bytes, sent again as often as needed."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instit_bench.backends import BackendOptions, create_backend
from instit_bench.endpoint.body import Body
from instit_bench.types import GenerationParams, ImagePart, Message, Request, Sample, TextPart
from tests.openai_server import Reply, openai_server

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
BASE64 = st.binary(max_size=40).map(base64.b64encode)
VALUES = st.recursive(
    TEXT | BASE64 | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def plain(value):
    """The value with text in place of bytes."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_bytes_become_text_in_their_place(document):
    body = Body(document)
    sent = b"".join(body.pieces)
    assert json.loads(sent) == plain(document)
    assert body.size == len(sent)


def test_images_are_not_copied():
    image = base64.b64encode(bytes(1000))
    assert any(piece is image for piece in Body({"url": image, "n": 1}).pieces)


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, object()])
def test_what_json_cannot_express_is_refused(value):
    with pytest.raises((TypeError, ValueError)):
        Body({"x": value})


@pytest.fixture
def image(tmp_path):
    from PIL import Image

    path = tmp_path / "noise.png"
    Image.effect_noise((700, 500), 90).save(path)
    return path


@pytest.mark.parametrize(
    "trouble",
    [
        Reply("busy", status=503, headers={"Retry-After": "0"}),
        Reply(drop=True),
        Reply(status=307, headers={"Location": "/v1/chat/completions"}),
    ],
    ids=["503", "dropped connection", "redirect"],
)
def test_a_body_in_pieces_is_sent_again_whole(image, trouble):
    replies = iter([Reply("A"), trouble, Reply("B")])
    parts = (ImagePart(path=image), TextPart("Q"), ImagePart(path=image))
    sample = Sample(task="t", id="1", doc={}, target="A", cluster="1")
    request = Request(sample, (Message("user", parts),), GenerationParams())

    async def twice():
        backend = create_backend("openai", BackendOptions("m", base_url=server.base_url))
        first = await backend.generate(request)
        second = await backend.generate(request)
        await backend.close()
        return first.text, second.text

    with openai_server(lambda _: next(replies)) as server:
        assert asyncio.run(twice()) == ("A", "B")
    first, *others = server.requests
    assert len(others) == 2
    assert others == [first, first]
    url = first["messages"][0]["content"][0]["image_url"]["url"]
    assert base64.b64decode(url.partition(",")[2]) == image.read_bytes()

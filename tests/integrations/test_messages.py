"""lmms-eval's chat messages as our requests: every image in its original bytes."""

from __future__ import annotations

import base64
from io import BytesIO

import pytest
from PIL import Image, ImageDraw

from instit_bench.errors import InputError
from instit_bench.integrations.lmms_eval.messages import image_part, params_of, request_of
from instit_bench.types import GenerationParams, ImagePart, Message, TextPart, VideoPart


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "picture.jpg"
    Image.linear_gradient("L").convert("RGB").save(path, quality=80)
    return path


@pytest.mark.parametrize("form", ["path", "address", "struct", "opened"])
def test_an_image_with_a_file_is_sent_as_that_file(file, form):
    given = {
        "path": str(file),
        "address": file.as_uri(),
        "struct": {"bytes": None, "path": str(file)},
        "opened": Image.open(file),
    }[form]
    assert image_part(given) == ImagePart(path=file)


@pytest.mark.parametrize("form", ["bytes", "struct", "address"])
def test_an_image_without_a_file_is_sent_as_its_bytes(file, form):
    data = file.read_bytes()
    given = {
        "bytes": data,
        "struct": {"bytes": data, "path": "gone.jpg"},
        "address": "data:image/jpeg;base64," + base64.b64encode(data).decode(),
    }[form]
    assert image_part(given) == ImagePart(data=data)


def drawn_upon(image):
    ImageDraw.Draw(image).rectangle((10, 10, 30, 30), fill="red")
    return image


@pytest.mark.parametrize("change", [drawn_upon, lambda image: image.crop((0, 0, 64, 64))])
def test_a_modified_image_is_sent_in_its_current_state(file, change):
    changed = change(Image.open(file))
    part = image_part(changed)
    assert part.path is None
    with Image.open(BytesIO(part.data)) as sent:
        assert sent.format == "PNG"
        assert sent.tobytes() == changed.tobytes()


def test_messages_keep_roles_and_order(file, tmp_path):
    frames = [str(file), str(file)]
    messages = [
        {"role": "system", "content": [{"type": "text", "text": "Be brief."}]},
        {
            "role": "user",
            "content": [
                {"type": "image", "url": str(file)},
                {"type": "video", "url": str(tmp_path / "a.mp4")},
                {"type": "video", "url": frames},
                {"type": "text", "text": "What is this?"},
            ],
        },
    ]
    request = request_of(messages, {}, ("t", 3))
    picture = ImagePart(path=file)
    assert request.messages == (
        Message("system", (TextPart("Be brief."),)),
        Message(
            "user",
            (
                picture,
                VideoPart(tmp_path / "a.mp4"),
                picture,
                picture,
                TextPart("What is this?"),
            ),
        ),
    )
    assert (request.sample.task, request.sample.id) == ("t", "3")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"type": "audio", "url": "a.wav"}, "t 3: a message contains 'audio'"),
        ({"type": "image", "url": "https://example.org/a.jpg"}, "is not a local file; download it"),
        ({"type": "image", "url": "data:image/png;base64,%"}, "data URL is broken"),
        ({"type": "image", "url": 7}, "t 3: cannot send a int"),
        (
            {"type": "image", "url": Image.new("F", (9, 9))},
            "t 3: image in the dataset: cannot be decoded: its 32-bit levels .* have no defined",
        ),
    ],
)
def test_unsupported_content_is_named(content, said):
    with pytest.raises(InputError, match=said):
        request_of([{"role": "user", "content": [content]}], {}, ("t", 3))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"max_new_tokens": 9, "until": "\n\n"}, GenerationParams(9, 0.0, stop=("\n\n",))),
        (
            {"max_new_tokens": 9, "temperature": 0.5, "top_p": 0.9, "top_k": 5, "do_sample": True},
            GenerationParams(9, 0.5, 0.9, 5),
        ),
        ({"max_new_tokens": 9, "temperature": 0.5, "do_sample": False}, GenerationParams(9, 0.0)),
    ],
)
def test_sampling_settings(settings, expected):
    assert params_of(settings) == expected

"""Convert a question to lmms-eval's ``Instance``, with media as its own tasks provide them."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from typing import Any

from PIL import Image

from instit_bench.backends.lmms_eval.wire import Question
from instit_bench.media import load_image
from instit_bench.types import ImagePart, Part, TextPart

# A model looks up ``task_dict[task][split][doc_id]``, often with a batch's first task for the
# whole batch; so all questions are of one task, and their numbers are the ids.
TASK, SPLIT = "instit_bench", "test"


def task_dict(questions: Iterable[Question]) -> dict[str, dict[str, dict[int, Question]]]:
    """Return the records that a model looks up: the questions themselves."""
    return {TASK: {SPLIT: {question.number: question for question in questions}}}


def instance(question: Question, is_chat: bool) -> Any:
    """Return an ``lmms_eval.api.instance.Instance`` for a chat or a simple model."""
    from lmms_eval.api.instance import Instance

    text = "\n".join(message.text for message in question.messages)
    settings = dict(question.settings)  # models write into it
    where = (question.number, TASK, SPLIT)
    metadata: dict[str, Any] = {"task": TASK, "doc_id": question.number, "repeats": 1}
    if question.frames:
        # This tells a simple model that its images are one video.
        metadata |= {"task_type": "video", "sample_frames": question.frames}
    return Instance(
        request_type="generate_until",
        arguments=(
            (text, chat_messages, settings, *where)
            if is_chat
            else (text, settings, visuals, *where)
        ),
        idx=0,
        metadata=metadata | {"split": SPLIT},
    )


def visuals(question: Question) -> list[Any]:
    """Return what a simple model gets besides the text: RGB images, and paths of video files."""
    parts = [part for message in question.messages for part in message.parts]
    return [_medium(part) for part in parts if not isinstance(part, TextPart)]


def chat_messages(question: Question) -> list[dict[str, Any]]:
    """Return the question in lmms-eval's message protocol."""
    return [
        {"role": message.role, "content": [_content(part) for part in message.parts]}
        for message in question.messages
    ]


def _content(part: Part) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    return {"type": "image" if isinstance(part, ImagePart) else "video", "url": _medium(part)}


def _medium(part: Part) -> Any:
    if isinstance(part, ImagePart):
        with Image.open(BytesIO(load_image(part).data)) as image:
            return image.convert("RGB")  # some models reject subclasses of ``Image``
    assert not isinstance(part, TextPart)  # noqa: S101 - callers pass media only
    return str(part.path)

"""Models for lmms-eval that answer from a file: a chat and a simple model, both named ``tiny``.

``TINY_REPLIES`` is a JSON file that maps prompts to replies; ``*`` matches all other prompts.
Without it, unknown prompts are an error, so a test that gets replies has checked the prompts. Every
request is written to ``TINY_LOG`` as one JSON line.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from lmms_eval.api.model import lmms
from lmms_eval.models.registry_v2 import ModelManifest
from PIL import Image

MANIFEST = ModelManifest(
    model_id="tiny",
    simple_class_path=f"{__name__}.TinySimple",
    chat_class_path=f"{__name__}.TinyChat",
)


class Tiny(lmms):
    def __init__(self, batch_size=1, device=None, **kwargs):
        super().__init__()
        self.replies = json.loads(Path(os.environ["TINY_REPLIES"]).read_text())

    def loglikelihood(self, requests):
        raise NotImplementedError

    def generate_until_multi_round(self, requests):
        raise NotImplementedError

    def generate_until(self, requests):
        return [self.answer(request) for request in requests]

    def reply(self, task, text, visuals, settings):
        media = [describe(visual) for visual in visuals]
        line = {"task": task, "text": text, "media": media, "settings": settings}
        with Path(os.environ["TINY_LOG"]).open("a") as log:
            log.write(json.dumps(line) + "\n")
        return self.replies[text] if text in self.replies else self.replies["*"]


class TinySimple(Tiny):
    is_simple = True

    def answer(self, request):
        text, settings, doc_to_visual, doc_id, task, split = request.args
        visuals = doc_to_visual(self.task_dict[task][split][doc_id])
        return self.reply(task, text, visuals or [], settings)


class TinyChat(Tiny):
    is_simple = False

    def answer(self, request):
        _, doc_to_messages, settings, doc_id, task, split = request.args
        (message,) = doc_to_messages(self.task_dict[task][split][doc_id])
        parts = message["content"]
        (text,) = [part["text"] for part in parts if part["type"] == "text"]
        return self.reply(task, text, [part["url"] for part in parts if "url" in part], settings)


def describe(visual):
    """Describe an image by its mode, size and the digest of its pixels, a video by its path."""
    if isinstance(visual, str):
        return visual
    assert type(visual) is Image.Image  # as llava_onevision and others require
    return [visual.mode, *visual.size, hashlib.sha256(visual.tobytes()).hexdigest()]

"""A small language model behind the OpenAI protocol, without weights.

The next word's scores are drawn from a generator that everything seeds that a real model would see:
its weights, the chat template, all texts, the content of every image, and the words so far. So any
change of one of them changes the reply, and nothing else does. ``noise`` is another rounding.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
from dataclasses import dataclass
from typing import Any

from scripts.explain_faults import HEADER, REWRITES
from tests.openai_server import Reply, asked

WORDS = (" the", " red", " ball", " of", " a", " man", " runs", " left", " B", " C", " in", " and")
END = "<end>"


@dataclass
class ScriptedModel:
    """Answers chat requests, after what a proxy makes of them where a header says so."""

    weights: int = 0
    noise: float = 0.0
    tells_ids: bool = True

    def __call__(self, body: dict[str, Any]) -> Reply:
        rewritten = body | REWRITES.get(asked.headers.get(HEADER, ""), {})
        return Reply(body=json.dumps(self.completion(rewritten)).encode())

    def completion(self, body: dict[str, Any]) -> dict[str, Any]:
        prompt = _prompt_ids(body)
        context = f"{self.weights} {prompt} {[_seen(m) for m in body['messages']]}"
        words, places, reason = [], [], "length"
        dice = random.Random(f"{context} {body.get('seed')}")
        while len(words) < body["max_tokens"]:
            scores = self._scores(context, words)
            order = sorted(scores, key=scores.__getitem__, reverse=True)
            word = order[0]
            if body.get("temperature"):
                weights = [math.exp(scores[w] / body["temperature"]) for w in order]
                word = dice.choices(order, weights)[0]
            places.append((word, scores, order))
            if word == END:
                reason = "stop"
                break
            words.append(word)
            text = "".join(words)
            if found := [stop for stop in body.get("stop") or () if stop in text]:
                words = [text[: text.index(found[0])]]
                reason = "stop"
                break
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": "".join(words).strip()},
            "finish_reason": reason,
        }
        if body.get("logprobs"):
            choice["logprobs"] = {"content": [_place(*place) for place in places]}
        told = (
            {"prompt_token_ids": prompt} if body.get("return_token_ids") and self.tells_ids else {}
        )
        usage = {"prompt_tokens": len(prompt), "completion_tokens": len(places)}
        return {"choices": [choice], "usage": usage, **told}

    def _scores(self, context: str, words: list[str]) -> dict[str, float]:
        seeded = random.Random(hashlib.sha256(f"{context} {words}".encode()).digest())
        rounding = random.Random(f"{seeded.random()} rounding")
        raw = {word: seeded.gauss(0, 2) + rounding.gauss(0, self.noise) for word in WORDS}
        raw[END] = seeded.gauss(len(words) / 4 - 4, 2)
        total = math.log(sum(map(math.exp, raw.values())))
        return {word: score - total for word, score in raw.items()}


def _place(word: str, scores: dict[str, float], order: list[str]) -> dict[str, Any]:
    top = [{"token": other, "logprob": scores[other]} for other in order[:2]]
    return {"token": word, "logprob": scores[word], "top_logprobs": top}


def _prompt_ids(body: dict[str, Any]) -> list[int]:
    """The template's and the texts' bytes; an image is one id, repeated by its size."""
    ids = list((body.get("chat_template") or "template").encode())
    pixels = body.get("mm_processor_kwargs", {}).get("max_pixels", 10**6)
    for message in body["messages"]:
        content = message["content"]
        for part in [{"text": content}] if isinstance(content, str) else content:
            if "text" in part:
                ids += part["text"].encode()
            else:
                size = len(part["image_url"]["url"])
                ids += [1, *[2] * (1 + min(size, pixels // 4) // 100), 3]
    return ids


def _seen(message: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(message, sort_keys=True).encode()).hexdigest()

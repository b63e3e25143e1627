"""Scripted models of the demo data behind a real HTTP server, whose right figures are known.

They see what is sent, nothing else: words, and the bytes of images.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from instit_bench.evaluation.config import make_config
from instit_bench.evaluation.plan import make_plan
from instit_bench.media import load_image, resolve_media
from instit_bench.scorers.tool_call.prompt import read_prompt
from instit_bench.types import ImagePart
from tests.openai_server import Reply

_OPTION = re.compile(r"^([A-Z])\. (.*)$", re.MULTILINE)
_MOMENT = re.compile(r"<(\d+)>")
_OPEN_THOUGHT = "Thought: Do I need to use a tool?"
_CALL = re.compile(r"^Action: (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Shown:
    """A question as it reached the model: digests of the images, and what is asked."""

    images: tuple[str, ...]
    question: str
    options: tuple[str, ...]

    @classmethod
    def of(cls, body: dict[str, Any]) -> Shown:
        content = body["messages"][0]["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        text = "\n".join(part["text"] for part in parts if part["type"] == "text")
        urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
        images = tuple(_digest(base64.b64decode(url.partition(",")[2])) for url in urls)
        found = list(_OPTION.finditer(text))
        question = text[: found[0].start()].strip().split("\n")[-1]
        return cls(images, question, tuple(option[2] for option in found))

    def letter(self, place: int) -> str:
        return "ABCDEFGHIJ"[place % len(self.options)]


@dataclass(frozen=True)
class Known:
    """What one who has seen the demo data knows of a question: its images and the right option."""

    images: tuple[str, ...]
    question: str
    options: tuple[str, ...]
    right: str


def known(*tasks: str, **settings: Any) -> list[Known]:
    """Look at the demo data, with marks as the settings say."""
    values = {"model": "m", "backend": "baseline", "data": "demo", "tasks": ",".join(tasks)}
    config = make_config(None, values | settings)
    found = []
    for plan in make_plan(config).tasks:
        for sample in plan.samples:
            request = plan.request(sample)
            if plan.marked is not None:
                request = plan.marked.drawn(plan.marked.raw(request))
            request = resolve_media(request, config.max_frames)
            images = [p for m in request.messages for p in m.parts if isinstance(p, ImagePart)]
            digests = tuple(_digest(load_image(part).data) for part in images)
            right = sample.choices["ABCDEFGHIJ".index(sample.target)]
            found.append(Known(digests, sample.question, sample.choices, right))
    return found


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


Model = Callable[[Shown], str]


def server(model: Model) -> Callable[[dict[str, Any]], Reply]:
    return lambda body: Reply(model(Shown.of(body)))


def always_b(shown: Shown) -> str:
    return "B"


def longest_option(shown: Shown) -> str:
    """One that answers from the text: the longest option, the first of equals."""
    lengths = [len(option) for option in shown.options]
    return shown.letter(lengths.index(max(lengths)))


def reader(knowledge: Sequence[Known]) -> Model:
    """One that looks up the very frames that a question names, and says A without any."""

    def answer(shown: Shown) -> str:
        if not shown.images:
            return "A"
        one = next(k for k in knowledge if set(k.images) >= set(shown.images) and _same(k, shown))

        right = looked_at(one.right, one.images)
        options = [looked_at(option, shown.images) for option in shown.options]
        same = [looked_at(shown.question, shown.images), *sorted(options)] == [
            looked_at(one.question, one.images),
            *sorted(looked_at(option, one.images) for option in one.options),
        ]
        place = options.index(right) if right in options else 0
        return shown.letter(place if same else place + 1)  # of other frames, it says another thing

    return answer


EXCHANGED = {"1": "3", "3": "1"}
_MARK = re.compile(r"\[(\d+)\]")


def exchanged(text: str) -> str:
    return _MARK.sub(lambda mark: f"[{EXCHANGED.get(mark[1], mark[1])}]", text)


def mark_reader(marked: Sequence[Known], swapped: Sequence[Known], *, reads: bool) -> Model:
    """One that knows what each image shows; A for images without marks.

    If it ``reads``, it takes a mark for the object that carries it in the image, else for the one
    that carries it in the benchmark's own.
    """
    plain = {one.images: [] for one in marked} | {one.images: [] for one in swapped}
    for one, moved in zip(marked, swapped, strict=True):
        plain[one.images].append((one, str))
        plain[moved.images].append((one, exchanged if reads else str))

    def answer(shown: Shown) -> str:
        for one, told in plain.get(shown.images, ()):
            options = [told(option) for option in shown.options]
            if (told(shown.question), options) == (one.question, list(one.options)):
                return shown.letter(options.index(one.right))
            if _MARK.sub("", shown.question) == _MARK.sub("", one.question):
                return shown.letter(one.options.index(one.right) + 1)
        return "A"

    return answer


def looked_at(text: str, images: Sequence[str]) -> str:
    """Replace the number of each frame by what it shows; two frames may show the same."""
    return _MOMENT.sub(
        lambda t: images[int(t[1]) - 1] if int(t[1]) <= len(images) else "nothing", text
    )


def glancer(knowledge: Sequence[Known]) -> Model:
    """One that ignores the order of frames: any frame of the video is enough; A without any."""

    def answer(shown: Shown) -> str:
        if not shown.images:
            return "A"
        one = next(k for k in knowledge if set(k.images) >= set(shown.images) and _same(k, shown))
        blank = [_MOMENT.sub("", option) for option in shown.options]
        return shown.letter(blank.index(_MOMENT.sub("", one.right)))

    return answer


def _same(one: Known, shown: Shown) -> bool:
    """Whether it is the same question but for the numbers of frames."""
    return _MOMENT.sub("", one.question) == _MOMENT.sub("", shown.question)


Targets = dict[str, tuple[str, dict[str, str]]]


def by_description(body: dict[str, Any], targets: Targets) -> Reply:
    """One that picks the tools whose descriptions it needs; ``targets`` are by what is asked."""
    prompt = read_prompt(body["messages"][0]["content"])
    target, descriptions = targets[_asked(prompt)]
    names = {tool.description: tool.name for tool in prompt.tools}
    return Reply(_CALL.sub(lambda call: f"Action: {names[descriptions[call[1]]]}", target))


def by_name(body: dict[str, Any], targets: Targets) -> Reply:
    """One that knows the names of the tools, whatever the prompt says of them."""
    return Reply(targets[_asked(read_prompt(body["messages"][0]["content"]))][0])


def _asked(prompt: Any) -> str:
    steps = _CALL.sub("", prompt.trace).strip().removesuffix(_OPEN_THOUGHT).strip()
    return prompt.conversation + prompt.new_input.partition("\n")[0] + steps


def tool_targets(task: str) -> Targets:
    """Return the target, and the description of each tool that it calls, by what is asked."""
    config = make_config(None, {"model": "m", "backend": "baseline", "data": "demo", "tasks": task})
    found = {}
    for sample in make_plan(config).tasks[0].samples:
        prompt = read_prompt(sample.question)
        tools = {tool.name: tool.description for tool in prompt.tools}
        called = {name: tools[name] for name in _CALL.findall(sample.target)}
        found[_asked(prompt)] = (sample.target, called)
    return found

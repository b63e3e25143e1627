"""All words of generated items and of the request to the instruction writer.

They are this project's own. The structure is the benchmark's: its scorer and its models know a
prompt by the ``>`` lines, ``should be one of [...]``, ``Previous conversation:``, ``New input:``
and the lines ``Thought:``, ``Action:``, ``Action Input:``, ``Observation:`` and ``AI:``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from instit_bench.generation.captions import Caption
from instit_bench.generation.catalogue import Catalogue, CatalogueTool

EXAMPLE_IMAGE = "example.jpg"
"""What the writer calls the image."""

YES = "Thought: Do I need to use a tool? Yes"
NO = "Thought: Do I need to use a tool? No"
OBSERVATION = "Observation:"
SAVED_AS = "Result saved as "
THEN = "With the image that results, do this next: "

_RULES = (
    "You are an assistant for tasks on text and on images. You cannot look at an image yourself: "
    "all you know of it is its description, and what tools report. Whatever a task asks of an "
    "image is done by a tool, and you pass on what the tool returns unchanged. An image is named "
    "by its file name, which you repeat exactly as the conversation gives it."
)
_FILES = (
    "Never invent a file name. A tool works on an image that this conversation names, or on the "
    "one that the last observation names."
)
_CLOSING = (
    "Remember that only tools can observe an image. The user sees neither your thoughts nor any "
    "observation, so an answer has to contain what matters. Let's think step by step."
)


def prompt(tools: Iterable[CatalogueTool], context: tuple[str, str] | None, request: str) -> str:
    """Return the prompt of an item; ``context`` is an image's file name and description."""
    offered = list(tools)
    lines = "\n".join(f"> {tool.name}: {tool.told}" for tool in offered)
    names = ", ".join(tool.name for tool in offered)
    said = ""
    if context is not None:
        name, description = context
        end = "" if description.endswith((".", "!", "?")) else "."
        said = (
            f"Human: There is an image named {name}. It shows: {description}{end} Use tools to "
            "find out more.\nAI: Received.\n"
        )
    return (
        f"{_RULES}\nTOOLS:\n------\n\nThese tools are available:\n\n{lines}\n\n"
        f"A tool is used in this format:\n\n```\n{YES}\n"
        f"Action: the tool to use, should be one of [{names}]\n"
        f"Action Input: what the tool takes\n{OBSERVATION} what the tool returns\n```\n\n"
        "When the task is done, or needs no tool, the answer is given in this format:\n\n"
        f"```\n{NO}\nAI: [your answer]\n```\n\n{_FILES}\n\n"
        f"Previous conversation:\n\n{said}\nNew input: {request}\n{_CLOSING}\n"
    )


def call(tool: str, arguments: Iterable[str]) -> str:
    """Return the turn that calls a tool; the observation follows."""
    return f"{YES}\nAction: {tool}\nAction Input: {', '.join(arguments)}\n{OBSERVATION}\n"


def answer(text: str) -> str:
    """Return the turn that ends a conversation."""
    return f"{NO}\nAI: {text}\n\n"


def writer_request(catalogue: Catalogue, caption: Caption) -> str:
    """Return what the instruction writer is asked: the same beginning for every caption."""
    tools = list(catalogue.tools.values())
    listed = "\n".join(f"{n}. {tool.name}: {tool.told}" for n, tool in enumerate(tools, start=1))
    return (
        "Write requests that a person could send to an assistant about an image. The assistant "
        f"has these {len(tools)} tools:\n\n{listed}\n\n"
        f"Write exactly {len(tools)} numbered lines, one per tool, in the order above, each in "
        "the form\n\nrequest, [tool name, arguments]\n\n"
        f'For instance: 1. Which animal sits on the left?, [Name Animals, "{EXAMPLE_IMAGE}"]\n\n'
        "Rules for the lines:\n"
        "- The request is one sentence in natural, varied English. It has to do with what the "
        "image shows, asks for something that the tool does, and does not name the tool.\n"
        "- The brackets hold the tool's name as it is written above, then its arguments in their "
        "order, separated by commas, each in double quotes.\n"
        f'- The image is always "{EXAMPLE_IMAGE}", and only the brackets name it.\n'
        "- There are no other brackets, and nothing before, between or after the lines.\n\n"
        "The image is described as follows, perhaps with the place [x1, y1, x2, y2] of objects in "
        f"pixels:\n\n{caption.text}\n"
    )


def words_digest(catalogue: Catalogue) -> str:
    """SHA-256 of what the writer is asked beside the caption."""
    return hashlib.sha256(writer_request(catalogue, Caption(0, "", "")).encode()).hexdigest()

"""Build the prompt and the target of each item of the tool-use demo."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

RULES = (
    "You are an assistant that talks with a person about texts and pictures. You cannot see "
    "pictures yourself: whatever you say about one must come from a tool. Each picture has a "
    "file name, and you write it exactly as it was given to you. Report what a tool returns, "
    "and add nothing to it."
)
REMINDER = (
    "Never make up a file name. If a tool has just saved a picture, go on with the name it "
    "reported."
)
CLOSING = (
    "The person reads neither your thoughts nor the observations, so repeat what matters in "
    "your answer. Consider first whether a tool is due, then proceed one step at a time."
)
CALL_DUE = "Thought: Do I need to use a tool? Yes"
NO_CALL_DUE = "Thought: Do I need to use a tool? No"
NAME_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
FOLDERS = ("image/", "images/", "cache/", "")


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call; its texts may refer to images as {image}, {first} and {second}.

    {image} is the image of the conversation; {first} and {second} are the files saved by the first
    and second call.
    """

    tool: str
    argument: str
    observation: str


@dataclass(frozen=True, slots=True)
class Item:
    """One test item.

    ``image`` describes the image that was shared before (empty: none), ``done`` are the calls
    already made, ``calls`` the expected ones, and ``reply`` is the final reply. With
    ``placeholder``, the target calls use ``example.png`` instead of the image's real name, as much
    of the benchmark's data does.
    """

    request: str
    reply: str
    image: str = ""
    calls: tuple[Call, ...] = ()
    done: tuple[Call, ...] = ()
    placeholder: bool = False


def gpt4tools_records(tools: Mapping[str, str], items: Sequence[Item]) -> list[dict[str, Any]]:
    """Return the records of one split; ``tools`` maps tool names to descriptions."""
    return [_record(tools, item, number) for number, item in enumerate(items)]


def _record(tools: Mapping[str, str], item: Item, number: int) -> dict[str, Any]:
    rng = random.Random(f"{number} {item.request}")
    names = {key: _file_name(rng) for key in ("image", "first", "second")}
    needed = sorted({call.tool for call in (*item.done, *item.calls)})
    offered = needed + rng.sample([name for name in tools if name not in needed], 3)
    rng.shuffle(offered)
    target_names = {**names, "image": "example.png"} if item.placeholder else names
    return {
        "instruction": _prompt(tools, offered, item, names),
        "input": "",
        "output": _target(item, target_names),
        "id": number,
    }


def _file_name(rng: random.Random) -> str:
    return rng.choice(FOLDERS) + "".join(rng.choices(NAME_LETTERS, k=8)) + ".png"


def _prompt(
    tools: Mapping[str, str], offered: Sequence[str], item: Item, names: Mapping[str, str]
) -> str:
    conversation = (
        f"Human: I am sending you a picture. Its file name is {names['image']} and it shows "
        f"{item.image}.\nAI: Thank you, I have {names['image']} now."
        if item.image
        else ""
    )
    listing = "\n".join(f"> {name}: {tools[name]}" for name in offered)
    return (
        f"{RULES}\n"
        f"TOOLS:\n------\n\n"
        f"These tools are at hand:\n\n{listing}\n\n"
        f"A tool call is written in this form:\n\n"
        f"```\n{CALL_DUE}\n"
        f"Action: the tool to call, should be one of [{', '.join(offered)}]\n"
        f"Action Input: what the tool is given\n"
        f"Observation: what the tool returned\n```\n\n"
        f"An answer to the person, with or without calls before it, is written in this form:\n\n"
        f"```\n{NO_CALL_DUE}\nAI: [the answer]\n```\n\n"
        f"{REMINDER}\n\n"
        f"Previous conversation:\n\n{conversation}\n\n"
        f"New input: {item.request.format(**names)}\n"
        f"{CLOSING}\n" + "".join(_call(call, names, " ") for call in item.done)
    )


def _target(item: Item, names: Mapping[str, str]) -> str:
    calls = "".join(_call(call, names, "\n") for call in item.calls)
    return f"{calls}{NO_CALL_DUE}\nAI: {item.reply.format(**names)}\n\n"


def _call(call: Call, names: Mapping[str, str], gap: str) -> str:
    return (
        f"{CALL_DUE}\n"
        f"Action: {call.tool}\n"
        f"Action Input: {call.argument.format(**names)}\n"
        f"Observation:{gap}{call.observation.format(**names)}\n"
    )

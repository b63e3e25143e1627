"""How an item of the tool-use demo becomes a prompt and a gold answer."""

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
    """One tool call; texts may name the pictures {image}, {first} and {second}.

    {image} is the picture from the conversation, {first} and {second} are the files that the
    first and the second call save.
    """

    tool: str
    argument: str
    observation: str


@dataclass(frozen=True, slots=True)
class Item:
    """One test item.

    ``picture`` describes the picture shared before (none if empty), ``done`` are the calls
    made already, ``calls`` those that are due, ``reply`` is what to say in the end. With
    ``placeholder`` the gold calls name ``example.png`` instead of the picture's own name, as
    much of the real data does.
    """

    request: str
    reply: str
    picture: str = ""
    calls: tuple[Call, ...] = ()
    done: tuple[Call, ...] = ()
    placeholder: bool = False


def gpt4tools_records(tools: Mapping[str, str], items: Sequence[Item]) -> list[dict[str, Any]]:
    """The records of one split: ``tools`` maps its tools' names to their descriptions."""
    return [_record(tools, item, number) for number, item in enumerate(items)]


def _record(tools: Mapping[str, str], item: Item, number: int) -> dict[str, Any]:
    rng = random.Random(f"{number} {item.request}")
    names = {key: _file_name(rng) for key in ("image", "first", "second")}
    needed = sorted({call.tool for call in (*item.done, *item.calls)})
    offered = needed + rng.sample([name for name in tools if name not in needed], 3)
    rng.shuffle(offered)
    gold_names = {**names, "image": "example.png"} if item.placeholder else names
    return {
        "instruction": _prompt(tools, offered, item, names),
        "input": "",
        "output": _gold(item, gold_names),
        "id": number,
    }


def _file_name(rng: random.Random) -> str:
    return rng.choice(FOLDERS) + "".join(rng.choices(NAME_LETTERS, k=8)) + ".png"


def _prompt(
    tools: Mapping[str, str], offered: Sequence[str], item: Item, names: Mapping[str, str]
) -> str:
    conversation = (
        f"Human: I am sending you a picture. Its file name is {names['image']} and it shows "
        f"{item.picture}.\nAI: Thank you, I have {names['image']} now."
        if item.picture
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


def _gold(item: Item, names: Mapping[str, str]) -> str:
    calls = "".join(_call(call, names, "\n") for call in item.calls)
    return f"{calls}{NO_CALL_DUE}\nAI: {item.reply.format(**names)}\n\n"


def _call(call: Call, names: Mapping[str, str], gap: str) -> str:
    return (
        f"{CALL_DUE}\n"
        f"Action: {call.tool}\n"
        f"Action Input: {call.argument.format(**names)}\n"
        f"Observation:{gap}{call.observation.format(**names)}\n"
    )

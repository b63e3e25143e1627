"""Alter the tools that a prompt offers: their names, descriptions, order and number."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from itertools import product

from instit_bench.interventions.base import Asked, Doc, Intervention
from instit_bench.interventions.tool_list import (
    ListedTool,
    Rename,
    called,
    read_tools,
    renamed_calls,
)
from instit_bench.tasks.task import Task

# Names that say nothing of what a tool does: Balan, Bamer, …
_NEW_NAMES = tuple(
    "".join(parts)
    for parts in product(
        ("Ba", "Ce", "Di", "Fo", "Gu", "Ha", "Je", "Ki", "Lo", "Mu"),
        ("lan", "mer", "nix", "pos", "rud", "ten"),
    )
)
_IMAGE = "The input to this tool should be a string, representing the image_path"
_OTHER_TOOLS: Mapping[str, str] = {
    "Read The Clock": f"useful when you want to know what time a clock shows. {_IMAGE}",
    "Scan A Barcode": f"useful when you want the number behind a barcode. {_IMAGE}",
    "Print The Photo": f"useful when you want a copy of a photo on paper. {_IMAGE}",
    "Find The Licence": f"useful when you want to know who may use a photo. {_IMAGE}",
    "Read Camera Settings": f"useful when you want aperture and shutter speed. {_IMAGE}",
    "Share By Mail": f"useful when you want to send a photo to a friend. {_IMAGE}",
    "Estimate The Price": f"useful when you want to know what a thing costs. {_IMAGE}",
    "Compress The File": f"useful when you want a file to take less space. {_IMAGE}",
    "Check The Spelling": "useful when you want to find mistakes in a text. The input to this tool "
    "should be a string, representing the text",
    "Translate A Text": "useful when you want a text in another language. The input to this tool "
    "should be a comma separated string of two, representing the text and the language",
    "Play A Sound": "useful when you want to hear a sound. The input to this tool should be a "
    "string, representing the name of the sound",
    "Look Up The Weather": "useful when you want to know what the weather will be. The input to "
    "this tool should be a string, representing the name of the place",
    "Convert A Currency": "useful when you want to know what an amount is worth elsewhere. The "
    "input to this tool should be a string, representing the amount",
    "Set A Reminder": "useful when you want to be reminded of something. The input to this tool "
    "should be a string, representing the time",
    "Find A Recipe": "useful when you want to cook something. The input to this tool should be a "
    "string, representing the name of the dish",
    "Plan A Route": "useful when you want to travel. The input to this tool should be a comma "
    "separated string of two, representing the start and the destination",
}


def _renaming(names: Rename) -> Callable[[Doc, Asked], Doc]:
    """Rename tools wherever they are listed or called, in the target too."""

    def record(doc: Doc, asked: Asked) -> Doc:
        found = read_tools(_prompt(doc, asked))
        if found is None:
            return doc
        new = names(found.tools)
        prompt = found.with_names(new).text
        target = asked.task.config.doc_to_target
        own = {target: renamed_calls(str(doc[target]), new)} if isinstance(target, str) else {}
        return {**doc, asked.task.config.metadata.question_field: prompt, **own}

    return record


def _listing(
    alter: Callable[[Sequence[ListedTool], set[str], random.Random], Sequence[ListedTool]],
) -> Callable[[Doc, Asked], Doc]:
    """List tools anew; the record's own text decides what is drawn at random."""

    def record(doc: Doc, asked: Asked) -> Doc:
        prompt = _prompt(doc, asked)
        found = read_tools(prompt)
        if found is None:
            return doc
        target = asked.task.config.doc_to_target
        needed = called(str(doc[target])) if isinstance(target, str) else set()
        draw = random.Random(prompt)  # noqa: S311 - to be repeated, not to be secret
        tools = alter(found.tools, needed, draw)
        return {**doc, asked.task.config.metadata.question_field: found.with_tools(tools).text}

    return record


def _prompt(doc: Doc, asked: Asked) -> str:
    return str(doc[asked.task.config.metadata.question_field])


def _meaningless(tools: Sequence[ListedTool]) -> Mapping[str, str]:
    rounds = -(-len(tools) // len(_NEW_NAMES))
    names = (f"{name}{n or ''}" for n in range(rounds) for name in _NEW_NAMES)
    return {tool.name: next(names) for tool in tools}


def _exchanged(tools: Sequence[ListedTool]) -> Mapping[str, str]:
    """Give each tool the name of the next one: the description decides which one is right."""
    names = [tool.name for tool in tools]
    return dict(zip(names, names[1:] + names[:1], strict=True))


def _shuffled(
    tools: Sequence[ListedTool],
    _needed: set[str],
    draw: random.Random,
) -> Sequence[ListedTool]:
    new = list(tools)
    while len(new) > 1 and new == list(tools):
        draw.shuffle(new)
    return new


def _doubled(
    tools: Sequence[ListedTool], needed: set[str], draw: random.Random
) -> Sequence[ListedTool]:
    """Add as many tools as the target does not need, each at a random place."""
    known = {tool.name.casefold() for tool in tools}
    others = [name for name in _OTHER_TOOLS if name.casefold() not in known]
    wanted = max(1, sum(tool.name not in needed for tool in tools))
    new = list(tools)
    for name in draw.sample(others, min(wanted, len(others))):
        new.insert(draw.randint(0, len(new)), ListedTool(name, f": {_OTHER_TOOLS[name]}"))
    return new


def _why_not(task: Task) -> str | None:
    return None if task.scorer.offers_tools else "its prompts offer no tools"


RENAMED = Intervention(
    "renamed-tools",
    "tools have names that say nothing; the descriptions stay",
    why_not=_why_not,
    record=_renaming(_meaningless),
)
SWAPPED = Intervention(
    "swapped-descriptions",
    "each tool has the name of another; the description says which one is right",
    why_not=_why_not,
    record=_renaming(_exchanged),
)
SHUFFLED = Intervention(
    "shuffled-tools",
    "the tools are listed in random order",
    why_not=_why_not,
    record=_listing(_shuffled),
)
DOUBLED = Intervention(
    "doubled-distractors",
    "as many tools again as the target does not need",
    why_not=_why_not,
    record=_listing(_doubled),
)

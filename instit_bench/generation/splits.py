"""Items to splits: training, seen and unseen, without a shared image and without a shared tool.

An item of the unseen split calls an unseen tool, or none. The other splits neither call nor show
one: an unseen tool among the tools on offer is exchanged for another.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from instit_bench.errors import InputError
from instit_bench.generation.catalogue import SHIPPED, Catalogue, read_catalogue
from instit_bench.generation.checks import Check, problem_of
from instit_bench.generation.conversation import Item, renamed
from instit_bench.validation import did_you_mean

NAMES = ("train", "seen", "unseen")
NOVEL, NONE = "novel", "none"
KNOWN_TOOL = "calls no unseen tool, but its image is in the unseen split"
UNSEEN_TOOL = "calls an unseen tool, but its image is in another split"


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """How items are split.

    ``seen`` and ``unseen`` are the shares of images (or of conversations) in these splits; of
    images only those count of which an item calls an unseen tool.
    """

    unseen_tools: frozenset[str] = frozenset()
    by_image: bool = True
    seen: float = 0.1
    unseen: float = 0.3
    seed: int = 0
    rename_tools: bool = False


@dataclass
class Splits:
    """The splits' items, the catalogue that their texts are made of, and what was left out."""

    catalogue: Catalogue
    items: dict[str, list[Item]] = field(default_factory=lambda: {name: [] for name in NAMES})
    left_out: Counter[str] = field(default_factory=Counter)


def unseen_names(words: Sequence[str] | None, catalogue: Catalogue) -> frozenset[str]:
    """Return the tools that these words name: tools, a shipped catalogue, or ``none``.

    Without words it is the benchmark's novel tools, as far as this catalogue has them.

    Raises:
        InputError: There is no such tool, or no other is left.
    """
    if words is None:
        return frozenset(read_catalogue([NOVEL]).tools.keys() & catalogue.tools.keys())
    names: set[str] = set()
    if tuple(words) == (NONE,):
        return frozenset()
    for word in words:
        found = read_catalogue([word]).tools if word in SHIPPED else {word: None}
        for name in found:
            tool = catalogue.find(name)
            if tool is None:
                raise InputError(
                    f"--unseen-tools {word}: the catalogue has no tool {name!r}"
                    + did_you_mean(name, catalogue.tools)
                )
            names.add(tool.name)
    if len(names) == len(catalogue.tools):
        raise InputError("--unseen-tools: names every tool of the catalogue; leave some seen")
    return frozenset(names)


def split_items(items: Sequence[Item], catalogue: Catalogue, options: SplitOptions) -> Splits:
    """Split the items; the same seed gives the same splits.

    Raises:
        InputError: Tools are to be renamed that have no other name, or no item calls one of the
            tools of the unseen split.
    """
    splits = Splits(catalogue)
    called = {name for item in items for name in item.tools}
    if options.unseen and options.unseen_tools and not options.unseen_tools & called:
        raise InputError(
            f"--unseen-tools: no item calls {', '.join(sorted(options.unseen_tools))}; name others "
            f"({', '.join(sorted(called)) or 'no item calls any'}), or none"
        )
    homes = _homes(items, options)
    for item in items:
        home = homes[_group(item, options)]
        calls_unseen = bool(options.unseen_tools.intersection(item.tools))
        if home == "unseen" and item.tools and not calls_unseen:
            splits.left_out[KNOWN_TOOL] += 1
        elif home != "unseen" and calls_unseen:
            splits.left_out[UNSEEN_TOOL] += 1
        else:
            hidden = options.unseen_tools if home != "unseen" else frozenset[str]()
            splits.items[home].append(_without(item, hidden, catalogue, options.seed))
    if options.rename_tools:
        splits.catalogue, names = catalogue.renamed()
        digest = splits.catalogue.digest
        for name, kept in splits.items.items():
            splits.items[name] = [renamed(item, names, digest) for item in kept]
    _check(splits)
    return splits


def _group(item: Item, options: SplitOptions) -> str:
    """Return what must not be in two splits: the item's image, or its conversation."""
    origin = item.provenance
    if options.by_image and origin.image is not None:
        return f"image {origin.image}"
    return f"conversation {origin.caption} {origin.line} {origin.record}"


def _homes(items: Sequence[Item], options: SplitOptions) -> Mapping[str, str]:
    """Return the split of each group."""
    groups: dict[str, bool] = {}
    for item in items:
        group = _group(item, options)
        needs_unseen = bool(options.unseen_tools.intersection(item.tools))
        groups[group] = groups.get(group, False) or needs_unseen
    names = sorted(groups)
    random.Random(f"{options.seed}/splits").shuffle(names)  # noqa: S311 - a reproducible choice
    homes = {}
    if options.unseen_tools:
        calling = [name for name in names if groups[name]]
        # A conversation that calls an unseen tool has no other place.
        share = options.unseen if options.by_image else 1.0
        alone = [name for name in names if not groups[name] and name.startswith("conversation")]
        chosen = _share(calling, share) + _share(_refusing(alone, items, options), options.unseen)
        homes = dict.fromkeys(chosen, "unseen")
    rest = [name for name in names if name not in homes]
    seen = set(_share(rest, options.seen))
    return homes | {name: "seen" if name in seen else "train" for name in rest}


def _refusing(groups: Sequence[str], items: Sequence[Item], options: SplitOptions) -> list[str]:
    """Return the groups that only consist of an item that needs no tool."""
    refusals = {_group(item, options) for item in items if not item.tools}
    return [name for name in groups if name in refusals]


def _share(names: Sequence[str], share: float) -> list[str]:
    """Return the first of these names; at least one, unless the share is 0."""
    if not share or not names:
        return []
    return list(names[: max(1, round(share * len(names)))])


def _without(item: Item, hidden: Collection[str], catalogue: Catalogue, seed: int) -> Item:
    """Return the item with other tools on offer instead of the hidden ones."""
    shown = item.conversation.tools
    if not set(hidden).intersection(shown):
        return item
    rng = random.Random(f"{seed}/{item.id}/shown")  # noqa: S311 - a reproducible choice
    others = [name for name in catalogue.tools if name not in hidden and name not in shown]
    rng.shuffle(others)
    tools = [
        name if name not in hidden else others.pop()
        for name in shown
        if name not in hidden or others
    ]
    told = item.conversation.model_copy(update={"tools": tuple(tools)})
    return item.model_copy(update={"conversation": told})


def _check(splits: Splits) -> None:
    """Drop what is not perfect with the tools that it shows now."""
    check = Check(splits.catalogue)
    for name, items in splits.items.items():
        problems = [problem_of(item, check) for item in items]
        splits.left_out.update(problem.reason for problem in problems if problem)
        splits.items[name] = [
            item for item, problem in zip(items, problems, strict=True) if problem is None
        ]

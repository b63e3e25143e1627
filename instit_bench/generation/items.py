"""Instructions to items: conversations in the benchmark's format, with every choice from a seed.

What is left to chance about an item depends on the seed, its caption and its line alone, so that
other captions, another order or a cap change no item.
"""

from __future__ import annotations

import random
import string
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from instit_bench.datasets.record import Record
from instit_bench.datasets.records import read_records
from instit_bench.generation import wording
from instit_bench.generation.captions import Caption
from instit_bench.generation.catalogue import FILE, Catalogue, CatalogueTool
from instit_bench.generation.checks import Check, problem_of
from instit_bench.generation.conversation import Conversation, Item, Provenance, Step
from instit_bench.generation.lines import Dropped, Instruction, Reason, has_format, read_reply
from instit_bench.generation.options import ItemOptions
from instit_bench.generation.replies import Reply
from instit_bench.scorers.tool_call.prompt import fold

T = TypeVar("T")

REPEATED, DUPLICATE = "request repeated (--filter)", "duplicate"
CHAIN_LENGTH, CAPPED = "no chain of the length asked for", "beyond a cap"
SHOWN = "more tools needed than --tools-shown allows"
_FOLDERS = ("image/", "images/", "examples/", "cache/", "")


@dataclass
class Made:
    """What was made of the replies, and what was dropped on the way."""

    items: list[Item] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    replies: int = 0
    lines: int = 0
    per_tool: Counter[str] = field(default_factory=Counter)  # lines that could be read
    refusals_offered: int = 0


def make_items(replies: Sequence[Reply], catalogue: Catalogue, options: ItemOptions) -> Made:
    """Make items.

    Raises:
        InputError: The file of refusals is not valid.
    """
    made = Made(replies=len(replies))
    read = [list(_read(reply, catalogue, made)) for reply in replies]
    builder = _Builder(catalogue, options)
    built = _without_repeats(
        (
            found
            for instructions in read
            for one in instructions
            for found in _built(builder, one, instructions)
        ),
        options,
        made,
    )
    kept = list(_capped(_shuffled(built, options.seed, "items"), options, made))
    captions = [reply.caption for reply in replies]
    kept += _refusals(builder, captions, len(kept), made)
    check = Check(catalogue)
    targets = (target for item in kept for target in _targets(item, options))
    for item in _shuffled(list(targets), options.seed, "order"):
        if (problem := problem_of(item, check)) is None:
            made.items.append(item)
        else:
            made.dropped.append(_dropped(item, problem.reason, problem.detail))
    return made


def _read(reply: Reply, catalogue: Catalogue, made: Made) -> Iterator[Instruction]:
    if reply.text is None:
        found = Dropped(reply.caption.number, 0, Reason.NO_REPLY, "", reply.error or "")
        made.dropped.append(found)
        return
    for line in read_reply(reply.text, reply.caption, catalogue):
        made.lines += isinstance(line, Instruction) or line.line > 0
        if isinstance(line, Dropped):
            made.dropped.append(line)
        else:
            made.per_tool[line.tool.name] += 1
            yield line


def _built(
    builder: _Builder, one: Instruction, others: Sequence[Instruction]
) -> Iterator[Item | Dropped]:
    item = builder.item(one, others)
    text = f"{one.request}, [{one.tool.name}, …]"
    if isinstance(item, str):
        yield Dropped(one.caption.number, one.line, item, text)
    else:
        yield item


def _without_repeats(
    found: Iterable[Item | Dropped], options: ItemOptions, made: Made
) -> list[Item]:
    """Keep the first of equal items, and with ``filter`` the first of equal requests."""
    seen: dict[object, str] = {}
    kept = []
    for item in found:
        if isinstance(item, Dropped):
            made.dropped.append(item)
            continue
        request = fold(item.conversation.request)
        calls = tuple((s.tool, tuple(map(fold, s.arguments[1:]))) for s in item.conversation.steps)
        same = (request, calls, item.conversation.caption, item.provenance.caption)
        for key, reason in ((same, DUPLICATE), *(((request, REPEATED),) if options.filter else ())):
            if key in seen:
                made.dropped.append(_dropped(item, reason, f"of {seen[key]}"))
                break
        else:
            seen.setdefault(same, item.id)
            seen.setdefault(request, item.id)
            kept.append(item)
    return kept


def _capped(items: Iterable[Item], options: ItemOptions, made: Made) -> Iterator[Item]:
    images: set[int | None] = set()
    tools: Counter[str] = Counter()
    count = 0
    for item in items:
        tool, image = item.tools[-1], item.provenance.caption
        problem = (
            ("--max-items" if _reached(options.max_items, count) else "")
            or ("--max-per-tool" if _reached(options.max_per_tool, tools[tool]) else "")
            or (
                "--max-images"
                if image not in images and _reached(options.max_images, len(images))
                else ""
            )
        )
        if problem:
            made.dropped.append(_dropped(item, CAPPED, problem))
            continue
        images.add(image)
        tools[tool] += 1
        count += 1
        yield item


def _reached(most: int | None, count: int) -> bool:
    return most is not None and count >= most


def _dropped(item: Item, reason: str, detail: str) -> Dropped:
    origin = item.provenance
    text = f"{item.conversation.request[:200]} [{', '.join(item.tools) or 'no tool'}]"
    return Dropped(origin.caption or 0, origin.line, reason, text, detail)


def _targets(item: Item, options: ItemOptions) -> list[Item]:
    """Return an item per target that is asked for."""
    turns = item.conversation.turns
    if options.target == "chain":
        return [item]
    if options.target == "complement":
        return [item.with_turn(_random(options.seed, item.id, "turn").randrange(turns))]
    return [item.with_turn(turn) for turn in range(turns)]


def _refusals(builder: _Builder, captions: Sequence[Caption], items: int, made: Made) -> list[Item]:
    options = builder.options
    if options.refusals is None:
        return []
    offered: dict[str, Refusal] = {}
    for refusal in _refusal_records(options.refusals):
        made.refusals_offered += 1
        first = offered.setdefault(fold(refusal.request), refusal)
        reason, detail = _unsound(refusal)
        if first is not refusal:
            reason, detail = DUPLICATE, f"of r{first.number}"
        elif reason:
            del offered[fold(refusal.request)]
        if reason:
            text = refusal.request[:200]
            made.dropped.append(Dropped(0, 0, reason, f"r{refusal.number}: {text}", detail))
    wanted = min(round(items * options.refusal_ratio), len(offered))
    chosen = _shuffled(list(offered.values()), options.seed, "refusals")[:wanted]
    return [builder.refusal(one, captions) for one in sorted(chosen, key=lambda one: one.number)]


def _unsound(refusal: Refusal) -> tuple[str, str]:
    """Return why a request that needs no tool cannot be used; nothing if it can."""
    if not refusal.request or not refusal.answer:
        return Reason.EMPTY_ARGUMENT, "request or answer is empty"
    return (Reason.FORMAT_WORDS, "") if has_format(refusal.request, refusal.answer) else ("", "")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that needs no tool, and its answer."""

    number: int
    request: str
    answer: str


def _refusal_records(path: Path) -> Iterator[Refusal]:
    """Yield the records of a file in Alpaca's form: ``instruction, input, output``."""
    for number, fields in enumerate(read_records(path), start=1):
        record = Record(fields, f"{path}: record {number}")
        more = fields.get("input") is not None
        asked = [
            record.text("instruction"),
            record.text("input", may_be_empty=True) if more else "",
        ]
        answer = record.text("output", may_be_empty=True).strip()
        yield Refusal(number, " ".join(" ".join(asked).split()), answer)


@dataclass(frozen=True)
class _Builder:
    """Makes conversations of instructions."""

    catalogue: Catalogue
    options: ItemOptions

    def item(self, one: Instruction, others: Sequence[Instruction]) -> Item | str:
        """Return the item of an instruction, or why there is none."""
        rng = _random(self.options.seed, one.caption.number, one.line)
        lines = self._chain(one, others, rng)
        if lines is None:
            return CHAIN_LENGTH
        image = _image_name(rng) if one.tool.needs_image or rng.random() < 0.5 else None
        steps = self._steps(lines, image, rng)
        tools = self._offered({step.tool for step in steps}, rng)
        if tools is None:
            return SHOWN
        requests = [line.request for line in lines]
        return Item(
            id=f"{one.caption.number}-{one.line}",
            conversation=Conversation(
                tools=tools,
                image=image,
                caption=one.caption.text if image else None,
                request=_joined(requests),
                steps=steps,
                answer=steps[-1].observation,
            ),
            provenance=Provenance(
                catalogue=self.catalogue.digest,
                seed=self.options.seed,
                caption=one.caption.number,
                image=one.caption.file_name,
                line=one.line,
                joined=tuple(line.line for line in lines[1:]),
            ),
        )

    def refusal(self, refusal: Refusal, captions: Sequence[Caption]) -> Item:
        """Return an item that needs no tool; half of them talk of an image before."""
        rng = _random(self.options.seed, "refusal", refusal.number)
        caption = rng.choice(captions) if captions and rng.random() < 0.5 else None
        return Item(
            id=f"r{refusal.number}",
            conversation=Conversation(
                tools=self._offered(set(), rng) or (),
                image=_image_name(rng) if caption else None,
                caption=caption.text if caption else None,
                request=refusal.request,
                answer=refusal.answer,
            ),
            provenance=Provenance(
                catalogue=self.catalogue.digest,
                seed=self.options.seed,
                caption=caption.number if caption else None,
                image=caption.file_name if caption else None,
                record=refusal.number,
            ),
        )

    def _chain(
        self, one: Instruction, others: Sequence[Instruction], rng: random.Random
    ) -> list[Instruction] | None:
        """Return the instructions that make a chain of a random length that is asked for.

        The tools that a tool needs first count. A chain grows by other lines of the same caption
        whose tool works on the image that results.
        """
        lines, length = [one], self._length(one)
        if self.options.chains is None:
            return lines
        low, high = self.options.chains
        if length > high:
            return None
        wanted = rng.randint(max(low, length), high)
        more = [line for line in others if line.line != one.line and line.tool.needs_image]
        rng.shuffle(more)
        for line in more:
            grown = length + self._length(line)
            if grown <= wanted and lines[-1].tool.result == FILE and line.tool != lines[-1].tool:
                lines.append(line)
                length = grown
        return lines if length >= low else None

    def _length(self, line: Instruction) -> int:
        return len(self.catalogue.chain(line.tool.name))

    def _steps(
        self, lines: Sequence[Instruction], image: str | None, rng: random.Random
    ) -> tuple[Step, ...]:
        steps: list[Step] = []
        current = image or ""
        for line in lines:
            for tool in self.catalogue.chain(line.tool.name):
                own = line.arguments if tool is line.tool else ()
                result = _image_name(rng)
                arguments = (current, *own) if tool.needs_image else own
                seen = _observation(tool, result, rng)
                steps.append(Step(tool=tool.name, arguments=arguments, observation=seen))
                current = result
        return tuple(steps)

    def _offered(self, needed: set[str], rng: random.Random) -> tuple[str, ...] | None:
        """Return the tools to offer: those needed and random others, shuffled.

        ``None`` if more are needed than may be shown.
        """
        low, high = self.options.tools_shown
        if len(needed) > high:
            return None
        count = max(rng.randint(low, high), len(needed))
        others = [name for name in self.catalogue.tools if name not in needed]
        more = min(count - len(needed), len(others))
        offered = sorted(needed) + rng.sample(others, more)
        rng.shuffle(offered)
        return tuple(offered)


def _observation(tool: CatalogueTool, result: str, rng: random.Random) -> str:
    if tool.result != FILE:
        return tool.result
    return f"{wording.SAVED_AS}{result}" if rng.random() < 0.5 else result


def _joined(requests: Sequence[str]) -> str:
    """Return several requests as one."""
    text = requests[0]
    for request in requests[1:]:
        end = "" if text.endswith((".", "!", "?")) else "."
        text = f"{text}{end} {wording.THEN}{request}"
    return text


def _image_name(rng: random.Random) -> str:
    letters = "".join(rng.choices(string.ascii_lowercase, k=8))
    return f"{rng.choice(_FOLDERS)}{letters}.png"


def _random(*parts: object) -> random.Random:
    # Python seeds from text by its SHA-512, which is the same on every machine.
    return random.Random("/".join(map(str, parts)))  # noqa: S311


def _shuffled(values: Sequence[T], seed: int, purpose: str) -> list[T]:
    shuffled = list(values)
    _random(seed, purpose).shuffle(shuffled)
    return shuffled

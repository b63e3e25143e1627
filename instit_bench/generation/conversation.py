"""A generated conversation, and the items that are cut from it."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from instit_bench.generation import wording
from instit_bench.generation.catalogue import Catalogue


class Step(BaseModel):
    """A call with all its arguments, and what the tool returns."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tool: str
    arguments: tuple[str, ...]
    observation: str


class Conversation(BaseModel):
    """What an item's texts are made of; with another catalogue it gives the same item in others.

    ``tools`` are offered, in this order. ``image`` and ``caption`` are those of the turn before the
    request, if there is one. Without ``steps`` no tool is needed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tools: tuple[str, ...]
    image: str | None = None
    caption: str | None = None
    request: str
    steps: tuple[Step, ...] = ()
    answer: str

    @property
    def turns(self) -> int:
        """The number of the assistant's turns."""
        return len(self.steps) + 1


class Provenance(BaseModel):
    """Where an item is from.

    ``caption`` is the caption's number and ``line`` that of the reply's line (0: a refusal, whose
    ``record`` is the number in its file); ``image`` is the caption's own file name, if any.
    ``turn`` is the assistant's turn that is the target, from 0; without it, it is all of them.
    ``joined`` names the further lines whose requests were appended.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    catalogue: str
    seed: int
    caption: int | None = None
    image: str | None = None
    line: int = 0
    joined: tuple[int, ...] = ()
    record: int | None = None
    turn: int | None = None


class Item(BaseModel):
    """An item with everything that it was made of: a line of ``items.jsonl``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    conversation: Conversation
    provenance: Provenance

    @property
    def called(self) -> tuple[str, ...]:
        """The tools that its target calls."""
        turn, steps = self.provenance.turn, self.conversation.steps
        chosen = steps if turn is None else steps[turn : turn + 1]
        return tuple(step.tool for step in chosen)

    @property
    def tools(self) -> tuple[str, ...]:
        """The tools of its whole conversation."""
        return tuple(step.tool for step in self.conversation.steps)

    def with_turn(self, turn: int) -> Item:
        """Return the item whose target is one turn."""
        origin = self.provenance.model_copy(update={"turn": turn})
        return Item(id=f"{self.id}-t{turn}", conversation=self.conversation, provenance=origin)


@dataclass(frozen=True, slots=True)
class Texts:
    """An item in the benchmark's form."""

    instruction: str
    output: str


def render(item: Item, catalogue: Catalogue) -> Texts:
    """Return an item's prompt and target."""
    told, turn = item.conversation, item.provenance.turn
    context = None if told.image is None else (told.image, told.caption or "")
    begun = wording.prompt([catalogue.tools[name] for name in told.tools], context, told.request)
    calls = [wording.call(step.tool, step.arguments) for step in told.steps]
    final = wording.answer(told.answer)
    if turn is None:
        done = zip(calls, told.steps, strict=True)
        return Texts(begun, "".join(f"{c}{s.observation}\n" for c, s in done) + final)
    for made, step in zip(calls[:turn], told.steps, strict=False):
        begun += f"{made.rstrip()} {step.observation}\n"
    return Texts(begun, [*calls, final][turn])


def messages(item: Item, catalogue: Catalogue) -> list[dict[str, str]]:
    """Return an item as ``role, content`` turns; what a tool returns is a turn of the user."""
    texts, told = render(item, catalogue), item.conversation
    turns = [("user", texts.instruction)]
    if item.provenance.turn is not None:
        turns.append(("assistant", texts.output))
    else:
        for step in told.steps:
            turns.append(("assistant", wording.call(step.tool, step.arguments)))
            turns.append(("user", step.observation))
        turns.append(("assistant", wording.answer(told.answer)))
    return [{"role": role, "content": content} for role, content in turns]


def renamed(item: Item, names: dict[str, str], digest: str) -> Item:
    """Return the item with other names of its tools, from the catalogue with this digest."""
    told = item.conversation
    steps = tuple(step.model_copy(update={"tool": names[step.tool]}) for step in told.steps)
    tools = tuple(names[name] for name in told.tools)
    return Item(
        id=item.id,
        conversation=told.model_copy(update={"tools": tools, "steps": steps}),
        provenance=item.provenance.model_copy(update={"catalogue": digest}),
    )

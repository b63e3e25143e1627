"""Questions about one image, with answers derived from its scene."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from drawing import PALETTE, SHAPES, Scene, Thing

SIDES = ("to the left of", "to the right of", "above", "below")
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight")
COLOURED_PARTS = {
    "boat": "the hull of ",
    "house": "the walls of ",
    "lamp": "the shade of ",
    "person": "the shirt of ",
    "tree": "the crown of ",
}


@dataclass(frozen=True, slots=True)
class Question:
    """A question in both formats: ``value`` fills in both ``option`` and ``sentence``.

    ``others`` are at least three false values, from which the wrong options are drawn.
    """

    text: str
    value: str
    others: tuple[str, ...]
    sentence: str
    option: str = "{}"

    def __post_init__(self) -> None:
        if self.value in self.others or len(set(self.others)) < 3:
            raise ValueError(f"no three false values for: {self.text}")

    @property
    def right_option(self) -> str:
        """The right option of the multiple-choice form."""
        return self.option.format(self.value)

    @property
    def answer(self) -> str:
        """The reference answer of the open-ended form."""
        return self.sentence.format(self.value)


def without(value: str, pool: Iterable[str]) -> tuple[str, ...]:
    """Return all values of a pool except one."""
    return tuple(other for other in pool if other != value)


def _tags(things: Iterable[Thing]) -> list[str]:
    return [thing.tag for thing in things]


def only(things: Iterable[Thing]) -> Thing:
    """Return the only matching thing; ValueError if none or several match."""
    found = list(things)
    if len(found) != 1:
        raise ValueError(f"expected one matching thing, found {len(found)}: {_tags(found)}")
    return found[0]


def _clear_maximum(things: Iterable[Thing], measure: Callable[[Thing], float]) -> Thing:
    second, first = sorted(things, key=measure)[-2:]
    if measure(first) - measure(second) < 8:
        raise ValueError(f"{first.tag} and {second.tag} are too close to tell apart")
    return first


def _with_article(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _name(thing: Thing) -> str:
    if thing.kind == "person":
        return f"person in {_with_article(thing.colour)} shirt"
    return f"{thing.colour} {thing.kind}"


def _side(thing: Thing, other: Thing) -> str:
    across, down = thing.x - other.x, thing.y - other.y
    if min(abs(across), abs(down)) > 10 or max(abs(across), abs(down)) < 30:
        raise ValueError(f"{thing.tag} is not clearly on one side of {other.tag}")
    if abs(across) > abs(down):
        return "to the left of" if across < 0 else "to the right of"
    return "above" if down < 0 else "below"


def colour(scene: Scene, mark: int, moment: int | None = None) -> Question:
    """Ask for the colour of a thing, in a video at one moment."""
    thing = scene.thing(mark)
    subject = COLOURED_PARTS.get(thing.kind, "") + thing.tag
    when = f" at <{moment}>" if moment else ""
    return Question(
        text=f"What is the colour of {subject}{when}?",
        value=thing.colour,
        others=without(thing.colour, PALETTE),
        sentence=f"The colour of {subject}{when} is {{}}.",
    )


def identity(scene: Scene, mark: int) -> Question:
    """Ask what a thing is."""
    thing = scene.thing(mark)
    return Question(
        text=f"What is {thing.tag}?",
        value=thing.kind,
        others=without(thing.kind, SHAPES),
        option="a {}",
        sentence=f"{thing.tag} is a {{}}.",
    )


def relation(scene: Scene, mark: int, other: int, moment: int | None = None) -> Question:
    """Ask where a thing is relative to another, in a video at one moment."""
    thing, reference = scene.thing(mark), scene.thing(other)
    side = _side(thing, reference)
    when = f" at <{moment}>" if moment else ""
    return Question(
        text=f"Where is {thing.tag} in relation to {reference.tag}{when}?",
        value=side,
        others=without(side, SIDES),
        option=f"{{}} {reference.tag}",
        sentence=f"{thing.tag} is {{}} {reference.tag}{when}.",
    )


def count(scene: Scene, kind: str) -> Question:
    """Ask how many things of a kind there are."""
    plural = "people" if kind == "person" else f"{kind}s"
    number = sum(thing.kind == kind for thing in scene.things)
    return Question(
        text=f"How many of the marked objects are {plural}?",
        value=NUMBERS[number],
        others=without(NUMBERS[number], NUMBERS[max(number - 2, 0) : number + 3]),
        sentence=f"The number of marked {plural} is {{}}.",
    )


def naming(scene: Scene, mark: int) -> Question:
    """Ask which thing matches a description."""
    name = _name(scene.thing(mark))
    thing = only(thing for thing in scene.things if _name(thing) == name)
    return Question(
        text=f"Which marked object is {_with_article(name)}?",
        value=thing.tag,
        others=without(thing.tag, _tags(scene.things)),
        sentence=f"{{}} is {_with_article(name)}.",
    )


def highest(scene: Scene) -> Question:
    """Ask which thing is nearest to the top edge."""
    thing = _clear_maximum(scene.things, lambda thing: -thing.y)
    return Question(
        text="Which mark is nearest to the top edge of the picture?",
        value=thing.tag,
        others=without(thing.tag, _tags(scene.things)),
        sentence="{} is nearest to the top edge of the picture.",
    )


def rightmost(scene: Scene) -> Question:
    """Ask which thing is furthest to the right."""
    thing = _clear_maximum(scene.things, lambda thing: thing.x)
    return Question(
        text="Which mark is furthest to the right?",
        value=thing.tag,
        others=without(thing.tag, _tags(scene.things)),
        sentence="{} is furthest to the right.",
    )


def nearest(scene: Scene, mark: int) -> Question:
    """Ask which thing is nearest to another."""
    reference = scene.thing(mark)
    rest = [thing for thing in scene.things if thing != reference]
    thing = _clear_maximum(
        rest, lambda thing: -(((thing.x - reference.x) ** 2 + (thing.y - reference.y) ** 2) ** 0.5)
    )
    return Question(
        text=f"Which mark is nearest to {reference.tag}?",
        value=thing.tag,
        others=without(thing.tag, _tags(rest)),
        sentence=f"{{}} is nearest to {reference.tag}.",
    )


def same_colour(scene: Scene, mark: int) -> Question:
    """Ask which other thing has the same colour."""
    reference = scene.thing(mark)
    rest = [thing for thing in scene.things if thing != reference]
    thing = only(thing for thing in rest if thing.colour == reference.colour)
    return Question(
        text=f"Which other marked object has the same colour as {reference.tag}?",
        value=thing.tag,
        others=without(thing.tag, _tags(rest)),
        sentence=f"{{}} has the same colour as {reference.tag}.",
    )


def largest(scene: Scene, kind: str) -> Question:
    """Ask which thing of a kind is the largest."""
    alike = [thing for thing in scene.things if thing.kind == kind]
    thing = _clear_maximum(alike, lambda thing: thing.radius)
    return Question(
        text=f"Which mark is on the largest {kind}?",
        value=thing.tag,
        others=without(thing.tag, _tags(alike)),
        sentence=f"{{}} is on the largest {kind}.",
    )

"""Where two replies part, and how close the model was to the other token there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from instit_bench.types import Tokens

END, NOT_KEPT = "the end", "not kept"


@dataclass(frozen=True, slots=True)
class Side:
    """One run's token at the place; ``margin`` is how much likelier it was than ``other``.

    In natural units of log-probability; negative if another token was likelier than the chosen.
    """

    token: str
    margin: float | None
    other: str | None


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first token that differs, counted from 1, on both sides.

    ``drift`` is the largest change of a log-probability among the tokens before it.
    """

    place: int
    a: Side
    b: Side
    drift: float

    def is_tie(self, most: float) -> bool:
        """Whether rounding explains it: each run's token was the other's close second."""
        margins = [side.margin for side in (self.a, self.b) if side.margin is not None]
        swapped = (self.a.other, self.b.other)
        met = self.b.token == swapped[0] or self.a.token == swapped[1]
        one_sided = any(side.token in (END, NOT_KEPT) for side in (self.a, self.b))
        close = bool(margins) and all(0 <= margin <= most for margin in margins)
        return close and (met or one_sided) and self.drift <= most

    @property
    def told(self) -> str:
        """The evidence in words."""
        sides = f"{_told('A', self.a)}; {_told('B', self.b)}"
        drift = f"; up to {self.drift:.3g} nats apart before" if self.place > 1 else ""
        return f"token {self.place}: {sides}{drift}"


def find_divergence(a: Tokens | None, b: Tokens | None) -> Divergence | None:
    """Return where the tokens of two replies part; ``None`` if that is not known.

    One run's tokens are enough only if the ids of both tell where.
    """
    if a is None or b is None or not (a.texts or b.texts):
        return None
    by_id = bool(a.ids and b.ids)
    if not by_id and not (a.texts and b.texts):
        return None
    before: Sequence[object] = a.ids if by_id else a.texts
    after: Sequence[object] = b.ids if by_id else b.texts
    differ = (n for n, (x, y) in enumerate(zip(before, after, strict=False)) if x != y)
    shared = next(differ, min(len(before), len(after)))
    if shared == len(before) == len(after):
        return None
    return Divergence(shared + 1, _side(a, shared), _side(b, shared), _drift(a, b, shared))


def _side(tokens: Tokens, place: int) -> Side:
    if place >= len(tokens.texts):
        return Side(END if tokens.texts else NOT_KEPT, None, None)
    own, other = tokens.logprobs[place], tokens.other_logprobs[place]
    margin = None if own is None or other is None else own - other
    return Side(tokens.texts[place], margin, tokens.others[place])


def _drift(a: Tokens, b: Tokens, shared: int) -> float:
    pairs = zip(a.logprobs[:shared], b.logprobs[:shared], strict=False)
    return max((abs(x - y) for x, y in pairs if x is not None and y is not None), default=0.0)


def _told(name: str, side: Side) -> str:
    if side.token == END:
        return f"{name} ends"
    if side.token == NOT_KEPT:
        return f"{name} kept no tokens"
    if side.margin is None:
        return f"{name} {side.token!r}"
    return f"{name} {side.token!r} by {side.margin:.3g} nats over {side.other!r}"

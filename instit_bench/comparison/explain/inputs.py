"""Whether a sample was asked the same in two runs: its prompt and its media."""

from __future__ import annotations

from dataclasses import dataclass

from instit_bench.comparison.explain.settings import SettingsPair
from instit_bench.runs.record import SampleRecord

_AROUND = 20  # characters shown on each side of the first difference
_ITEMS = 3  # media named

_NO_PROMPT = "the prompt is not kept in {}"
_NO_MEDIA = "the contents of media are not kept in {}"


@dataclass(frozen=True, slots=True)
class Inputs:
    """What differs in a sample's prompt and media, as evidence, and what is not known of them."""

    prompt: tuple[str, ...] = ()
    media: tuple[str, ...] = ()
    either: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def compare_inputs(a: SampleRecord, b: SampleRecord, settings: SettingsPair) -> Inputs:
    """Compare what the model was asked and shown; ``either`` cannot be told to be one or other."""
    prompt, media = _prompt(a, b), _media(a, b)
    prompt += tuple(map(str, settings.of("prompt"))) if prompt else ()
    media += tuple(map(str, settings.of("media"))) if media else ()
    either: tuple[str, ...] = ()
    if not (prompt or media):
        prompt, media, either = _rendered(a, b, settings)
    return Inputs(prompt, media, either, tuple(_unknown(a, b)))


def _prompt(a: SampleRecord, b: SampleRecord) -> tuple[str, ...]:
    if a.prompt is None or b.prompt is None:
        return (f"question: {_change(a.question, b.question)}",) if a.question != b.question else ()
    if a.prompt != b.prompt:
        return (f"prompt: {_change(a.prompt, b.prompt)}",)
    if a.asked and b.asked and a.asked != b.asked:
        return ("the same text with other roles, or media in other places",)
    return ()


def _change(a: str, b: str) -> str:
    """Quote both texts around the first difference."""
    place = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), None)
    first = min(len(a), len(b)) if place is None else place
    start, end = max(0, first - _AROUND), first + _AROUND
    quotes = (f"{'…' if start else ''}{text[start:end]}" for text in (a, b))
    return "{!r} against {!r} (character {})".format(*quotes, first + 1)


def _media(a: SampleRecord, b: SampleRecord) -> tuple[str, ...]:
    contents = bool(a.shown and b.shown)
    before, after = (a.shown, b.shown) if contents else (a.media, b.media)
    known = (before or a.prompt is not None) and (after or b.prompt is not None)
    if len(before) != len(after) and known:
        return (f"{len(before)} against {len(after)} images or frames",)
    return _contents(a, b) if contents else ()


def _contents(a: SampleRecord, b: SampleRecord) -> tuple[str, ...]:
    changed = [n for n, (x, y) in enumerate(zip(a.shown, b.shown, strict=True)) if x != y]
    if not changed:
        return ()
    if sorted(a.shown) == sorted(b.shown):
        return (f"the same {len(a.shown)} images or frames in another order",)
    named = ", ".join(
        f"{_name(a, n)}: {_content(a.shown[n], b.shown[n])}" for n in changed[:_ITEMS]
    )
    more = ", …" if len(changed) > _ITEMS else ""
    return (f"{len(changed)} of {len(a.shown)} differ: {named}{more}",)


def _name(record: SampleRecord, number: int) -> str:
    names = record.media if len(record.media) == len(record.shown) else []
    return names[number].replace("\\", "/").rpartition("/")[2] if names else f"no. {number + 1}"


def _content(a: str, b: str) -> str:
    """The sizes if they differ, else the digests."""
    sizes = a.rpartition(" ")[0], b.rpartition(" ")[0]
    return f"{sizes[0]} against {sizes[1]}" if sizes[0] != sizes[1] else f"{a} against {b}"


def _rendered(
    a: SampleRecord, b: SampleRecord, settings: SettingsPair
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Compare what the engines made of the same text and media."""
    count_a, count_b = a.usage.prompt_tokens, b.usage.prompt_tokens
    counts = (
        f"{count_a} against {count_b} tokens" if count_a and count_b else "their number differs"
    )
    of_a, of_b = (record.tokens.prompt if record.tokens else None for record in (a, b))
    if of_a and of_b and of_a != of_b:
        what = f"the engine made other tokens of the same prompt ({counts}): template or tokenizer"
        return (what, *map(str, settings.of("prompt"))), (), ()
    if not (count_a and count_b) or count_a == count_b:
        return (), (), ()
    if of_a and of_b:
        what = f"the engine made {counts} of the same media"
        return (), (what, *map(str, settings.of("media"))), ()
    of_prompt, of_media = settings.of("prompt"), settings.of("media")
    what = f"the engine made {counts} of the same prompt"
    if not (a.media or a.shown) or (of_prompt and not of_media):
        return (f"{what}: template or tokenizer", *map(str, of_prompt)), (), ()
    if of_media and not of_prompt:
        return (), (f"{what} and media", *map(str, of_media)), ()
    text = "template, tokenizer, or how it prepares media; --logprobs tells them apart"
    return (), (), (f"{what} and media: {text}",)


def _unknown(a: SampleRecord, b: SampleRecord) -> list[str]:
    names = {"A": a, "B": b}
    found = []
    if without := [name for name, record in names.items() if record.prompt is None]:
        found.append(_NO_PROMPT.format(" and ".join(without)))
    lacking = [n for n, r in names.items() if not r.shown and (r.media or r.prompt is None)]
    if lacking and (a.media or b.media or a.shown or b.shown or a.prompt is None):
        found.append(_NO_MEDIA.format(" and ".join(lacking)))
    return found

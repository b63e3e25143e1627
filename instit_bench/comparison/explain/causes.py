"""Class a sample that changed between two runs: what did it, and the evidence for that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from instit_bench.comparison.explain.divergence import find_divergence
from instit_bench.comparison.explain.inputs import Inputs
from instit_bench.comparison.explain.settings import SettingsPair
from instit_bench.runs.record import SampleRecord
from instit_bench.types import State

Cause = Literal[
    "prompt", "media", "settings", "truncation", "parsing", "judge", "numerics", "unknown"
]
CAUSES: tuple[Cause, ...] = get_args(Cause)

TIE = 0.5
"""The largest margin that counts as a tie, in nats: the likelier token is 1.65 times as likely."""

# Settings that can only end a prediction earlier or later, which shows in it.
_OF_THE_END = ("stop", "max_tokens", "max_completion_tokens")
_HALF_CHARACTER = "\ufffd"
_ADVICE = "run with --logprobs"


@dataclass(frozen=True, slots=True)
class Found:
    """What changed a sample; several causes if they cannot be told apart."""

    causes: tuple[Cause, ...]
    evidence: tuple[str, ...]


def find_cause(
    a: SampleRecord, b: SampleRecord, settings: SettingsPair, inputs: Inputs, tie: float = TIE
) -> Found:
    """Class one sample whose score differs between two runs.

    In the order in which a sample passes through a run, from its end: the same prediction is
    ``parsing`` or ``judge``, whatever else differs. Then what was asked and shown, whether a
    prediction was cut, how it was sampled, and last the engine's numerics.
    """
    if _reply(a) == _reply(b):
        return _of_same_reply(a, b, settings)
    found = _of_other_reply(a, b, settings, inputs, tie)
    judges = settings.judges
    if not judges:
        return found
    return Found((*found.causes, "judge"), (*found.evidence, *map(str, judges)))


def _of_other_reply(
    a: SampleRecord, b: SampleRecord, settings: SettingsPair, inputs: Inputs, tie: float
) -> Found:
    if inputs.prompt or inputs.media:
        return _of_inputs(inputs, settings)
    if inputs.either:
        return Found(("unknown",), inputs.either)
    for found in (_truncated(a, b, settings), _stopped(a, b, settings), _sampled(settings)):
        if found is not None:
            return found
    return _numerics(a, b, settings, inputs, tie)


def _reply(record: SampleRecord) -> tuple[object, ...]:
    return record.prediction, tuple(record.tool_calls), record.refusal, record.official_text


def _of_same_reply(a: SampleRecord, b: SampleRecord, settings: SettingsPair) -> Found:
    if a.target != b.target:
        return Found(("parsing",), (f"the target: {a.target!r} against {b.target!r}",))
    cut = [record.to_prediction().cut_off for record in (a, b)]
    if cut[0] != cut[1] and a.extracted == b.extracted:
        reasons = f"{a.finish_reason} against {b.finish_reason}"
        return Found(("truncation",), (f"the same prediction with finish reason {reasons}",))
    if settings.judged is not None:
        scores = " against ".join(f"{r.scores[settings.judged]:g}" for r in (a, b))
        judges = tuple(map(str, settings.judges)) or ("the same judge and instructions",)
        return Found(("judge",), (f"the same prediction, judged {scores}", *judges))
    evidence = ["the same prediction", f"A: {_reading(a)}", f"B: {_reading(b)}"]
    evidence += map(str, settings.of("scoring"))
    return Found(("parsing",), tuple(evidence))


def _reading(record: SampleRecord) -> str:
    """How a prediction was read; many scorers read nothing out of it."""
    how = f" by {record.method}" if record.method else ""
    read = f"read as {record.extracted!r}{how}" if record.extracted is not None else ""
    if record.state is State.UNPARSED:
        read = read or "not read"
    reason = record.reason or record.details.get("difference")
    told = f" ({reason})" if isinstance(reason, str) else ""
    scores = ", ".join(f"{name} {value:g}" for name, value in record.scores.items())
    return f"{read}{told}: {scores or record.state.value}".removeprefix(": ")


def _of_inputs(inputs: Inputs, settings: SettingsPair) -> Found:
    """Several causes at once cannot be told apart."""
    causes: list[Cause] = []
    evidence = [*inputs.prompt, *inputs.media]
    causes += ["prompt"] if inputs.prompt else []
    causes += ["media"] if inputs.media else []
    if sampled := _sampled(settings):
        causes.append("settings")
        evidence += sampled.evidence
    return Found(tuple(causes), tuple(evidence))


def _truncated(a: SampleRecord, b: SampleRecord, settings: SettingsPair) -> Found | None:
    """One prediction was cut off at the token limit, and the other begins like it."""
    order = _beginning(a, b)
    if order is None:
        return None
    name, short, _ = order
    cut = short.to_prediction()
    if not cut.cut_off:
        return None
    limits = f"max_tokens {_limit(settings.a.limit)} against {_limit(settings.b.limit)}"
    size = short.usage.completion_tokens
    after = f" after {size} tokens" if size else ""
    return Found(("truncation",), (f"{name} was cut off{after}, the other goes on", limits))


def _limit(limit: int | None) -> str:
    return "unset" if limit is None else str(limit)


def _stopped(a: SampleRecord, b: SampleRecord, settings: SettingsPair) -> Found | None:
    """One prediction ends where the other goes on with a text that stops only the first."""
    order = _beginning(a, b)
    if order is None or set(settings.a.stop) == set(settings.b.stop):
        return None
    name, short, long = order
    own, others = settings.a.stop, settings.b.stop
    if name == "B":
        own, others = others, own
    start = len(_text(short))
    rest = (long.prediction or "")[max(0, start - max(map(len, own), default=0)) :]
    hits = [stop for stop in own if stop not in others and stop in rest]
    if not hits:
        return None
    text = f"{name} ends at its stop text {hits[0]!r}, the other goes on"
    stops = f"stop: {list(settings.a.stop)} against {list(settings.b.stop)}"
    return Found(("settings",), (text, stops))


def _beginning(a: SampleRecord, b: SampleRecord) -> tuple[str, SampleRecord, SampleRecord] | None:
    """Return the name of the run whose prediction is the beginning of the other's, and both."""
    texts = _text(a), _text(b)
    if len(texts[0]) < len(texts[1]) and texts[1].startswith(texts[0]):
        return "A", a, b
    if len(texts[1]) < len(texts[0]) and texts[0].startswith(texts[1]):
        return "B", b, a
    return None


def _text(record: SampleRecord) -> str:
    return (record.prediction or "").rstrip().rstrip(_HALF_CHARACTER)


def _sampled(settings: SettingsPair) -> Found | None:
    """Settings that act on every token differ."""
    found = [f for f in settings.of("sampling") if f.name not in _OF_THE_END]
    found += settings.of("weights")
    return Found(("settings",), tuple(map(str, found))) if found else None


def _numerics(
    a: SampleRecord, b: SampleRecord, settings: SettingsPair, inputs: Inputs, tie: float
) -> Found:
    """Nothing that is known differs, but the predictions do."""
    engines = tuple(map(str, settings.of("engine")))
    parted = find_divergence(a.tokens, b.tokens)
    if settings.known and settings.sampled:
        temperature = settings.a.temperature
        at = "the server's own temperature" if temperature is None else "a temperature other than 0"
        told = (parted.told,) if parted else ()
        return Found(("unknown",), (f"sampled with chance in both runs, at {at}", *told, *engines))
    if parted is None:
        return Found(("unknown",), tuple(_lacking(a, b, settings, inputs)))
    if parted.is_tie(tie):
        return Found(("numerics",), (f"a tie at {parted.told}", *engines, *inputs.unknown))
    return Found(("unknown",), (f"not a tie: {parted.told}", *engines, *inputs.unknown))


def _lacking(
    a: SampleRecord, b: SampleRecord, settings: SettingsPair, inputs: Inputs
) -> Iterator[str]:
    """What would have to be known."""
    engines = settings.of("engine")
    others = f", or {', '.join(found.name for found in engines)}" if engines else ""
    if inputs.unknown or not settings.known:
        yield f"no evidence kept; {_ADVICE}"
        yield from inputs.unknown
        if not settings.known:
            yield "the sampling settings of a prediction file are not known"
    elif lacking := [name for name, r in (("A", a), ("B", b)) if not (r.tokens and r.tokens.texts)]:
        kept = "no evidence kept" if len(lacking) > 1 else f"{lacking[0]} kept no tokens"
        yield f"numerics{others}: {kept}; {_ADVICE}"
    else:
        yield f"the tokens kept are equal ({len(a.tokens.texts) if a.tokens else 0})"
    if (order := _beginning(a, b)) is not None:
        name, short, _ = order
        told = short.finish_reason or "not kept"
        yield f"{name}'s prediction is the beginning of the other's; its finish reason: {told}"

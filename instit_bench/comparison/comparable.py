"""Whether two runs used the same protocol; otherwise their difference is not the model's."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from instit_bench.comparison.pairs import Pairs
from instit_bench.comparison.scored_run import TaskScores
from instit_bench.display import one_line
from instit_bench.runs.sample_scores import SampleScores, item_text
from instit_bench.scorers.registry import spec_of

UNKNOWN = "not known"
_IDS_NAMED = 3
# Settings that a protocol names only if they are not these.
_USUAL: Mapping[str, Any] = {"marks": "official", "masks": None, "renamed_marks": {}}


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A field of a task in which two runs differ, with both values."""

    task: str
    field: str
    a: str
    b: str

    def __str__(self) -> str:
        return one_line(f"{self.task}: {self.field}: {self.a} against {self.b}")


def mismatches(
    task: str, a: TaskScores, b: TaskScores, pairs: Pairs, metrics: Collection[str]
) -> list[Mismatch]:
    """Return every difference that prevents a comparison of these metrics.

    Model, backend, engine and precision are what is compared, so they may differ.
    """
    found = [*_mismatches(a, b, pairs), *_other_extraction(a, b, metrics)]
    return [Mismatch(task, *difference) for difference in found]


def caveats(a: TaskScores, b: TaskScores) -> list[str]:
    """Return what is unknown for both runs, and so may differ."""
    unknown = []
    if a.prompts == b.prompts == "unknown":
        unknown.append("which prompts were used (`instit-bench score --prompts` records it)")
    if "prompt_style" not in a.protocol | b.protocol:
        unknown.append("which settings were used (both are prediction files)")
    return [f"unknown for both runs: {what}" for what in unknown]


def _mismatches(a: TaskScores, b: TaskScores, pairs: Pairs) -> Iterator[tuple[str, str, str]]:
    if a.scorer != b.scorer:
        yield "scorer", a.scorer, b.scorer
    if a.intervention != b.intervention:
        yield "intervention", a.intervention or "none", b.intervention or "none"
    other_data = _differ(a.data_digest, b.data_digest)
    if other_data:
        yield "data", _digest(a.data_digest), _digest(b.data_digest)
    yield from _other_items(a.samples, b.samples, pairs)
    if a.prompts != b.prompts:
        yield "prompts", _known(a.prompts), _known(b.prompts)
    elif not other_data and _differ(a.prompt_digest, b.prompt_digest):  # other data, other prompts
        yield "prompt texts", _digest(a.prompt_digest), _digest(b.prompt_digest)
    yield from _other_protocol(a.protocol, b.protocol)


def _other_items(a: SampleScores, b: SampleScores, pairs: Pairs) -> Iterator[tuple[str, str, str]]:
    other = [(n, m) for n, m in pairs if a.items[n] != b.items[m]]
    if other:
        more = ", …" if len(other) > _IDS_NAMED else ""
        named = ", ".join(a.ids[n] for n, _ in other[:_IDS_NAMED]) + more
        count = f"question or target of {len(other)} of {len(pairs)} shared samples ({named})"
        n, m = other[0]
        yield count, item_text(a.items[n]), item_text(b.items[m])


def _other_protocol(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield settings with other values, then on one line those that only one of the two has."""
    a, b = _told_in_full(a, b), _told_in_full(b, a)
    for name in a:
        if name in b and a[name] != b[name]:
            yield name, _value(a[name]), _value(b[name])
    only_a, only_b = [n for n in a if n not in b], [n for n in b if n not in a]
    if only_a or only_b:
        yield ", ".join(only_a + only_b), _told(a, only_a), _told(b, only_b)


def _told_in_full(protocol: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any]:
    """Add the usual settings that the other protocol names otherwise; a file's are not known."""
    if "prompt_style" not in protocol:
        return protocol
    return {name: value for name, value in _USUAL.items() if name in other} | dict(protocol)


def _other_extraction(
    a: TaskScores, b: TaskScores, metrics: Collection[str]
) -> Iterator[tuple[str, str, str]]:
    """Letters that different judges extracted, or only one, concern the metric that counts them."""
    extraction = spec_of(a).extraction
    if extraction is None or extraction.metric not in metrics:
        return
    (judge_a, text_a), (judge_b, text_b) = _extracted_by(a), _extracted_by(b)
    if judge_a != judge_b:
        yield f"{extraction.metric}: letters extracted by", judge_a, judge_b
    elif text_a != text_b:
        yield f"{extraction.metric}: the judge's instructions", _digest(text_a), _digest(text_b)


def _extracted_by(task: TaskScores) -> tuple[str, str | None]:
    extraction = task.extraction or {}
    return extraction.get("judge", "nobody"), extraction.get("instructions")


def _told(protocol: Mapping[str, Any], names: list[str]) -> str:
    return ", ".join(_value(protocol[name]) for name in names) if names else UNKNOWN


def _differ(a: str | None, b: str | None) -> bool:
    return a is not None and b is not None and a != b


def _digest(value: str | None) -> str:
    return UNKNOWN if value is None else value[:12]


def _known(value: str) -> str:
    return UNKNOWN if value == "unknown" else value


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "unset" if value is None else str(value)

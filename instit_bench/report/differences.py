"""Why the official figure and the strict one differ, in groups that can be counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from instit_bench.runs.record import SampleRecord

# A difference up to where it speaks of the one sample; what stands in quotes is skipped.
_GENERAL_PART = re.compile(r"(?:(?<=\s)'[^']*'|[^;:(])*")


def difference_groups(records: Iterable[SampleRecord], scorer: str) -> list[tuple[str, int]]:
    """Each reason for a difference and how many samples have it, the commonest first."""
    reasons = (_reason(record, scorer) for record in records if record.details.get("difference"))
    return Counter(reasons).most_common()


def _reason(record: SampleRecord, scorer: str) -> str:
    if scorer == "choice":
        return _choice_reason(record)
    difference = str(record.details["difference"])
    general = _GENERAL_PART.match(difference)
    return (general[0] if general else difference).strip()


def _choice_reason(record: SampleRecord) -> str:
    official = record.details.get("official_extracted")
    if record.extracted and official:
        return "the first capital A to D in the reply, which official takes, is not its answer"
    if record.extracted:
        return "official finds no capital A to D and leaves the sample out; strict reads an answer"
    if official:
        return "the reply gives no answer; official takes a capital letter in it for one"
    return "neither finds an answer: strict counts it as wrong, official leaves it out"

"""What kind of question a sample asks, read off its text: for grouping flips and plots.

Neither benchmark labels its questions. Inst-IT Bench names objects as ``[3]`` and moments as
``<7>`` (1-based frames), GPT4Tools' gold output names the tools to call; the kinds follow.
"""

from __future__ import annotations

import re

from instit_bench.runs.record import SampleRecord

_OBJECT = re.compile(r"\[(\d+)\]")
_MOMENT = re.compile(r"<(\d{1,6})>")  # longer ones are no frames
_CALL = re.compile(r"^\s*Action:[ \t]*(\S.*?)\s*$", re.MULTILINE)


def question_kind(record: SampleRecord, scorer: str, media: str) -> str:
    """A short label: the gold tool, or how many objects (and in videos moments) are named."""
    if scorer == "tool_call":
        return _tools(record.target)
    objects = _count(_OBJECT, record.question, ("no object", "one object", "several objects"))
    if media != "video":
        return objects
    moments = _count(_MOMENT, record.question, ("whole video", "one moment", "several moments"))
    return f"{objects}, {moments}"


def first_moment(record: SampleRecord) -> int | None:
    """The first frame (1-based) that the question names; ``None`` where it names none."""
    found = _MOMENT.search(record.question)
    return int(found[1]) if found else None


def _count(pattern: re.Pattern[str], text: str, names: tuple[str, str, str]) -> str:
    return names[min(len(set(pattern.findall(text))), 2)]


def _tools(target: str) -> str:
    tools = _CALL.findall(target)
    if not tools:
        return "no tool"
    return tools[0] if len(tools) == 1 else "several calls"

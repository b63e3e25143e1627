"""The specification of tool-call scoring."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from instit_bench.scorers.base import Matrix, ScoredRecord, ScorerSpec

if TYPE_CHECKING:
    from instit_bench.scorers.tool_call.scorer import ToolCallScorer

_CALL = re.compile(r"^\s*Action:[ \t]*(\S.*?)\s*$", re.MULTILINE)
_INPUT = re.compile(r"^New input:[ \t]*(\S.*)$", re.MULTILINE)  # GPT4Tools' own words


def _tools(record: ScoredRecord, media: str) -> str:  # noqa: ARG001 - one signature
    """Return the tool that the target calls."""
    tools = _CALL.findall(record.target)
    if not tools:
        return "no tool"
    return tools[0] if len(tools) == 1 else "several calls"


def _input(prompt: str) -> str | None:
    """Return the user's input in a GPT4Tools prompt, which is pages long; the last if several."""
    found = _INPUT.findall(prompt)
    return str(found[-1]) if found else None


def _scorer() -> ToolCallScorer:
    from instit_bench.scorers.tool_call.scorer import ToolCallScorer  # slow to import

    return ToolCallScorer()


TOOL_CALL = ScorerSpec(
    name="tool_call",
    make=lambda _: _scorer(),
    metrics=frozenset(
        {"sr", "sr_thought", "sr_action", "sr_args", "iou", "strict_sr", "args_exact"}
        | {"format_error_rate", "over_call_rate", "under_call_rate"}
        | {"hallucinated_tool_rate", "hallucinated_file_rate"}
    ),
    official="sr",
    strict="strict_sr",
    also_official=frozenset({"sr_thought", "sr_action", "sr_args", "iou"}),
    question_kind=_tools,
    tables=lambda scored: _scorer().tables(scored),
    matrices=(
        Matrix(
            table="confusion",
            title="confusion between tools",
            description="Rows are the target tool, columns the predicted one, over aligned calls. "
            "A cell's shade is its share of the row.",
        ),
    ),
    user_input=_input,
    outcome="pairs",
    offers_tools=True,
)

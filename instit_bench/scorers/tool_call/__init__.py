"""Score tool calls in the GPT4Tools format: official and strict."""

from instit_bench.scorers.tool_call.scorer import ToolCallScorer

__all__ = ["ToolCallScorer"]

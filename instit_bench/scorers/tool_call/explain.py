"""Explain in one sentence why the official and the strict success differ on a sample."""

from __future__ import annotations

from collections.abc import Sequence

from instit_bench.scorers.tool_call.align import Match, Pair
from instit_bench.scorers.tool_call.calls import ParseError, Reply
from instit_bench.scorers.tool_call.official import OfficialScore


def explain_difference(
    official: OfficialScore, reply: Reply | ParseError, pairs: Sequence[Pair]
) -> str:
    """Return the deciding reason; call this only if the two successes differ."""
    if official.success:
        return _too_kind(reply, pairs)
    return _too_harsh(official, reply, pairs)


def _too_kind(reply: Reply | ParseError, pairs: Sequence[Pair]) -> str:
    """Official counts a success that strict does not."""
    if isinstance(reply, ParseError):
        return f"official finds its patterns in a reply that cannot be read: {reply.message}"
    if reply.contradicts:
        called = ", ".join(call.name for call in reply.calls)
        return f"official overlooks that the reply calls a tool after saying No (calls: {called})"
    wrong = next((pair for pair in pairs if pair.arguments is Match.WRONG), None)
    if wrong is None or wrong.gold is None or wrong.predicted is None or not wrong.same_tool:
        return "official sees only calls in the exact format; the calls made are not the target's"
    return (
        "official accepts any .png name and averages over a call's pieces; "
        f"{wrong.predicted.raw_input!r} is not {wrong.gold.raw_input!r}"
    )


def _too_harsh(official: OfficialScore, reply: Reply | ParseError, pairs: Sequence[Pair]) -> str:
    """Strict counts a success that official does not; return the first reason found."""
    gold = [pair.gold for pair in pairs if pair.gold]
    written = reply.format if isinstance(reply, Reply) else "unreadable"
    if not gold:
        return (
            "official wants the thought to be exactly No and an 'AI: ' line; "
            f"the {written} reply declines in other words"
        )
    if official.thought < 1:
        return (
            "official wants 'Thought: Do I need to use a tool? Yes' before every call, letter for "
            f"letter; the {written} reply puts it otherwise"
        )
    if official.action < 1:
        return f"official wants 'Action: ' and the tool's name letter for letter ({written} reply)"
    if any(not call.raw_input for call in gold):
        return "the target input is empty, and official's BLEU-1 of two empty texts is 0"
    return (
        "official splits inputs at every comma, keeps case and compares words by BLEU-1; "
        "as whole arguments they match"
    )

"""A judge card in words, for the terminal, the leaderboard and reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from instit_bench.display import one_line
from instit_bench.runs.judge_card import JudgeCard
from instit_bench.types import Metric

if TYPE_CHECKING:
    from instit_bench.runs.results import TaskResult


def card_notes(tasks: Mapping[str, TaskResult]) -> Iterator[str]:
    """Yield one line per task with a judge card; one that does not apply says why."""
    for name, result in tasks.items():
        if (note := card_note(result)) is not None:
            yield one_line(f"{name}: {note}")


def card_note(result: TaskResult) -> str | None:
    """Return what a judge card says in one line, or why it does not apply; ``None`` without one."""
    card = result.card
    if card is None:
        return None
    if result.card_problem:
        return f"the judge card of {card.date} does not apply: {result.card_problem}"
    return (
        f"judge {card.judge}: bias {_value(card.bias, '+.1f')} points, agreement "
        f"{agreement_text(card)}; corrected {corrected_text(card)}; by {card.n} human scores, "
        f"{card.date}"
    )


def card_lines(card: JudgeCard) -> Iterator[tuple[str, str]]:
    """Yield all that a card says: scores in percent, differences in points."""
    yield "judge", f"{card.judge}, instructions {card.instructions[:12]}"
    yield "human scores", f"{card.n} in {card.clusters} images or videos, of {card.n_judged} judged"
    yield "bias", f"{_value(card.bias, '+.1f')} points (judge - human)"
    yield "mean error", f"{_value(card.error, '.1f')} points"
    yield "agreement", f"{agreement_text(card)} (quadratic kappa)"
    yield "judge's score", f"{100 * card.score:.1f} %"
    weight = "" if card.weight == 1 else f" (weight of the judge {card.weight:.2f})"
    yield "corrected score", f"{corrected_text(card)}{weight}"
    if card.binary is not None:
        found = card.binary
        share = "none: the judge is no better than chance"
        if found.corrected is not None:
            share = f"{_value(found.corrected, '.1f')} %"
        rates = f"sensitivity {found.sensitivity:.2f}, specificity {found.specificity:.2f}"
        yield "Rogan-Gladen", f"{share} ({rates})"


def agreement_text(card: JudgeCard) -> str:
    """Return kappa with its interval."""
    if card.kappa is None:
        return "not known, as no score differs from another"
    low_high = card.kappa_ci95
    interval = f" ({low_high[0]:.2f} to {low_high[1]:.2f})" if low_high else ""
    return f"{card.kappa:.2f}{interval}"


def corrected_text(card: JudgeCard) -> str:
    """Return the corrected score in percent with its interval."""
    return f"{_value(card.corrected, '.1f')} %"


def _value(metric: Metric, form: str) -> str:
    if metric.value is None:
        return "–"
    value = f"{100 * metric.value:{form}}"
    if metric.ci95 is None:
        return f"{value} (no interval)"
    low, high = (f"{100 * end:{form}}" for end in metric.ci95)
    return f"{value} ({low} to {high})"

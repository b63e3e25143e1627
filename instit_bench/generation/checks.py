"""Checks of every generated item: its target must be a perfect prediction of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from instit_bench.generation.catalogue import Catalogue
from instit_bench.generation.conversation import Item, Texts, render
from instit_bench.scorers.tool_call.prompt import file_names, read_prompt
from instit_bench.scorers.tool_call.scorer import ToolCallScorer
from instit_bench.types import Prediction, Sample, State

UNREADABLE = "the prompt is not read as it was made"
PLACEHOLDER = "names a file that the conversation does not mention"
NOT_PERFECT = "the target as prediction does not score 1"
_ALMOST = 1e-6  # the official BLEU-1 of equal texts misses 1 in the tenth digit


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an item is dropped."""

    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Check:
    """What items are checked against: the catalogue that their texts are made of."""

    catalogue: Catalogue
    scorer: ToolCallScorer = field(default_factory=ToolCallScorer)


def problem_of(item: Item, check: Check) -> Problem | None:
    """Return what is wrong with an item, if anything."""
    try:
        texts = render(item, check.catalogue)
        texts.instruction.encode(), texts.output.encode()
    except UnicodeEncodeError:
        return Problem(UNREADABLE, "holds half a character (a lone surrogate)")
    if (problem := _unreadable(item, texts)) is not None:
        return problem
    if named := _unmentioned(item, texts):
        return Problem(PLACEHOLDER, named)
    return _imperfect(item, texts, check.scorer)


def _unreadable(item: Item, texts: Texts) -> Problem | None:
    prompt = read_prompt(texts.instruction)
    names = tuple(tool.name for tool in prompt.tools)
    if names != item.conversation.tools:
        return Problem(UNREADABLE, f"tools {', '.join(names)[:100]}")
    if not prompt.new_input.startswith(item.conversation.request):
        return Problem(UNREADABLE, f"request {prompt.new_input[:100]!r}")
    return None


def _unmentioned(item: Item, texts: Texts) -> str:
    """Return a file that a call names before anything has mentioned it, or nothing."""
    known = set(read_prompt(texts.instruction).files)
    turn, steps = item.provenance.turn, item.conversation.steps
    for number, step in enumerate(steps):
        is_target = turn is None or number == turn
        for name in file_names(", ".join(step.arguments)) if is_target else ():
            if name not in known:
                return name
        known.update(file_names(step.observation))
    return ""


def _imperfect(item: Item, texts: Texts, scorer: ToolCallScorer) -> Problem | None:
    doc = {"id": item.id, "instruction": texts.instruction, "output": texts.output}
    sample = Sample(task="", id=item.id, doc=doc, target=texts.output, cluster=item.id)
    try:
        score = scorer.score(sample, Prediction(texts.output, finish_reason="stop"))
    except ValueError as error:
        return Problem(NOT_PERFECT, str(error)[:200])
    if score.state is not State.SCORED:
        return Problem(NOT_PERFECT, str(score.reason))
    return next((Problem(NOT_PERFECT, told) for told in _short_of_one(score.values)), None)


def _short_of_one(values: Mapping[str, float]) -> Iterator[str]:
    """Yield the metrics that are not perfect; rates count mistakes."""
    for name, value in values.items():
        wanted = 0.0 if name.endswith("_rate") else 1.0
        if abs(value - wanted) > _ALMOST:
            yield f"{name} is {value:.3f}"

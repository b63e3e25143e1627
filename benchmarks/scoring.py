"""CPU time per scored prediction.

``python -m benchmarks.scoring`` prints the least of several passes for short and long replies to
multiple choice, and for GPT4Tools, official alone and with the strict view. The prompts of every
pass are new, as in a run, where each is read once.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from instit_bench.resources import demo_data
from instit_bench.scorers.choice.scorer import ChoiceScorer
from instit_bench.scorers.tool_call.official import score_official
from instit_bench.scorers.tool_call.scorer import ToolCallScorer
from instit_bench.types import Prediction, Sample

REAL = Path(__file__).parents[2] / "shared/data/gpt4tools/gpt4tools_test_unseen.json"
SHORT = (
    *("The answer is B.", "B.", "(B)", "Answer: B", "**B**", "B) It walks.", "Option B"),
    *("The correct answer is B.", "I choose B.", "b"),
)
CHOICES = tuple(f"It walks to the {place}." for place in ("door", "window", "wall", "dog"))
SENTENCE = (
    "The man marked [1] walks to the door first, and as option {} says he takes the dog with him."
)
LONG = " ".join(SENTENCE.format("ABCD"[number % 4]) for number in range(15)) + " The answer is B."


def best(work: Callable[[int], object], items: int, passes: int = 7) -> float:
    """Return the microseconds per item of the fastest pass; ``work`` gets the pass's number."""
    times = []
    for number in range(passes):
        started = time.process_time()
        work(number)
        times.append(time.process_time() - started)
    return min(times) / items * 1e6


def choice(replies: Sequence[str], repeats: int) -> float:
    """Score replies to multiple choice."""
    doc = {"question": "What happens?", "options": dict(zip("ABCD", CHOICES, strict=True))}
    sample = Sample(task="t", id="1", doc=doc, target="B", cluster="1", choices=CHOICES)
    scorer = ChoiceScorer()

    def work(_: int) -> None:
        for _ in range(repeats):
            for reply in replies:
                scorer.score(sample, Prediction(reply))

    return best(work, repeats * len(replies))


def tools(official_alone: bool) -> float:
    """Score the targets as predictions, with prompts that were not read before."""
    file = REAL if REAL.exists() else demo_data() / "gpt4tools/gpt4tools_test_unseen.json"
    records = json.loads(file.read_text())
    scorer = ToolCallScorer()

    def work(number: int) -> None:
        for record in records:
            if official_alone:
                score_official(record["output"], record["output"])
                continue
            doc = record | {"instruction": record["instruction"] + " " * number}
            sample = Sample("t", str(record["id"]), doc, record["output"], str(record["id"]))
            scorer.score(sample, Prediction(record["output"]))

    return best(work, len(records))


def main() -> None:
    """Measure and print a line each."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    rows = (
        ("multiple choice, a bare letter", choice(("B",), 5000), "12"),
        ("multiple choice, ten short forms", choice(SHORT, 500), "12"),
        ("multiple choice, 300 words with 16 letters", choice((LONG,), 50), "800"),
        ("GPT4Tools, official alone", tools(True), "15 to 23"),
        ("GPT4Tools, official and strict", tools(False), "92 to 136"),
    )
    for name, microseconds, goal in rows:
        print(f"{name:<44} {microseconds:8.1f} µs  goal {goal}")


if __name__ == "__main__":
    main()

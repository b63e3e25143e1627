"""Multiple choice: the official and the strict way to read the chosen letter."""

from instit_bench.scorers.choice.scorer import ChoiceScorer

__all__ = ["ChoiceScorer"]

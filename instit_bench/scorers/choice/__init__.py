"""Multiple choice: official and strict reading of the chosen letter."""

from instit_bench.scorers.choice.scorer import ChoiceScorer

__all__ = ["ChoiceScorer"]

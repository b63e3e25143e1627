"""Open-ended answers: the judge's request, reading its reply, and scoring without a judge."""

from instit_bench.scorers.judge.contract import JudgeContract, JudgeItem
from instit_bench.scorers.judge.lexical import lexical_score
from instit_bench.scorers.judge.scorer import OpenEndedScorer

__all__ = ["JudgeContract", "JudgeItem", "OpenEndedScorer", "lexical_score"]

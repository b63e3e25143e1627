"""Open-ended answers: what a judge is asked, how its reply is read, and scoring without one."""

from instit_bench.scorers.judge.contract import BadReply, JudgeContract, JudgeItem
from instit_bench.scorers.judge.lexical import lexical_score
from instit_bench.scorers.judge.scorer import OpenEndedScorer

__all__ = ["BadReply", "JudgeContract", "JudgeItem", "OpenEndedScorer", "lexical_score"]

"""Judge cards: how far a judge's scores are from humans', measured on a run (docs/judging.md).

``calibration/<task>.json`` in a run directory is the card of the task's judge, and
``calibration/sheets/<sheet>.json`` the plan by which samples were drawn for humans to score.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from instit_bench.errors import InputError
from instit_bench.runs.manifest import JudgingManifest
from instit_bench.types import Metric
from instit_bench.validation import first_problem

_ROUNDING = 1e-12
_LEAST_COVERED = 0.99  # of the judge's scores
_CHANGED = "the judge's scores have changed since"


class BinaryVerdicts(BaseModel):
    """A judge that says only right or wrong, beside humans that do.

    ``corrected`` is Rogan and Gladen's share of right answers; ``None`` if the judge is no better
    than chance.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sensitivity: float
    specificity: float
    corrected: Metric | None


class JudgeCard(BaseModel):
    """A judge's scores of one task beside human scores of a few drawn samples; all are 0..1.

    ``instructions`` is the SHA-256 of what the judge is told. ``n`` samples in ``clusters`` images
    or videos have a human score, ``n_judged`` have the judge's, whose mean is ``score``;
    ``reported`` is the run's own metric at the time, over ``n_reported`` samples. ``bias`` is
    judge - human, ``error`` its mean absolute value, ``kappa`` the agreement with quadratic
    weights. ``corrected`` is the mean score that humans would give to all judged samples, with
    ``freedom`` degrees of freedom; ``weight`` is that of the judge's scores in it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    metric: str
    judge: str
    instructions: str
    repeats: int
    date: str
    sheet: str
    n: int = Field(ge=1)
    clusters: int = Field(ge=1)
    n_judged: int = Field(ge=1)
    score: float
    n_reported: int
    reported: float
    bias: Metric
    error: Metric
    kappa: float | None
    kappa_ci95: tuple[float, float] | None
    corrected: Metric
    freedom: float
    weight: float
    binary: BinaryVerdicts | None = None

    def problem(self, judging: JudgingManifest | None, current: Metric | None) -> str | None:
        """Return why the card does not apply to a run's scores of the task, if it does not.

        ``judging`` are the run's judges, ``current`` is its value of the card's metric.
        """
        if judging is None or current is None or current.value is None:
            return "the run has no judge's scores now"
        if judging.judges[0] != self.judge:
            return f"it is about {self.judge}, and {judging.judges[0]} gave the scores"
        if judging.contracts.get(self.task) != self.instructions:
            return "the judge's instructions are others than the card's"
        if judging.repeats != self.repeats:
            return f"it is about {self.repeats} repeats, and there are {judging.repeats}"
        return self._problem_of_scores(current)

    def _problem_of_scores(self, current: Metric) -> str | None:
        """Return whether they are others, or too many that the sheet was not drawn from."""
        if current.n != self.n_reported or current.value is None:
            return _CHANGED
        if abs(current.value - self.reported) > _ROUNDING:
            return _CHANGED
        if self.n_judged < _LEAST_COVERED * self.n_reported:
            return (
                f"it is about {self.n_judged} of the {self.n_reported} samples that are judged now "
                "(draw a new sheet)"
            )
        return None


def read_card(path: Path) -> JudgeCard | None:
    """Read a card; ``None`` if there is no such file.

    Raises:
        InputError: It is not valid.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return JudgeCard.model_validate_json(text)
    except ValidationError as error:
        raise InputError(
            f"{path}: is not a valid judge card: {first_problem(error)}; "
            "write it again with `instit-bench judge calibrate`"
        ) from error

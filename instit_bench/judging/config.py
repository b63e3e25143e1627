"""The settings of judging, shared by ``run``, ``score`` and ``judge``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from instit_bench.errors import InputError
from instit_bench.judging.base import JudgeEngine, JudgeOptions
from instit_bench.judging.create import JudgeSetup, chosen_judges, default_judges


class JudgeConfig(BaseModel):
    """Who judges open-ended answers, and how; every field is an option of the same name.

    No ``judge`` named means the official one where a key is set, else nobody.

    Raises:
        InputError: A judge's name is of no known form, or the judge has no Batch API.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    judge: tuple[str, ...] = ()
    judge_base_url: str | None = None
    judge_concurrency: int = Field(default=16, ge=1, le=4096)
    judge_repeats: int = Field(default=1, ge=1, le=100)
    judge_timeout: float = Field(default=120.0, gt=0)
    judge_attempts: int = Field(default=6, ge=1)
    judge_gpu: str | None = None
    judge_engine_arg: tuple[str, ...] = ()
    judge_batch: bool = False
    judge_prices: Path | None = None
    judge_budget: float | None = Field(default=None, gt=0)

    @field_validator("judge", mode="before")
    @classmethod
    def _judges(cls, value: Any) -> Any:
        """``a,b`` is a list too."""
        if isinstance(value, str):
            value = value.split(",")
        return tuple(str(part).strip() for part in value if str(part).strip())

    @property
    def default_judges(self) -> tuple[str, ...]:
        """Who judges where the user names nobody."""
        return default_judges()

    @property
    def judges(self) -> tuple[str, ...]:
        """The judges to ask."""
        return chosen_judges(self.judge) if self.judge else self.default_judges

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        judges = self.judges
        if self.judge_batch and not (len(judges) == 1 and judges[0].startswith("openai:")):
            raise InputError("--judge-batch: name exactly one judge of the form openai:MODEL")
        return self

    def setup(self) -> JudgeSetup:
        """What is needed to make them."""
        return JudgeSetup(
            specs=self.judges,
            base_url=self.judge_base_url,
            options=JudgeOptions(
                concurrency=self.judge_concurrency,
                timeout_s=self.judge_timeout,
                attempts=self.judge_attempts,
            ),
            prices_file=self.judge_prices,
            budget_usd=self.judge_budget,
            engine=JudgeEngine(self.judge_gpu, self.judge_engine_arg),
        )

"""The settings of ``generate items``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from instit_bench.errors import InputError
from instit_bench.validation import field_problem, no_flag

Target = Literal["chain", "step", "complement"]


def _as_range(value: Any) -> Any:
    """Accept ``2..5`` and ``3``."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"(\d{1,4})(?:\.\.(\d{1,4}))?", value.strip())
    if found is None:
        raise ValueError("must be a number or a range such as 2..5")
    low = int(found[1])
    high = int(found[2]) if found[2] else low
    if high < low:
        raise ValueError("must begin with the smaller number")
    return (low, high)


Range = Annotated[tuple[int, int], BeforeValidator(_as_range)]


class ItemOptions(BaseModel):
    """How items are made; every choice that is left to chance comes from ``seed``.

    ``chains`` is the number of calls (``None``: as many as a tool needs). ``target`` says what the
    target is: all turns, one item per turn, or one random turn per conversation.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    _no_flag = field_validator("*", mode="before")(no_flag)

    seed: int = 0
    target: Target = "chain"
    filter: bool = False
    tools_shown: Range = (2, 5)
    chains: Range | None = None
    refusals: Path | None = None
    refusal_ratio: float = Field(1.0, ge=0, le=100, allow_inf_nan=False)
    max_items: int | None = Field(None, ge=1)
    max_images: int | None = Field(None, ge=1)
    max_per_tool: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _from_one(self) -> ItemOptions:
        if self.tools_shown[0] < 1:
            raise ValueError("--tools-shown: at least one tool has to be shown")
        if self.chains is not None and not 1 <= self.chains[0] <= self.chains[1] <= 9:
            raise ValueError("--chains: must be within 1..9")
        return self


def make_options(**values: Any) -> ItemOptions:
    """Return checked options.

    Raises:
        InputError: One is not valid; the message names it.
    """
    try:
        return ItemOptions.model_validate(values)
    except ValidationError as error:
        problem = field_problem(error)
        name = problem.name.partition(".")[0].replace("_", "-")
        raise InputError(
            f"--{name}{problem.text}" if name else problem.text.removeprefix(": ")
        ) from error

"""The keyword arguments of ``run`` and ``judge``, typed: the options of the command line by name.

Their values are validated by the models that the command line uses too, the numbers among other
functions' arguments by ``Numbers``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, Literal, TypedDict, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from instit_bench.comparison.explain.causes import TIE
from instit_bench.errors import InputError
from instit_bench.validation import field_problem, no_flag

Function = TypeVar("Function", bound=Callable[..., Any])

Names = str | Sequence[str]
"""One text, with commas between several, or several texts."""


class JudgeSettings(TypedDict, total=False):
    """How predictions are judged; see ``instit-bench judge run --help``."""

    ray: str | None
    replicas: int | None
    adaptive_concurrency: bool
    judge: Names
    extract_with: str | None
    judge_base_url: str | None
    judge_api_key_env: str | None
    judge_concurrency: int
    judge_repeats: int
    judge_timeout: float
    judge_attempts: int
    judge_gpu: str | None
    judge_gpus_per_replica: int | None
    judge_engine_arg: Names
    judge_batch: bool
    judge_prices: str | Path | None
    judge_budget: float | None


class RunSettings(JudgeSettings, total=False):
    """What to run and how; see ``instit-bench run --help``. Only ``model`` is required.

    ``existing`` says what becomes of a run of that name: ``auto`` resumes it, if there is one.
    """

    until_verdict: bool
    baseline: str | Path | None
    policy: str | Path | None
    margin: float
    stop_rule: Literal["obf", "curtailed", "cs"]
    order_seed: int
    first_look: int
    model_arg: Names
    batch_size: int | None
    gpus_per_replica: int | None
    tensor_parallel: int | None
    data_parallel: int | None
    max_model_len: int | None
    gpu_memory_utilization: float | None
    dtype: str | None
    quantization: str | None
    lora: str | None
    engine_arg: Names
    base_url: str | None
    api_key_env: str | None
    concurrency: int | None
    timeout: float
    max_retries: int
    extra_body: Mapping[str, Any]
    header: Names
    stream: bool
    logprobs: bool
    max_frames: int
    video_as: Literal["frames", "video"]
    video_decoder: Literal["auto", "decord", "pyav"]
    marks: Literal["official", "none", "number", "box", "contour", "mask"]
    renamed_marks: Mapping[str, str]
    temperature: float | Literal["none"] | None
    top_p: float | Literal["none"] | None
    max_tokens: int | Literal["none"] | None
    seed: int | Literal["none"]
    constrain_choices: bool
    model: str
    recipe: str | None
    backend: str
    tasks: Names
    data: str
    revision: str
    include_path: str | Path | Sequence[str | Path]
    output: str | Path
    name: str | None
    limit: int | None
    limit_videos: int | None
    videos_seed: int
    sample_id: Names
    prompt_style: str
    intervention: str | None
    fail_on_error: str | int | float
    stop_after: int
    min_coverage: float
    existing: Literal["auto", "resume", "fresh"]
    no_lock: bool


class Numbers(BaseModel):
    """The numbers among the arguments of functions that read runs, with the command line's bounds.

    Raises:
        InputError: One is not a number, or is out of bounds; the message names it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    _no_flag = field_validator("*", mode="before")(no_flag)

    n: int = Field(60, ge=2)
    seed: int = Field(0, ge=0)
    tie: float = Field(TIE, ge=0)

    def __init__(self, **given: object) -> None:
        try:
            super().__init__(**given)
        except ValidationError as error:
            problem = field_problem(error)
            raise InputError(f"{problem.name}{problem.text}") from error


def spelt_out(
    settings: type[JudgeSettings], model: type[BaseModel]
) -> Callable[[Function], Function]:
    """Have ``help`` and completion show every setting of a function, with its default."""

    def decorate(function: Function) -> Function:
        own, hints = signature(function), settings.__annotations__
        fixed = [p for p in own.parameters.values() if p.kind is not Parameter.VAR_KEYWORD]
        named = [
            Parameter(
                name,
                Parameter.KEYWORD_ONLY,
                default=Parameter.empty if field.is_required() else field.default,
                annotation=getattr(hint := hints[name], "__forward_arg__", hint),
            )
            for name, field in model.model_fields.items()
        ]
        function.__signature__ = own.replace(parameters=[*fixed, *named])  # type: ignore[attr-defined]
        return function

    return decorate

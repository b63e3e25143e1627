"""The settings of a run by subject: each class is a panel of ``run --help``.

A field with a description is an option of its name; ``json_schema_extra`` may say what its value
looks like (``metavar``).
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from instit_bench.backends.options import (
    VideoAs,
    checked_arguments,
    checked_body,
    checked_engine_arguments,
    checked_headers,
)
from instit_bench.errors import InputError
from instit_bench.runs.looks import COUNT, StopRule
from instit_bench.types import MarkStyle, VideoDecoder

NotSent = Literal["none"]
"""Leave a sampling setting to the endpoint, whatever the task says."""


def _as_words(value: Any) -> Any:
    """Accept one or many ``key=value``, or a mapping in a file; values may hold commas."""
    if isinstance(value, dict):
        return tuple(f"{key}={setting}" for key, setting in value.items())
    return (value,) if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_as_words)]
_KEY_VALUE = {"metavar": "key=value"}


class SamplingSettings(BaseModel):
    """How replies are sampled; what is not set is the task's."""

    model_config = ConfigDict(title="Sampling")

    temperature: Annotated[float, Field(ge=0, allow_inf_nan=False)] | NotSent | None = Field(
        None, description="Override the task's temperature; none: do not send it."
    )
    top_p: Annotated[float, Field(gt=0, le=1)] | NotSent | None = Field(
        None, description="Override the task's top_p; none: do not send it."
    )
    max_tokens: Annotated[int, Field(ge=1)] | NotSent | None = Field(
        None, description="Override the task's token limit; none: do not send it."
    )
    seed: int | NotSent = Field(0, description="Sent with every request; none: do not send it.")
    constrain_choices: bool = Field(
        False,
        description="Restrict multiple-choice replies to the option letters (not the official "
        "protocol).",
    )

    @field_validator("temperature", "top_p", "max_tokens", "seed", mode="before")
    @classmethod
    def _none_in_any_case(cls, value: Any) -> Any:
        return value.strip().lower() if isinstance(value, str) else value


class MediaSettings(BaseModel):
    """How images and videos are shown."""

    model_config = ConfigDict(title="Images and videos")

    max_frames: int = Field(32, ge=1, description="Maximum frames per video.")
    video_as: VideoAs = Field(
        "frames", description="Send videos as frames or as files (lmms-eval: as files by default)."
    )
    video_decoder: VideoDecoder = Field("auto", description="Decoder for video files.")
    marks: MarkStyle = Field(
        "official",
        description="How objects are marked: as in the benchmark's media, not at all, or drawn "
        "onto the media without marks (see docs/marks.md).",
    )
    renamed_marks: dict[str, str] = Field(default_factory=dict)

    @field_validator("video_decoder")
    @classmethod
    def _decoder_installed(cls, value: VideoDecoder) -> VideoDecoder:
        if value == "decord" and find_spec("decord") is None:
            raise ValueError("decord is not installed; use auto or pyav")
        return value

    @field_validator("renamed_marks")
    @classmethod
    def _permutation(cls, value: dict[str, str]) -> dict[str, str]:
        numbers = all(name.isascii() and name.isdigit() for name in value)
        if not numbers or set(value) != set(value.values()):
            raise ValueError("must be a permutation of numbers, such as {'1': '3', '3': '1'}")
        return value

    @model_validator(mode="after")
    def _renamed_marks_are_drawn(self) -> Self:
        if self.renamed_marks and self.marks in ("official", "none"):
            raise InputError(
                f"renamed_marks: marks {self.marks!r} draws no numbers; use number, box, contour "
                "or mask"
            )
        return self


class RequestSettings(BaseModel):
    """Where requests go, and how many and how often."""

    model_config = ConfigDict(title="Requests")

    base_url: str | None = Field(
        None,
        description="Base URL of a running OpenAI-compatible server.",
        json_schema_extra={"metavar": "url"},
    )
    api_key_env: str | None = Field(
        None,
        description="Environment variable with the endpoint's key (default: OPENAI_API_KEY, except "
        "over plain http to another machine).",
        json_schema_extra={"metavar": "variable"},
    )
    concurrency: int | None = Field(
        None,
        ge=1,
        le=4096,
        description="Maximum concurrent requests (default: vllm 64, lmms-eval twice the batch "
        "size, others 16).",
    )
    timeout: float = Field(
        600.0, gt=0, allow_inf_nan=False, description="Timeout per attempt in seconds."
    )
    max_retries: int = Field(6, ge=0, description="Maximum retries per request.")
    extra_body: dict[str, Any] = Field(
        default_factory=dict, description="JSON object to merge into the body of every request."
    )
    header: Words = Field(
        (),
        repr=False,
        description="Header for every request; env:VARIABLE as the value reads it from the "
        "environment; repeatable.",
        json_schema_extra={"metavar": "name=value"},
    )
    stream: bool = Field(False, description="Request streamed replies.")
    logprobs: bool = Field(
        False,
        description="Keep the tokens of replies with their log-probabilities, for explain.",
    )

    @field_validator("extra_body", mode="before")
    @classmethod
    def _body_from_json(cls, value: Any) -> Any:
        """Accept JSON on the command line, and a mapping in a config file."""
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"is not valid JSON: {error}") from None

    @field_validator("extra_body")
    @classmethod
    def _checked_body(cls, value: dict[str, Any]) -> dict[str, Any]:
        return checked_body(value)

    @field_validator("header")
    @classmethod
    def _checked_headers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return checked_headers(value)


class EngineSettings(BaseModel):
    """The engine that backend vllm starts."""

    model_config = ConfigDict(title="Engine (vllm)")

    tensor_parallel: int | None = Field(None, ge=1, description="GPUs per copy of the model.")
    data_parallel: int | None = Field(None, ge=1, description="Copies of the model.")
    max_model_len: int | None = Field(
        None, ge=1, description="Maximum request length in tokens (default: whatever fits)."
    )
    gpu_memory_utilization: float | None = Field(
        None, gt=0, le=1, description="Fraction of each GPU's memory to use (0 to 1)."
    )
    dtype: str | None = Field(None, description="Override the model's data type.")
    quantization: str | None = Field(None, description="Quantization method, such as fp8.")
    lora: str | None = Field(
        None, description="LoRA adapter to load.", json_schema_extra={"metavar": "name=path"}
    )
    engine_arg: Annotated[Words, AfterValidator(checked_engine_arguments)] = Field(
        (),
        repr=False,
        description="Argument for vllm serve; repeatable.",
        json_schema_extra={**_KEY_VALUE},
    )


class AdapterSettings(BaseModel):
    """A model of lmms-eval, or of an installed backend."""

    model_config = ConfigDict(title="Other backends")

    model_arg: Words = Field(
        (),
        description="Argument for an lmms-eval model or an installed backend; repeatable.",
        json_schema_extra={**_KEY_VALUE},
    )
    batch_size: int | None = Field(None, ge=1, description="lmms-eval batch size (default: 1).")

    @field_validator("model_arg")
    @classmethod
    def _checked_arguments(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return checked_arguments(value)


class GateSettings(BaseModel):
    """When a run may stop before its end; see docs/ci.md."""

    model_config = ConfigDict(title="Until a verdict")

    until_verdict: bool = Field(
        False, description="Stop as soon as the check against --baseline is settled."
    )
    baseline: Path | None = Field(
        None, description="Run folder, or a file from `baseline save`, for --until-verdict."
    )
    policy: Path | None = Field(None, description="YAML file of rules, for --until-verdict.")
    margin: float = Field(
        0.05, gt=0, le=1, description="Drop beyond the allowed one that a pass rules out."
    )
    stop_rule: StopRule = Field(
        "obf", description="How the looks keep the error level (see docs/statistics.md)."
    )
    order_seed: int = Field(0, description="Seed of the order of images and videos.")
    first_look: int = Field(
        1, ge=1, le=COUNT, description=f"The first of the {COUNT} looks at which to stop."
    )

    @model_validator(mode="after")
    def _together(self) -> Self:
        """Refuse a baseline that nothing is compared with, and a verdict on nothing."""
        if self.until_verdict and self.baseline is None:
            raise InputError(
                "--until-verdict needs --baseline: the run that the check compares with"
            )
        if not self.until_verdict and (self.baseline or self.policy):
            name = "--baseline" if self.baseline else "--policy"
            raise InputError(
                f"{name} is only used with --until-verdict; check a finished run with "
                "`instit-bench check RUN --baseline FILE`"
            )
        return self

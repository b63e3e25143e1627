"""The settings of ``generate instructions``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, ValidationError, field_validator

from instit_bench.backends.base import BackendOptions, Workload
from instit_bench.backends.create import BACKENDS
from instit_bench.backends.options import AdapterOptions, EndpointOptions, EngineOptions
from instit_bench.cluster.settings import ReplicaSettings
from instit_bench.errors import InputError
from instit_bench.evaluation.config import errors_allowed
from instit_bench.evaluation.settings import EngineSettings, RequestSettings
from instit_bench.generation.catalogue import SHIPPED
from instit_bench.types import GenerationParams
from instit_bench.validation import did_you_mean, field_problem, names_in, no_flag


class WriterConfig(RequestSettings, ReplicaSettings, EngineSettings):
    """Who writes instructions on which captions, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="Options")
    _no_flag = field_validator("*", mode="before")(no_flag)

    captions: Path = Field(
        description="Captions: GPT4Tools' list, COCO's JSON, JSONL, CSV or Parquet."
    )
    model: str = Field(
        min_length=1, max_length=4096, description="Name of the model that writes instructions."
    )
    backend: Literal["openai", "vllm"] = Field("vllm", description="openai or vllm.")
    tools: tuple[str, ...] = Field(
        SHIPPED, description="Catalogues: gpt4tools, novel, or YAML files; repeatable."
    )
    output: Path = Field(Path("instructions"), description="Folder for the replies.")
    limit: int | None = Field(None, ge=1, description="Ask for the first N captions only.")
    temperature: float = Field(
        0.7, ge=0, allow_inf_nan=False, description="Sampling temperature of the writer."
    )
    max_tokens: int = Field(4096, ge=1, description="Maximum tokens per reply.")
    seed: int = Field(0, description="Sent with every request.")
    fail_on_error: str = Field(
        "0", description="Captions that may fail: a count (10) or a fraction (0.05)."
    )
    stop_after: int = Field(
        20, ge=0, description="Stop after N consecutive requests fail alike (0: never)."
    )
    prices: Path | None = Field(
        None, description="JSON file of prices in US dollars per million tokens."
    )
    budget: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="Stop before spending more than this in US dollars (exit 3).",
    )
    token_budget: int | None = Field(
        None, ge=1, description="Stop before using more than this many tokens (exit 3)."
    )

    @field_validator("tools", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        """Accept ``a,b`` as a list."""
        if isinstance(value, list | tuple):
            value = ",".join(map(str, value))
        return tuple(names_in(value)) if isinstance(value, str) else value

    @field_validator("fail_on_error")
    @classmethod
    def _checked(cls, value: str) -> str:
        errors_allowed(value, 1)
        return value

    @property
    def in_flight(self) -> int:
        """The maximum number of concurrent requests, of each replica."""
        return self.concurrency or BACKENDS.load(self.backend).in_flight(AdapterOptions())

    @property
    def params(self) -> GenerationParams:
        """The sampling settings of every request."""
        return GenerationParams(
            max_tokens=self.max_tokens, temperature=self.temperature, seed=self.seed
        )

    def backend_options(self, workload: Workload) -> BackendOptions:
        """Return the backend's options."""
        return BackendOptions(
            model=self.model,
            base_url=self.base_url,
            timeout_s=self.timeout,
            max_retries=self.max_retries,
            concurrency=self.in_flight,
            seed=self.seed,
            engine=EngineOptions(
                **{name: getattr(self, name) for name in EngineSettings.model_fields}
            ),
            endpoint=EndpointOptions(self.api_key_env, self.extra_body, self.header, self.stream),
            workload=workload,
        )


def make_writer_config(values: dict[str, Any]) -> WriterConfig:
    """Return checked settings.

    Raises:
        InputError: One is missing or not valid; the message names its option.
    """
    try:
        return WriterConfig.model_validate(values)
    except ValidationError as error:
        problem = field_problem(
            error,
            lambda found: (
                did_you_mean(str(found["loc"][0]), WriterConfig.model_fields)
                if found["type"] == "extra_forbidden"
                else ""
            ),
        )
        name = problem.name.partition(".")[0]
        text = problem.text
        if name == "header":  # its value may be a secret
            text = re.sub(r" \(found .*", "", text)
        raise InputError(f"--{name.replace('_', '-')}{text}") from error

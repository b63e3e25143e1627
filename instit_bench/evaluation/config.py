"""The settings of a run: one model for the command line, the config file and Python."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from instit_bench.backends.base import BackendOptions, Workload
from instit_bench.backends.create import BACKENDS
from instit_bench.backends.options import AdapterOptions, EndpointOptions, EngineOptions
from instit_bench.cluster.settings import ReplicaSettings
from instit_bench.endpoint.address import Endpoint, address_of, find_endpoint
from instit_bench.endpoint.hosts import host_of, is_nearby
from instit_bench.endpoint.keys import NO_VARIABLE, belongs_to, share_a_key
from instit_bench.errors import InputError
from instit_bench.evaluation.recipes import with_recipe
from instit_bench.evaluation.settings import (
    AdapterSettings,
    EngineSettings,
    GateSettings,
    MediaSettings,
    RequestSettings,
    SamplingSettings,
)
from instit_bench.judging.config import JudgeConfig
from instit_bench.validation import did_you_mean, field_problem, read_yaml

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

DEFAULT_TASKS = ("inst_it_bench", "gpt4tools")


class RunConfig(
    SamplingSettings,
    MediaSettings,
    RequestSettings,
    ReplicaSettings,
    EngineSettings,
    AdapterSettings,
    GateSettings,
    JudgeConfig,
):
    """The settings of ``instit-bench run``; a field with a description is an option of its name."""

    model_config = ConfigDict(title="Options")

    model: str = Field(
        min_length=1,
        max_length=4096,
        description="Name of the model; for backend baseline: random, first, echo-gold or text:…; "
        "repeatable: several models run as a suite (see docs/suites.md).",
        json_schema_extra={"repeatable": True},
    )
    recipe: str | None = Field(
        None,
        description="Settings for a known checkpoint (see instit-bench models), with --model for "
        "its weights; its name as --model alone does the same.",
        json_schema_extra={"metavar": "name"},
    )
    backend: str = Field("vllm", description="vllm, openai, lmms-eval, baseline or a plugin's.")
    tasks: tuple[str, ...] = Field(
        DEFAULT_TASKS, description="Tasks and groups, comma-separated; repeatable."
    )
    data: str = Field(
        "hub",
        description="hub, demo, or a path to a folder or file.",
    )
    revision: str = Field("main", description="Hub revision of the dataset.")
    include_path: tuple[Path, ...] = Field(
        (), description="Folder with additional task plugins; repeatable."
    )
    output: Path = Field(Path("results"), description="Folder for runs.")
    name: str | None = Field(
        None, description="Folder name of the run (default: from model and data)."
    )
    limit: int | None = Field(None, ge=1, description="Run only the first N samples per task.")
    limit_videos: int | None = Field(
        None,
        ge=1,
        description="Run only the samples of N videos or images per task, drawn by --videos-seed; "
        "a larger N adds to them.",
    )
    videos_seed: int = Field(0, description="Seed of the draw of --limit-videos.")
    sample_id: tuple[str, ...] = Field((), description="Run only this sample; repeatable.")
    prompt_style: str = Field(
        "chat", description="chat, raw, turbo, davinci, lora-v1 or lora-v1.5 (see docs/tasks.md)."
    )
    intervention: str | None = Field(
        None,
        description="Alter every request, such as blind or reversed-frames (see docs/audit.md).",
    )
    fail_on_error: str = Field(
        "0", description="Samples that may fail: a count (10) or a fraction (0.05)."
    )
    stop_after: int = Field(
        20, ge=0, description="Stop after N consecutive requests fail alike (0: never)."
    )
    min_coverage: float = Field(
        0.0, ge=0, le=1, description="Exit 3 if a task's coverage is lower (0 to 1)."
    )
    existing: Literal["auto", "resume", "fresh"] = "auto"
    no_lock: bool = Field(
        False,
        description="Do not lock the run (for file systems without locks); "
        "never start two processes on one run.",
    )

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, values: Any) -> Any:
        """Take what a recipe says; some backends read a video file themselves, in their own way."""
        if isinstance(values, dict):
            values = with_recipe(values)
        name = values.get("backend") if isinstance(values, dict) else None
        if isinstance(name, str) and name in BACKENDS:
            return {"video_as": BACKENDS.load(name).video_as} | values
        return values

    @field_validator("tasks", "sample_id", "include_path", mode="before")
    @classmethod
    def _split(cls, value: Any, info: ValidationInfo) -> Any:
        """Accept ``a,b`` as a list; YAML may read an id as a number."""
        if isinstance(value, Path):
            return (value,)
        if info.field_name == "tasks" and isinstance(value, list | tuple):
            value = ",".join(map(str, value))  # names hold no commas, as ids and folders may
        if isinstance(value, str):
            value = value.split(",")
        if isinstance(value, list | tuple):
            return tuple(str(part).strip() for part in value if str(part).strip())
        return value

    @property
    def default_judges(self) -> tuple[str, ...]:
        """The benchmark's own judge, but for a model of one's own nobody.

        A key in the environment is no order to pay for the answers of a model that costs nothing,
        and the key of one provider is not for another one's judge.
        """
        model, judge = self._addresses
        asks_a_provider = self.backend == "openai" and not is_nearby(model)
        has_a_key = bool(self.judge_api_key_env) or host_of(model) == host_of(judge)
        return super().default_judges if asks_a_provider and has_a_key else ()

    @model_validator(mode="after")
    def _each_endpoint_has_its_own_key(self) -> Self:
        """Refuse to send the one usual key to two providers: one of them would learn it."""
        model, judge = self._addresses
        if self._two_endpoints_without_keys_of_their_own and share_a_key(model, judge):
            raise InputError(
                f"OPENAI_API_KEY would be sent to both {host_of(model)} and {host_of(judge)}; name "
                "the variable of each key with --api-key-env and --judge-api-key-env"
            )
        return self

    @property
    def _addresses(self) -> tuple[str, str]:
        return address_of(self.base_url), address_of(self.judge_base_url)

    @property
    def _two_endpoints_without_keys_of_their_own(self) -> bool:
        asked = (*self.judges, self.extractor or "")
        judged = any(name.startswith("openai:") for name in asked)
        named = self.api_key_env or self.judge_api_key_env
        return self.backend == "openai" and judged and not named

    def judge_endpoint(self) -> Endpoint:
        """A judge on this machine gets no key that is the model's provider's."""
        model, judge = self._addresses
        if self._two_endpoints_without_keys_of_their_own and belongs_to(model, judge):
            return find_endpoint(judge, "--judge-base-url", key_env=NO_VARIABLE)
        return super().judge_endpoint()

    @property
    def _model_key_env(self) -> str | None:
        """A model on this machine gets no key that is the judge's provider's."""
        model, judge = self._addresses
        if self._two_endpoints_without_keys_of_their_own and belongs_to(judge, model):
            return NO_VARIABLE
        return self.api_key_env

    @property
    def in_flight(self) -> int:
        """Concurrent requests: a local model fills its batch, an endpoint gets fewer."""
        return self.concurrency or BACKENDS.load(self.backend).in_flight(self.adapter_options())

    @property
    def model_label(self) -> str:
        """The model's name in rows and folders; for lmms-eval it includes the weights."""
        weights = self.adapter_options().weights
        return f"{self.model}:{weights}" if weights else self.model

    def backend_options(self, workload: Workload) -> BackendOptions:
        """Return the backend's options for a run with this workload."""
        return BackendOptions(
            model=self.model,
            base_url=self.base_url,
            timeout_s=self.timeout,
            max_retries=self.max_retries,
            concurrency=self.in_flight,
            seed=0 if self.seed == "none" else self.seed,
            engine=self.engine_options(),
            adapter=self.adapter_options(),
            endpoint=self.endpoint_options(),
            workload=workload,
        )

    def engine_options(self) -> EngineOptions:
        """Return the options of an engine that this program starts."""
        return EngineOptions(
            **{option.name: getattr(self, option.name) for option in fields(EngineOptions)}
        )

    def endpoint_options(self) -> EndpointOptions:
        """Return what is sent to the endpoint beyond the protocol."""
        return EndpointOptions(
            self._model_key_env, self.extra_body, self.header, self.stream, self.logprobs
        )

    def adapter_options(self) -> AdapterOptions:
        """Return the options of an lmms-eval model or an installed backend."""
        return AdapterOptions(self.model_arg, self.batch_size)

    @field_validator("fail_on_error", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int | float) else value

    @field_validator("fail_on_error")
    @classmethod
    def _checked(cls, value: str) -> str:
        errors_allowed(value, 1)
        return value


def errors_allowed(setting: str, total: int) -> int:
    """Return how many of ``total`` samples may fail: a count (``10``) or a fraction (``0.05``).

    Raises:
        ValueError: It is neither.
    """
    try:
        allowed = float(setting) * total if "." in setting else int(setting)
    except ValueError:
        raise ValueError("must be a count such as 10 or a fraction such as 0.05") from None
    if allowed < 0 or ("." in setting and float(setting) > 1):
        raise ValueError("must be a count such as 10 or a fraction from 0.0 to 1.0")
    return int(allowed)


def make_config(file: Path | None, overrides: dict[str, Any]) -> RunConfig:
    """Read the settings from a YAML file, if any, overridden by explicit ones.

    Raises:
        InputError: The file or a setting is not valid; the message names it.
    """
    values = read_settings(file) if file else {}
    values |= overrides
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        raise InputError(_problem(error, file, overrides)) from error


def make_judge_config(settings: dict[str, Any]) -> JudgeConfig:
    """Return the judging settings alone.

    Raises:
        InputError: A setting is not valid; the message names it.
    """
    try:
        return JudgeConfig.model_validate(settings)
    except ValidationError as error:
        raise InputError(_problem(error, None, settings)) from error


def read_settings(file: Path) -> dict[str, Any]:
    """Read a config file's settings, unchecked.

    Raises:
        InputError: The file cannot be read, or is not a YAML mapping.
    """
    values = read_yaml(file, f"--config {file}")
    return {str(key).replace("-", "_"): value for key, value in values.items()}


def _problem(error: ValidationError, file: Path | None, overrides: dict[str, Any]) -> str:
    """Return the first problem, under the name by which the user set the value."""
    problem = field_problem(error, setting_hint)
    key = problem.name.partition(".")[0]
    option = "--" + key.replace("_", "-")
    where = option if key in overrides or file is None else f"{file}: field {key!r}"
    if key == "header":  # its value may be a secret
        return where + re.sub(r" \(found .*", "", problem.text)
    return f"{where}{problem.text}"


def setting_hint(problem: ErrorDetails) -> str:
    """Return advice for an invalid setting, with its separator, or nothing."""
    key = str(problem["loc"][0])
    if key in ("temperature", "top_p", "max_tokens", "seed"):
        return "; or none, to leave it to the endpoint"
    if problem["type"] != "extra_forbidden":
        return ""
    return did_you_mean(key, RunConfig.model_fields)
